"""Read rows of untrusted Lhotse manifests within limits, and refuse dangerous ones before Lhotse acts on them.

What a row calls a source of sound may be a command that a shell runs, a URL that is asked for, or any file of this
machine. Each needs the user's consent, which is a flag: `--allow-commands`, `--allow-urls`, `--allow-outside`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError, OutsidePathError
from kwsdata.files.bounded_json import UNREADABLE, bounded_lines, open_plain, parse_json
from kwsdata.files.named_paths import NamedFiles, quote
from kwsdata.importers.declaration import Options

_LARGEST = 256 << 20  # bytes of a manifest that is one JSON list
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOPELESS = 1000  # bad rows from the start: it is another kind of file


class Row(NamedTuple):
    """One row of a manifest; `place` is "NAME:LINE", or "NAME:NUMBER" in a list."""

    place: str
    values: dict[str, Any]


def rows_of(path: Path) -> Iterator[Row | Reject]:
    """Yield the rows of a manifest; a line that is no JSON object is a reject.

    Raises:
        CorpusError: the file is of another kind, cannot be read, or holds nothing but such lines.
    """
    good, bad, said = 0, 0, ""
    for place, data in _lines(path) if ".jsonl" in path.suffixes else _list(path):
        try:
            values = parse_json(data, unique_keys=True) if isinstance(data, bytes) else data
            if not isinstance(values, dict):
                raise ValueError(f"it is no JSON object but {quote(values)}")
        except ValueError as error:
            bad, said = bad + 1, f"{place}: {error}"
            if bad == _HOPELESS and not good:
                break
            yield Reject(place, f"malformed ({error})")
        else:
            good += 1
            yield Row(place, values)
    if bad and not good:
        raise CorpusError(f"{path} is not a manifest that Lhotse reads ({said}).")


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    place = path.name
    try:
        with open_plain(path) as file:
            for number, line in bounded_lines(file):
                place = f"{path.name}:{number}"
                yield place, line
    except UNREADABLE as error:
        raise CorpusError(f"{path} cannot be read after {place} ({error}): fetch it again.") from None


def _list(path: Path) -> Iterator[tuple[str, Any]]:
    if ".json" not in path.suffixes:
        raise CorpusError(
            f"{path} is no manifest (.jsonl, .jsonl.gz, .json or .json.gz): write it as one with `lhotse copy`."
        )
    try:
        with open_plain(path) as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST >> 20} MiB; `lhotse copy` writes it as .jsonl.gz")
        rows = parse_json(data, unique_keys=True)
        if not isinstance(rows, list):
            raise ValueError("it is no list of rows")
    except UNREADABLE as error:
        raise CorpusError(f"{path} is not a manifest that Lhotse reads ({error}).") from None
    for number, row in enumerate(rows, start=1):
        yield f"{path.name}:{number}", row


class Judge:
    """What the rows of one manifest may make Lhotse do."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._files = NamedFiles(folder, options.allow_outside)
        self._options = options

    def judge(self, row: Row, in_shar: bool = False) -> None:
        """Check every source of sound in `row`, however deep, and make its paths such that they can be opened.

        `in_shar`: the sound lies in a tar, and the row says so.

        Raises:
            CorpusError: one is a command, a URL or a file elsewhere, which was not allowed.
            ValueError: one cannot be read at all; the message says why.
        """
        for source in sources_in(row.values):
            kind, where = source.get("type"), source.get("source")
            if in_shar and kind == "shar":
                continue
            if not isinstance(kind, str) or not isinstance(where, str):
                raise ValueError(f"its sound is {quote(where)} of the type {quote(kind)}")
            if (command := _command(kind, where)) is not None:
                self._consent("allow_commands", row, f"is the command {quote(command)}, which a shell would run here")
                source |= {"type": "command", "source": command}
            elif kind == "url" or _URL.match(where):
                self._consent("allow_urls", row, f"lies at {quote(where)}, which would be asked for from here")
                source |= {"type": "url"}
            elif kind == "file":
                source["source"] = str(self._file(row, where))
            else:
                raise ValueError(f"its sound is of the type {quote(kind)}, which no manifest on disk holds")

    def _file(self, row: Row, where: str) -> Path:
        """Return the path of a file: from the manifest's folder, or else from the current directory."""
        try:
            path = self._files.path_or_absolute(where)
        except OutsidePathError as error:
            outside: OutsidePathError | None = error
        else:
            if path.exists() or not Path(where).exists():
                return path
            outside = None
        self._consent("allow_outside", row, f"{outside or f'is {quote(where)}'}, outside the manifest's folder")
        return NamedFiles(Path(), allow_outside=True).path(where)

    def _consent(self, flag: str, row: Row, what: str) -> None:
        if not getattr(self._options, flag):
            raise CorpusError(
                f"{row.place}: the sound of {quote(row.values.get('id'))} {what}. If you trust who wrote the manifest, "
                f"give --{flag.replace('_', '-')}."
            )


def sources_in(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what the lists `sources` hold, of recordings at any depth (tracks of mixes, rooms of transforms)."""
    waiting: list[Any] = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found = value.get("sources")
            yield from (source for source in found if isinstance(source, dict)) if isinstance(found, list) else ()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _command(kind: str, where: str) -> str | None:
    """Return the command that a source stands for, in the ways of Lhotse, WebDataset and Kaldi; None if it is none."""
    if kind == "command":
        return where
    if where.startswith("pipe:"):
        return where.removeprefix("pipe:")
    bare = where.strip()
    return bare.strip("|").strip() if bare.startswith("|") or bare.endswith("|") else None
