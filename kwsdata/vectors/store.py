"""Vectors on disk, in the order of the sound they come from.

    DIR/vectors.000000.npy        float16 [rows, dim], the pieces of a shard end to end
    DIR/pieces.000000.jsonl.gz    one row a piece, in order (fields of `kwsdata.clips.pieces.Piece`, and `rows`)
    DIR/store.json                embedder, dim, window, hop, rows of each shard

Row r of the whole store is a window whose middle lies at sample `piece.start + k hop` of its recording, k being its
number in the piece: this is the map from vectors to sound, and needs no file of its own.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.clips.pieces import Piece, piece_from_row
from kwsdata.errors import StageInputError
from kwsdata.files.arrays import map_array
from kwsdata.files.atomic import read_json, read_jsonl_gz

_SHARDS_KEPT = 4  # shards whose pieces stay in memory


def vectors_path(directory: Path, number: int) -> Path:
    """Return the path of shard `number`'s vectors."""
    return directory / f"vectors.{number:06d}.npy"


def pieces_path(directory: Path, number: int) -> Path:
    """Return the path of shard `number`'s pieces."""
    return directory / f"pieces.{number:06d}.jsonl.gz"


@dataclass(frozen=True)
class ShardPieces:
    """The pieces of one shard. `first` int64 [pieces + 1]: each piece's first row, and the number of rows.

    `clip_first`, `clip_end` int64 [pieces]: the rows of the recording that the piece belongs to, inside the shard.
    """

    pieces: list[Piece]
    first: np.ndarray
    clip_first: np.ndarray
    clip_end: np.ndarray


class VectorStore:
    """Read-only view of a directory of vectors; they stay on disk until sliced."""

    def __init__(self, directory: Path) -> None:
        """Open `directory`.

        Raises:
            StageInputError: a file is missing, truncated or not what store.json says.
        """
        self.directory = Path(directory)
        info = read_json(self.directory / "store.json")
        try:
            self.embedder, self.identity = str(info["embedder"]), str(info["identity"])
            self.dim, self.window, self.hop = int(info["dim"]), int(info["window"]), int(info["hop"])
            self.rows = [int(count) for count in info["rows"]]
            if min(self.dim, self.window, self.hop, *self.rows, 1) < 1:
                raise ValueError("a count below 1")
            self.first = np.array([0, *accumulate(self.rows)], dtype=np.int64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise StageInputError(
                f"{self.directory}/store.json is malformed ({error!r}): type `dvc repro embed`."
            ) from None
        self._shards = [self._map(number, count) for number, count in enumerate(self.rows)]
        self._pieces: OrderedDict[int, ShardPieces] = OrderedDict()

    def __len__(self) -> int:
        return int(self.first[-1])

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return len(self.rows)

    def _map(self, number: int, count: int) -> np.ndarray:
        path = vectors_path(self.directory, number)
        array = map_array(path, "dvc repro embed")
        if array.shape != (count, self.dim) or array.dtype != np.float16:
            raise StageInputError(
                f"{path} holds {array.dtype} {array.shape}, store.json says float16 ({count}, {self.dim}): remake it."
            )
        return array

    def shard(self, number: int) -> np.ndarray:
        """Return the vectors of a shard, a float16 view [rows, dim] of the file."""
        return self._shards[number]

    def pieces(self, number: int) -> ShardPieces:
        """Return the pieces of a shard.

        Raises:
            StageInputError: the file is damaged, or does not add up to the shard's vectors.
        """
        if number in self._pieces:
            self._pieces.move_to_end(number)
            return self._pieces[number]
        path = pieces_path(self.directory, number)
        rows = list(read_jsonl_gz(path))
        try:
            first = np.array([0, *accumulate(int(row["rows"]) for row in rows)], dtype=np.int64)
            if (np.diff(first) < 0).any():
                raise ValueError("fewer than none")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise StageInputError(f"{path}: a piece has no count of rows ({error!r}): remake it.") from None
        if first[-1] != self.rows[number]:
            raise StageInputError(
                f"{path} stands for {first[-1]} vectors, the shard has {self.rows[number]}: remake it."
            )
        pieces = [piece_from_row(row) for row in rows]
        found = ShardPieces(pieces, first, *_clip_bounds(pieces, first))
        self._pieces[number] = found
        if len(self._pieces) > _SHARDS_KEPT:
            self._pieces.popitem(last=False)
        return found

    def shard_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the shard number of each of `rows` (global row numbers), int64."""
        return np.searchsorted(self.first, rows, side="right") - 1

    def places(self, rows: np.ndarray) -> list[tuple[Piece, int]]:
        """Return (piece, middle) of each of `rows`: its piece, and the sample of its recording in its window's middle.

        Shards are read once each, whatever the order of `rows`.
        """
        rows = np.asarray(rows, np.int64)
        out: list[tuple[Piece, int]] = [None] * rows.size  # type: ignore[list-item]
        shard = self.shard_of(rows)
        for number in np.unique(shard):
            found = self.pieces(int(number))
            where = np.flatnonzero(shard == number)
            local = rows[where] - self.first[number]
            index = np.searchsorted(found.first, local, side="right") - 1
            inside = local - found.first[index]
            for place, which, k in zip(where.tolist(), index.tolist(), inside.tolist(), strict=True):
                piece = found.pieces[which]
                out[place] = (piece, piece.start + k * self.hop)
        return out

    def locate(self, row: int) -> tuple[Piece, int]:
        """Return `places` of one row."""
        return self.places(np.asarray([row]))[0]

    def take(self, rows: np.ndarray, offsets: Sequence[int] = (0,)) -> np.ndarray:
        """Return the vectors at `rows` and around them, float32 [rows, offsets * dim].

        A neighbour that would lie outside the recording (or shard) is the recording's first or last one.
        """
        rows = np.asarray(rows, np.int64)
        out = np.empty((rows.size, len(offsets), self.dim), np.float32)
        shard = self.shard_of(rows)
        for number in np.unique(shard):
            where = np.flatnonzero(shard == number)
            local = rows[where] - self.first[number]
            if tuple(offsets) == (0,):
                start, end = int(local[0]), int(local[-1]) + 1
                steady = end - start == local.size and bool((np.diff(local) == 1).all())
                out[where, 0] = self._shards[number][start:end] if steady else self._shards[number][local]
                continue
            found = self.pieces(int(number))
            piece = np.searchsorted(found.first, local, side="right") - 1
            for place, offset in enumerate(offsets):
                at = np.clip(local + offset, found.clip_first[piece], found.clip_end[piece] - 1)
                out[where, place] = self._shards[number][at]
        return out.reshape(rows.size, len(offsets) * self.dim)

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return up to `count` different row numbers, sorted, int64."""
        if count >= len(self):
            return np.arange(len(self), dtype=np.int64)
        return np.sort(rng.choice(len(self), count, replace=False))


def _clip_bounds(pieces: Sequence[Piece], first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts, ends = first[:-1].copy(), first[1:].copy()
    for index in range(1, len(pieces)):
        if pieces[index].clip == pieces[index - 1].clip:
            starts[index] = starts[index - 1]
    for index in range(len(pieces) - 2, -1, -1):
        if pieces[index].clip == pieces[index + 1].clip:
            ends[index] = ends[index + 1]
    return starts, ends


def store_info(embedder: Any, rows: Sequence[int]) -> dict[str, Any]:
    """Return the contents of store.json."""
    return {
        "embedder": embedder.name,
        "identity": embedder.identity,
        "dim": embedder.dim,
        "window": embedder.window,
        "hop": embedder.hop,
        "rows": list(rows),
    }
