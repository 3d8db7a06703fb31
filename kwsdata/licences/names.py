"""Recognise licences in the ways that people write them: ids, lists, expressions, names and addresses."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from kwsdata.licences.table import ALIASES, CC_VERSIONS, EXCEPTIONS, LICENCES, Licence

_HYPHENS = re.compile("[\u2010-\u2015\u2212]")  # hyphens and dashes that are no "-"
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")  # soft hyphen, spaces without width, mark of byte order
_PER_CLIP = re.compile(r"\s+per\s+(clip|file|recording|item)\s*$")
_BETWEEN = re.compile(r"\s+or\s+(?!later)|\s+and\s+|\s+[+&]\s+|\s*[,;|](?!\s*version)\s*")
_SLASH = re.compile(r"\s*/\s*")
_DEDICATION = "public domain dedication"
_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/?([0-9.]*)(/.*)?"
)

# The words of Creative Commons' full names, longest first.
_CC_WORDS = (
    (r"non-?commercial", "nc"),
    (r"no-?deriv(ative)?s(-works)?", "nd"),
    (r"share-?alike", "sa"),
    (r"attribution", "by"),
)
_CC_KINDS = frozenset({"by", "nc", "nd", "sa"})
_CC_TAILS = frozenset({"international", "intl", "unported", "generic"})
_CC_PORTS = frozenset({"at", "au", "de", "fr", "igo", "nl", "uk", "us"})  # versions for one country, as SPDX lists them


def licences_of(text: str | Iterable[str]) -> list[Licence] | None:
    """Return the licences that `text` names, or None where one of them is not in the table.

    "CC0 or CC-BY per clip" names two, and all of them count: nobody says which clip has which, so the dataset must
    meet the terms of each. An SPDX "A OR B" is read as strictly. "A+" and "A-or-later" are read as A, and "A WITH E" as
    A, as an exception of SPDX takes nothing away. Letters of other scripts that look like ours are none of ours.

    Args:
        text: one text, or several that all count.
    """
    every = [_licences_of(one) for one in ([text] if isinstance(text, str) else text)]
    return None if not every or None in every else list(dict.fromkeys(one for some in every for one in some or ()))


@lru_cache(maxsize=4096)
def _licences_of(text: str) -> tuple[Licence, ...] | None:
    plain = _UNSEEN.sub("", _HYPHENS.sub("-", unicodedata.normalize("NFKC", text))).casefold()
    names: list[str] = []
    for part in _BETWEEN.split(_PER_CLIP.sub("", plain)):
        names += [part] if _at_address(part) else _SLASH.split(part)
    found = [_at_address(name) or _named(_PER_CLIP.sub("", name)) for name in names]
    return None if None in found else tuple(licence for licence in found if licence is not None)


def _at_address(text: str) -> Licence | None:
    """Return the licence that an address at creativecommons.org stands for."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        return None
    where, kind, version, _ = found.groups()
    if where == "publicdomain":
        return LICENCES[{"zero": "cc0-1.0", "mark": "public-domain"}[kind]] if kind in ("zero", "mark") else None
    return _creative_commons(f"cc-{kind}-{version}".rstrip("-"))


def _named(name: str) -> Licence | None:
    """Return the licence of one name, with what may stand around it: "the", "License", brackets, an exception."""
    name, _, exception = name.strip().partition(" with ")
    if exception and exception.strip() not in EXCEPTIONS:
        return None
    if (twice := re.fullmatch(rf"([^()]+)\(([^()]+)\)\s*(?:{_DEDICATION})?", name)) is not None:  # "MIT License (MIT)"
        first, second = map(_named, twice.groups())
        return first if first == second else None
    plain = re.sub(r",?[\s_-]+", "-", name.strip().strip("().")).removeprefix("the-")
    plain = re.sub(r"^gnu-general-public-licen[cs]e-", "gpl-", re.sub(r"^creative-commons-", "cc-", plain))
    plain = re.sub(r"-(?:version-|v)([0-9])", r"-\1", plain.removesuffix(f"-{_DEDICATION.replace(' ', '-')}"))
    plain = re.sub(r"-licen[cs]e(?=-[0-9]|$)", "", plain)
    for spelling in (plain, plain.removesuffix("-universal"), plain.removesuffix("-or-later"), plain.removesuffix("+")):
        licence = LICENCES.get(ALIASES.get(spelling, spelling)) or _creative_commons(spelling)
        if licence is not None:
            return licence
    return None


def _creative_commons(plain: str) -> Licence | None:
    """Return the CC licence of a name such as "cc-by-nc-4.0", its parts in any order; None for any other word in it."""
    for words, short in _CC_WORDS:
        plain = re.sub(words, short, plain)
    head, *parts = re.sub(r"^cc-?(?=by)", "cc-", plain).split("-")
    kinds = [part for part in parts if part in _CC_KINDS]
    rest = [part for part in parts if part not in _CC_KINDS]
    if head != "cc" or "by" not in kinds or len(set(kinds)) < len(kinds) or parts[: len(kinds)] != kinds:
        return None
    version = rest.pop(0) if rest and re.fullmatch(r"[0-9][0-9.]*", rest[0]) else ""
    version = f"{version}.0" if f"{version}.0" in CC_VERSIONS else version
    if len(rest) > 1 or not set(rest) <= _CC_TAILS | _CC_PORTS:
        return None
    order = [kind for kind in ("by", "nc", "nd", "sa") if kind in kinds]
    return LICENCES.get("-".join(["cc", *order, *([version] if version else [])]))
