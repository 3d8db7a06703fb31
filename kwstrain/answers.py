"""Read a teacher's answers from disk, and choose those that a student's decision may learn from.

    DIR/log_odds.npy       float16 [answers], of the keyword: those of each clip in turn
    DIR/embedding.npy      float16 [answers, dim], the teacher's layer before the last; only with `teach.embedding`
    DIR/first.npy          int64 [clips + 1]: each clip's first answer, and their number; clips as in the feature store
    DIR/teach.json         which teacher; `unlabelled` corpora; hop, window, context
    DIR/plain/             the same before early targets were heard (`teach.early`); only where they were

Answer j of a clip has heard its samples up to j hop + window and none later. A student's decision at sample t gets the
last answer with j hop + window <= t + lookahead: it is held until the next one comes. No answer yet, no soft label; nor
where the answer depends on sound from before the stream's start, which the student has not heard.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kwsdata.draws import digest_of
from kwsdata.errors import StageInputError
from kwsdata.features.store import FeatureStore
from kwsdata.files.arrays import map_array
from kwsdata.files.atomic import read_json

CERTAIN = 30.0  # greatest log-odds that is passed on: beyond, float32 probabilities are 0 or 1
PLAIN = "plain"
FILES = ("log_odds.npy", "first.npy", "embedding.npy", "teach.json")


class Answers(NamedTuple):
    """What decisions [...] were taught: log_odds float32, known bool; embedding float32 [..., dim] or None."""

    log_odds: np.ndarray
    known: np.ndarray
    embedding: np.ndarray | None


def read_info(directory: Path) -> dict[str, Any]:
    """Return `directory`/teach.json; `teacher` in it is None where there is none.

    Raises:
        StageInputError: it is missing.
    """
    return read_json(Path(directory) / "teach.json")


def clips_digest(features: FeatureStore) -> str:
    """Return a digest of which clips a feature store holds, in order."""
    return digest_of(*(part for clip in features.clips for part in (clip.id, clip.frames)))


class TeachStore:
    """Read-only view of the answers to the clips of one feature store."""

    def __init__(self, directory: Path, features: FeatureStore, lookahead_ms: float = 0.0) -> None:
        """Open `directory`.

        Raises:
            StageInputError: a file is missing or damaged, or the answers are to other clips.
        """
        self.directory = Path(directory)
        info = read_info(directory)
        if info["clips_sha256"] != clips_digest(features):
            raise StageInputError(
                f"{directory} holds answers to other clips than {features.directory}: `dvc repro teach`."
            )
        self._hop, self._window = int(info["hop_samples"]), int(info["window_samples"])
        self._context = info["context_samples"]
        self._frame_hop, self._frame_window = int(features.info["hop_samples"]), int(features.info["window_samples"])
        self._lookahead = round(lookahead_ms * 16)
        self._first = self._load("first.npy")
        self._log_odds = self._load("log_odds.npy")
        self._embedding = self._load("embedding.npy") if info["dim"] else None
        self.dim = int(info["dim"])

    def _since(self, answer: np.ndarray, onset: np.ndarray) -> np.ndarray:
        """Return whether `answer` [...] depends on nothing from before frame `onset` [...]."""
        if self._context is None:
            return np.zeros(np.broadcast_shapes(answer.shape, onset.shape), bool)
        return answer * self._hop + self._window - self._context >= onset * self._frame_hop

    def _load(self, name: str) -> np.ndarray:
        return map_array(self.directory / name, "dvc repro teach")

    def answers(self, clip: np.ndarray, frame: np.ndarray, onset: np.ndarray) -> Answers:
        """Return what is known when `frame` of clip number `clip` is complete in a stream that starts at frame `onset`.

        Args:
            clip, frame, onset: int64, of shapes that broadcast to [...]; onset 0: all of the clip was heard.
        """
        end = frame * self._frame_hop + self._frame_window + self._lookahead
        first, after = self._first[clip], self._first[clip + 1]
        answer = np.minimum((end - self._window) // self._hop, after - first - 1)
        known = (answer >= 0) & ((onset <= 0) | self._since(answer, onset))
        place = np.where(known, first + answer, 0)
        log_odds = (
            np.where(known, self._log_odds[place], 0).astype(np.float32)
            if self._log_odds.size
            else (np.zeros(known.shape, np.float32))
        )
        embedding = None if self._embedding is None else self._embedding[place].astype(np.float32)
        return Answers(log_odds, known, embedding)
