"""Escape untrusted text for Markdown."""

import re

_SPECIAL = re.compile(r"[\\`<\[\]]|&(?=#?\w+;)")


def plain(value: object) -> str:
    """Return `value` as Markdown that shows its text, white space collapsed."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(str(value).split()))


def cell(value: object) -> str:
    """Return the same for a cell of a table; `-` for nothing."""
    return plain(value).replace("|", "\\|") or "-"


def code(value: object) -> str:
    """Return `value` as Markdown's code, in which nothing is markup."""
    return "`" + " ".join(str(value).replace("`", "'").split()) + "`"
