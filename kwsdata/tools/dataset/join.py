"""Match two streams of keyed rows in bounded memory, by spreading both over files."""

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

Row: TypeAlias = list[object]  # JSON values; the first is the key, a string, unique in its stream

_FILES = 64  # a side; one 64th of both sides is in memory at a time


def outer_join(left: Iterable[Row], right: Iterable[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Yield (left row, right row) of each key, None where a side lacks it; by file, then by key."""
    with TemporaryDirectory(prefix="kwsdata-join-") as scratch:
        sides = [_spread(rows, Path(scratch) / name) for name, rows in (("left", left), ("right", right))]
        for left_path, right_path in zip(*sides, strict=True):
            ours, theirs = _load(left_path), _load(right_path)
            for key in sorted(ours.keys() | theirs.keys()):
                yield ours.get(key), theirs.get(key)


def _spread(rows: Iterable[Row], directory: Path) -> list[Path]:
    directory.mkdir()
    paths = [directory / f"{number:02d}" for number in range(_FILES)]
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("w", encoding="utf-8")) for path in paths]
        for row in rows:
            files[zlib.crc32(str(row[0]).encode()) % _FILES].write(json.dumps(row) + "\n")
    return paths


def _load(path: Path) -> dict[str, Row]:
    with path.open(encoding="utf-8") as lines:
        return {row[0]: row for row in map(json.loads, lines)}
