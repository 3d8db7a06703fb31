"""Score stored sound with an exported streaming model: the probability of the keyword at each of its decisions.

Reads the directory that the export stage writes: `model.onnx` takes features [1, frames, n_mels] and states, at first
those of silence, and gives score [1, frames / stride] and the next states; `model.json` describes it. Decision d is
made when feature frame (d + 1) stride - 1 is complete.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.segments import Piece, load_piece
from kwsdata.draws import digest_of
from kwsdata.embedders.base import open_session
from kwsdata.errors import StageInputError
from kwsdata.features import make_frontend
from kwsdata.files.atomic import read_json, stamp_of
from kwsdata.model_shape import ModelShape, fault_in
from kwsdata.params.data import FeaturesParams
from kwsdata.states import initial_states

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
        info: dict[str, Any] = read_json(directory / "model.json")
        described = info | {"file": "model.onnx", "backend": "onnx_stream"} if isinstance(info, dict) else info
        if fault := fault_in(ModelShape, described):
            raise StageInputError(f"{directory}/model.json describes no exported model ({fault}).")
        graph = directory / "model.onnx"
        try:
            self.keyword, self.identity, self.stride = str(info["keyword"]), str(info["sha256"]), int(info["stride"])
            self._features = FeaturesParams(**info["features"])
            self._states = initial_states(info["states"])
        except (KeyError, TypeError, ValueError) as error:
            raise StageInputError(f"{directory}/model.json describes no exported model ({error!r}).") from None
        network = graph.read_bytes() if graph.is_file() else b""
        if hashlib.sha256(network).hexdigest() != self.identity:
            raise StageInputError(f"{graph} is missing or is not the file that model.json describes: type `dvc pull`.")
        self.content = digest_of(self.identity, json.dumps(info, sort_keys=True))  # the front end is part of it
        self._session = open_session(network, str(graph))
        frontend = make_frontend(self._features)
        self.step = self.stride * frontend.hop  # samples between decisions
        self.first = (self.stride - 1) * frontend.hop + frontend.window  # samples heard at decision 0
        try:
            self.score(np.zeros(self.first, np.float32))
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
            raise StageInputError(
                f"{graph} does not run as model.json says: {said}. Type `dvc repro export`."
            ) from None

    def score(self, wave: Waveform) -> np.ndarray:
        """Return the scores of `wave` [samples]: float32 [decisions]; decision d knows `first + d step` samples."""
        frames = make_frontend(self._features).process(wave)
        whole = len(frames) // self.stride * self.stride
        if whole == 0:
            return np.zeros(0, np.float32)
        (score,) = self._session.run(["score"], {"features": frames[None, :whole].astype(np.float32)} | self._states)
        return np.asarray(score[0], np.float32)

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
