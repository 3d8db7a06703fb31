"""Score stored sound with an exported model: the probability of the keyword at each decision.

The network, its front end and its states at a stream's start are those of the runtime that ships. Decision d is made
when feature frame (d + 1) stride - 1 is complete.
"""

import json
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.pieces import Piece, load_piece, piece_from_row
from kwsdata.draws import digest_of
from kwsdata.execution.cache import Step
from kwsdata.files.atomic import read_jsonl_gz, stamp_of
from kwsdata.files.site import reach
from kwsdata.runtime.networks.backend import open_backend
from kwsdata.runtime.networks.description import read_model_json
from kwsdata.runtime.networks.model import front_end_of

SCORES = Step("scores", __name__, suffix=".npy")
WARM_UP = 2 * SAMPLE_RATE  # samples heard before a piece, whose decisions are not kept
AFTER = round(0.4 * SAMPLE_RATE)  # and after it: a word at the end of a piece is decided later


class Scorer:
    """An exported model that scores whole stretches of sound, each a stream from its start."""

    def __init__(self, directory: Path) -> None:
        """Load the model in `directory`.

        Raises:
            StageInputError: a file is missing or damaged, or the two do not belong together.
        """
        directory = Path(directory)
        info = read_model_json(directory)
        self.keyword, self.identity, self.stride = str(info["keyword"]), str(info["sha256"]), int(info["stride"])
        self.content = digest_of(self.identity, json.dumps(info, sort_keys=True))  # the front end is part of it
        self._frontend = front_end_of(directory, info)
        self._backend = open_backend(directory / info["file"], info, self._frontend.silence)
        self.step = self.stride * self._frontend.hop  # samples between decisions
        self.first = (self.stride - 1) * self._frontend.hop + self._frontend.window  # samples heard at decision 0

    def score(self, wave: Waveform) -> np.ndarray:
        """Return the scores of `wave` [samples]: float32 [decisions]; decision d knows `first + d step` samples."""
        self._frontend.reset()
        self._backend.reset()
        frames = self._frontend.process(wave)
        whole = len(frames) // self.stride * self.stride
        return self._backend.score(frames[:whole].astype(np.float32)) if whole else np.zeros(0, np.float32)

    def decisions(self, piece: Piece) -> np.ndarray:
        """Return the decisions that belong to `piece`, as samples of its recording, int64."""
        heard = WARM_UP + piece.samples + AFTER
        made = self.first + self.step * np.arange(max(0, (heard - self.first) // self.step + 1), dtype=np.int64)
        return piece.start - WARM_UP + made[made > WARM_UP]

    def score_piece(self, piece: Piece, root: Path = Path()) -> np.ndarray:
        """Return the scores at `decisions(piece)`, float32."""
        scores = self.score(load_piece(piece, WARM_UP, AFTER, root))
        wanted = self.decisions(piece).size
        return scores[scores.size - wanted :]


def load_scorer(directory: str) -> Scorer:
    """Return the scorer of a model directory, made once a process and model."""
    return _load_scorer(directory, stamp_of(Path(directory)))


@lru_cache(maxsize=2)
def _load_scorer(directory: str, stamp: object) -> Scorer:
    return Scorer(Path(directory))


@dataclass(frozen=True)
class ScoreTask:
    """The file of a shard's pieces, what relative places are counted from, the model, a digest of the sound there."""

    pieces: Path
    root: Path
    model: Path
    sound: str


def score_shard(task: ScoreTask) -> Path:
    """Return the file with the scores of a shard's pieces, end to end, made now unless the cache has it."""
    scorer = load_scorer(str(reach(task.model)))
    pieces = [piece_from_row(row) for row in read_jsonl_gz(task.pieces)]
    where = [piece.where for piece in pieces]
    return SCORES.get(partial(_score, scorer, pieces, task.root), model=scorer.content, sound=task.sound, pieces=where)


def _score(scorer: Scorer, pieces: list[Piece], root: Path, path: Path) -> None:
    scores = np.concatenate([scorer.score_piece(piece, root) for piece in pieces])
    np.save(path, scores.astype(np.float16), allow_pickle=False)
