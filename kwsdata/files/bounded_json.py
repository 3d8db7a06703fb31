"""Read JSON from untrusted files within limits on line length, nesting and encoding.

A manifest of a few kilobytes can hold a line of gigabytes (gzipped) or a value nested a million deep; both end in a
ValueError here, before they fill the memory or the stack.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

LONGEST_LINE = 16 << 20  # bytes: a row is a clip with all that is known of it
DEEPEST = 64  # values inside one another
_HALVES = re.compile("[\ud800-\udfff]")  # JSON may escape one half of a surrogate pair
UNREADABLE = (ValueError, EOFError, OSError, zlib.error)  # of a file that may be damaged


def parse_json(data: bytes | str, unique_keys: bool = False) -> Any:
    """Return the value of some JSON; with `unique_keys`, no object may name a key twice.

    Raises:
        ValueError: it is not UTF-8, not JSON, nested too deep, holds half a character, or names a key twice.
    """
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        value = json.loads(text, object_pairs_hook=_unique) if unique_keys else json.loads(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from None
    except RecursionError:
        raise ValueError(f"values are nested more than {DEEPEST} deep") from None
    if text.count("[") + text.count("{") > DEEPEST and _deeper(value, DEEPEST):
        raise ValueError(f"values are nested more than {DEEPEST} deep")
    if ("\\ud" in text or "\\uD" in text) and _HALVES.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("it holds half of a character, which cannot be written as UTF-8")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return values


def _deeper(value: Any, most: int) -> bool:
    """Return whether lists and objects of `value` are more than `most` inside one another, without recursion."""
    level = [value]
    for _ in range(most):
        level = [inner for outer in level for inner in _values(outer) if isinstance(inner, dict | list)]
    return bool(level)


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def bounded_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) of each line of `file`; lines without text are left out.

    Raises:
        ValueError: a line is longer than `LONGEST_LINE`; it is not read further.
    """
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise ValueError(f"the line is longer than {LONGEST_LINE >> 20} MiB")
        if not line.isspace():
            yield number, line


def open_plain(path: Path) -> BinaryIO:
    """Open a file to read its bytes, unzipped if it is called `.gz`. What reading raises is in `UNREADABLE`."""
    return open_unzipped(path) if path.suffix == ".gz" else path.open("rb")


def open_unzipped(file: Path | BinaryIO) -> BinaryIO:
    """Open a gzipped file, or one that is open (and stays so), to read its bytes in large blocks."""
    return io.BufferedReader(gzip.open(file, "rb"), 1 << 20)


def pairs_of(value: Any) -> tuple[tuple[str, str], ...] | None:
    """Return a parsed list [[text, text], ...] as pairs; None if it is anything else."""
    match value:
        case list() if all(isinstance(row, list) and [type(one) for one in row] == [str, str] for row in value):
            return tuple((first, second) for first, second in value)
        case _:
            return None
