"""Read the CSV and TSV tables that corpora come with; a bad line is rejected, the rest is read."""

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError, NamedPathError, OutsidePathError
from kwsdata.files.named_paths import NamedFiles, quote
from kwsdata.importers.source import FileSound, Source

LONGEST_LINE = 1 << 17  # characters
_LINES_OF_A_ROW = 20  # a text in quotation marks may hold line breaks
_HOPELESS = 1000  # bad rows in a row from the start: it is another kind of file
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # UTF-32-LE begins as UTF-16-LE does
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how `surrogateescape` reads such a byte
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


class Line(NamedTuple):
    """One line of a text file, without its end; `fault` says why it cannot be used."""

    number: int
    text: str
    fault: str | None = None


class Row(NamedTuple):
    """One row of a table: its first line's number, and its values by column ("" where it has none)."""

    line: int
    values: dict[str, str]


def lines_of(path: Path) -> Iterator[Line]:
    """Yield the lines of a UTF-8 file that are not blank.

    Raises:
        CorpusError: it cannot be read, or is UTF-16 or UTF-32.
    """
    try:
        with path.open("rb") as file:
            if file.read(4).startswith(_WIDE_MARKS):
                raise CorpusError(f"{path} is UTF-16 or UTF-32: save it as UTF-8.")
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            for number, line in enumerate(_bounded(text), start=1):
                if not line.isspace():
                    yield Line(number, line.rstrip("\r\n"), _fault(line))
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror}).") from None


def _bounded(text: TextIO) -> Iterator[str]:
    """Yield lines, of a longer one no more than `LONGEST_LINE` + 1 characters."""
    while line := text.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(("\n", "\r")):
            line = text.readline(LONGEST_LINE + 1)


def _fault(line: str) -> str | None:
    if len(line) > LONGEST_LINE:
        return f"longer than {LONGEST_LINE} characters"
    if found := _NOT_UTF8.search(line):
        return f"not UTF-8 (byte 0x{ord(found[0]) - 0xDC00:02x} at character {found.start() + 1}): save it as UTF-8"
    if found := _CONTROL.search(line):
        return f"no text (control character 0x{ord(found[0]):02x} at character {found.start() + 1})"
    return None


def rows_of(
    path: Path, needed: Sequence[str], optional: Sequence[str] | None = None, *, tabs: bool = False, name: str = ""
) -> Iterator[Row | Reject]:
    """Yield the rows of a UTF-8 table with a header, and a reject ("NAME:LINE") for each that cannot be used.

    Args:
        path: of the table.
        needed: columns it must have.
        optional: the only other columns it may have; None allows any.
        tabs: tab-separated, where a quotation mark is a letter like any other; else CSV.
        name: of the table in rejects; by default the file's.

    Raises:
        CorpusError: the file cannot be read as such a table, lacks a column, or has one that means nothing.
    """
    name = name or path.name
    records = (_tab_separated if tabs else _comma_separated)(lines_of(path))
    fields, _ = next(records, ([], 0))
    if isinstance(fields, str):
        raise CorpusError(f"{path} is no table: its first line is {fields}.")
    names = [column.strip() for column in fields]
    while names and not names[-1]:  # a spreadsheet may leave empty ones
        names.pop()
    _check_header(path, names, needed, optional)
    good = bad = 0
    for fields, line in records:
        fault = fields if isinstance(fields, str) else _misfit(fields, names, needed, tabs)
        if fault is not None:
            bad += 1
            if bad == _HOPELESS and not good:
                raise CorpusError(f"{path}: none of its first {bad} rows can be used; line {line} is {fault}.")
            yield Reject(f"{name}:{line}", fault)
        elif any(values := [field.strip() for field in fields]):  # a spreadsheet leaves rows of commas alone
            good += 1
            yield Row(line, dict.fromkeys(names, "") | dict(zip(names, values, strict=False)))


def source_of(files: NamedFiles, name: str, key: str | None = None, **told: Any) -> Source | Reject:
    """Return the sound that a table calls `name`, or a reject where it may not be read; `told` are fields of `Source`.

    `name` is counted from the folder of `files`, or absolute and below it. `key` is the path below it if it is None.
    """
    try:
        path = files.path_or_absolute(name)
    except NamedPathError as error:
        return Reject(key or quote(name), refusal(error))
    if key is None:
        key = path.relative_to(files.root).as_posix() if path.is_relative_to(files.root) else name
    return Source(key, FileSound(path), **told)


