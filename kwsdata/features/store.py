"""Feature frames on disk: flat arrays that training maps into memory, and one row a clip.

DIR/features.000000.npy   float16 [frames, n_mels], the clips of a shard end to end
DIR/clips.jsonl.gz        one row a clip, in order (fields of `ClipRow`)
DIR/store.json            front end, n_mels, counts; hop and window in samples, and on how many a frame depends
                          (context_samples); `silence`: the frame of digital silence
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.files.arrays import map_array
from kwsdata.files.atomic import read_json, read_jsonl_gz, write_json, write_jsonl_gz


@dataclass(frozen=True)
class ClipRow:
    """Where a clip's frames are, and what training must know of it.

    `word`: [start, end) in frames of the spoken word: frame `end` is the first whose window ends after the word.
    None where no word is marked. `events` (streams): the same, one pair for each keyword.
    """

    id: str
    label: str
    shard: int
    offset: int  # first frame in the shard
    frames: int
    word: tuple[int, int] | None
    speaker: str | None
    corpus: str | None
    weight: float = 1.0
    copy: int = 0  # 0: the clip itself; from 1: its augmented copies
    events: list[tuple[int, int]] = field(default_factory=list)


class FeatureStore:
    """Read-only view of a feature directory; frames stay on disk until sliced."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.info: dict[str, Any] = read_json(self.directory / "store.json")
        self.n_mels = int(self.info["n_mels"])
        self.clips = [_row(self.directory, row) for row in read_jsonl_gz(self.directory / "clips.jsonl.gz")]
        self._shards = [self._map(number) for number in range(int(self.info["shards"]))]

    @property
    def silence(self) -> np.ndarray:
        """The frame of digital silence, as the front end hears it: float32 [n_mels].

        Raises:
            StageInputError: the store was made by a version that did not say.
        """
        if len(self.info.get("silence", ())) != self.n_mels:
            raise StageInputError(f"{self.directory}/store.json lacks silence: type `dvc repro featurize`.")
        return np.asarray(self.info["silence"], np.float32)

    def _map(self, number: int) -> np.ndarray:
        path = self.directory / f"features.{number:06d}.npy"
        array = map_array(path, "dvc repro featurize")
        if array.ndim != 2 or array.shape[1] != self.n_mels:
            raise StageInputError(f"{path} has shape {array.shape}, not [frames, {self.n_mels}]: remake it.")
        return array

    def frames(self, clip: ClipRow, start: int = 0, end: int | None = None) -> np.ndarray:
        """Return frames [start, end) of `clip`: a float16 view [end - start, n_mels]."""
        end = clip.frames if end is None else end
        if not 0 <= start <= end <= clip.frames:
            raise ValueError(f"frames [{start}, {end}) are outside clip {clip.id} of {clip.frames} frames.")
        return self._shards[clip.shard][clip.offset + start : clip.offset + end]


def _row(directory: Path, row: dict[str, Any]) -> ClipRow:
    try:
        row = dict(row)
        row["word"] = tuple(row["word"]) if row["word"] is not None else None
        row["events"] = [tuple(event) for event in row["events"]]
        return ClipRow(**row)
    except (KeyError, TypeError) as error:
        raise StageInputError(
            f"{directory}/clips.jsonl.gz: row {row.get('id', '?')!r} is malformed ({error!r})."
        ) from None


def write_store(
    directory: Path,
    shards: Iterable[Iterable[tuple[ClipRow, np.ndarray]]],
    n_mels: int,
    info: dict[str, Any],
) -> dict[str, Any]:
    """Write `shards` of (row, features [frames, n_mels]) into a new `directory`; holds one shard in memory.

    Each row's shard, offset and frames are set here. Returns the contents of store.json.
    """
    rows: list[ClipRow] = []

    def write_all() -> Iterator[int]:
        for number, clips in enumerate(shards):
            arrays, offset = [], 0
            for row, features in clips:
                rows.append(replace(row, shard=number, offset=offset, frames=len(features)))
                arrays.append(features.astype(np.float16))
                offset += len(features)
            stacked = np.concatenate(arrays) if arrays else np.zeros((0, n_mels), np.float16)
            np.save(directory / f"features.{number:06d}.npy", stacked, allow_pickle=False)
            yield number

    directory.mkdir(parents=True)
    count = sum(1 for _ in write_all())
    write_jsonl_gz(directory / "clips.jsonl.gz", (asdict(row) for row in rows))
    summary = info | {
        "n_mels": n_mels,
        "shards": count,
        "clips": len(rows),
        "frames": sum(row.frames for row in rows),
        "clips_by_label": {label: sum(row.label == label for row in rows) for label in sorted({r.label for r in rows})},
    }
    write_json(directory / "store.json", summary)
    return summary


def add_to_store(directory: Path, info: dict[str, Any]) -> dict[str, Any]:
    """Add `info` to the store.json of a store that was just written; return its contents."""
    summary: dict[str, Any] = read_json(directory / "store.json") | info
    write_json(directory / "store.json", summary)
    return summary