def refusal(error: NamedPathError) -> str:
    """Return why a sound is left out whose place is refused."""
    if isinstance(error, OutsidePathError):
        return f"outside the corpus ({error}); --allow-outside reads files elsewhere, too"
    return f"no sound file ({error})"


def columns_of(asked: Iterable[str]) -> dict[str, str]:
    """Return what `--column WHAT=NAME`, ... ask for.

    Raises:
        CorpusError: one is not of that form, or WHAT is there twice.
    """
    columns: dict[str, str] = {}
    for pair in asked:
        what, sign, name = pair.partition("=")
        if not (what and sign and name) or what in columns:
            raise CorpusError(f"--column {pair}: it must be WHAT=NAME, such as text=sentence, and each WHAT once.")
        columns[what] = name
    return columns


def check_columns(asked: Mapping[str, str], known: Sequence[str]) -> None:
    """Check what `--column` asks for.

    Raises:
        CorpusError: it is none of `known`.
    """
    for what, name in asked.items():
        if what not in known:
            raise CorpusError(f"--column {what}={name}: {what!r} must be one of {', '.join(known)}.")


def _check_header(path: Path, names: Sequence[str], needed: Sequence[str], optional: Sequence[str] | None) -> None:
    missing = [name for name in needed if name not in names]
    strange = [name for name in names if optional is not None and name not in (*needed, *optional)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if missing or strange or twice:
        faults = (
            (missing, "lacks the columns"),
            (strange, "has the columns"),
            (twice, "has twice the columns"),
        )
        what = next(f"{words} {', '.join(found)}" for found, words in faults if found)
        allowed = f"; it may have {', '.join((*needed, *optional))}" if optional is not None else ""
        header = ",".join(names)[:200] or "(empty)"
        hint = " Its columns must be separated by commas." if missing and ";" in header else ""
        raise CorpusError(f"{path} {what}; its header is {header}{allowed}.{hint}")


def _misfit(fields: Sequence[str], names: Sequence[str], needed: Sequence[str], tabs: bool) -> str | None:
    """Return why `fields` are no row of the columns `names`, or None."""
    count = f"{len(fields)} fields where the header has {len(names)}"
    if any(field.strip() for field in fields[len(names) :]):
        advice = "a tab too many" if tabs else "a text that holds commas needs quotation marks"
        return f"not in columns ({count}: {advice})"
    if any(names.index(name) >= len(fields) for name in needed) and any(field.strip() for field in fields):
        return f"not in columns ({count})"
    return None


def _tab_separated(lines: Iterable[Line]) -> Iterator[tuple[list[str] | str, int]]:
    """Yield (the fields of a row or what is wrong with it, its line)."""
    for line in lines:
        yield line.fault or line.text.split("\t"), line.number


def _comma_separated(lines: Iterable[Line]) -> Iterator[tuple[list[str] | str, int]]:
    """Yield (the fields of a row or what is wrong with it, its first line); after a bad row the next line is read."""
    coming = iter(lines)
    ahead: deque[Line] = deque()
    while ahead or (ahead := deque(islice(coming, 1))):
        count = 1
        while (fields := _fields(islice(ahead, count))) is None and count < _LINES_OF_A_ROW:
            if len(ahead) == count:
                ahead.extend(islice(coming, 1))
            if len(ahead) == count:
                break
            count += 1
        if fields is None:
            fields = "no CSV (a quotation mark is opened and not closed)"
        if isinstance(fields, str):
            count = 1
        yield fields, ahead[0].number
        for _ in range(count):
            ahead.popleft()


def _fields(lines: Iterable[Line]) -> list[str] | str | None:
    """Return the fields of one row, what is wrong with it, or None where a quotation mark is still open."""
    texts = []
    for line in lines:
        if line.fault is not None:
            return line.fault
        texts.append(f"{line.text}\n")
    try:
        return next(csv.reader(texts, strict=True))
    except csv.Error as error:
        return None if str(error) == "unexpected end of data" else f"no CSV ({error})"
