"""Run an exported model on sound as it comes: stateful front end, then stateful ONNX, any chunking the same scores.

A model directory holds `model.onnx` and `model.json`. The graph takes `features` float32 [1, frames, n_mels] (frames
a multiple of `stride`) and `state_0`, `state_1`, ...; it gives `score` float32 [1, frames / stride] and `state_0_out`,
... States start as zeros. Decision d (from 0) is made when feature frame (d + 1) stride - 1 is complete, and that is
its time.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from kwsdata.audio import Waveform
from kwsdata.errors import StageInputError
from kwsdata.features import frame_end_s, make_frontend
from kwsdata.files import read_json, sha256_of
from kwsdata.params import FeaturesParams

FORMAT = 1  # of model.json
_SLICE = 160_000  # samples given to the front end at a time: bounds the memory of an hour given at once


class StreamingModel:
    """A trained model that listens: `process` takes sound, gives the probability of the keyword at each decision."""

    def __init__(self, model_dir: Path, threads: int = 1) -> None:
        """Load `model_dir`/model.onnx as model.json describes it.

        Raises:
            StageInputError: a file is missing, of an unknown format, or not the one that was exported.
        """
        model_dir = Path(model_dir)
        self.info = read_model_json(model_dir)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(model_dir / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            raise StageInputError(f"{model_dir / 'model.onnx'} cannot be loaded: {error}") from None
        self._check_signature(model_dir)
        self.stride = int(self.info["stride"])
        self.features = FeaturesParams(**self.info["features"])
        self._frontend = make_frontend(self.features)
        self._shapes = {state["name"]: tuple(state["shape"]) for state in self.info["states"]}
        self.reset()

    @property
    def keyword(self) -> str:
        """The keyword this model listens for."""
        return str(self.info["keyword"])

    @property
    def decision_s(self) -> float:
        """Time between two decisions in s."""
        return float(self.time_of(1) - self.time_of(0))

    def time_of(self, decision: int | np.ndarray) -> float | np.ndarray:
        """Return the time in s at which `decision` (from 0) is made: the end of its last frame's window."""
        return frame_end_s((decision + 1) * self.stride - 1, self._frontend)

    def reset(self) -> None:
        """Forget everything heard: the next sound starts a new stream at 0 s."""
        self._frontend.reset()
        self._states = {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}
        self._frames = np.zeros((0, self._frontend.n_mels), np.float32)
        self._decisions = 0

    def process(self, wave: Waveform) -> tuple[np.ndarray, np.ndarray]:
        """Take the next samples [samples] at 16 kHz, return the decisions they complete.

        Returns:
            (time_s float64 [decisions] since the stream's start, score float32 [decisions] in [0, 1]).
        """
        scores = [np.zeros(0, np.float32)]
        for start in range(0, len(wave), _SLICE):
            scores.append(self._score(self._frontend.process(wave[start : start + _SLICE])))
        score = np.concatenate(scores)
        first, self._decisions = self._decisions, self._decisions + score.size
        return np.asarray(self.time_of(np.arange(first, self._decisions)), np.float64), score

    def _score(self, frames: np.ndarray) -> np.ndarray:
        pending = np.concatenate([self._frames, frames])
        whole = len(pending) // self.stride * self.stride
        self._frames = pending[whole:]
        if whole == 0:
            return np.zeros(0, np.float32)
        names = ["score", *(f"{name}_out" for name in self._states)]
        score, *states = self._session.run(names, {"features": pending[None, :whole]} | self._states)
        self._states = dict(zip(self._states, states, strict=True))
        return np.asarray(score[0], np.float32)

    def _check_signature(self, model_dir: Path) -> None:
        wanted = {"features"} | {state["name"] for state in self.info["states"]}
        found = {entry.name for entry in self._session.get_inputs()}
        if wanted != found:
            raise StageInputError(
                f"{model_dir}: model.onnx takes {sorted(found)}, model.json says {sorted(wanted)}: "
                "type `dvc repro export`."
            )


def read_model_json(model_dir: Path) -> dict[str, Any]:
    """Return `model_dir`/model.json after checking that it describes the model.onnx beside it.

    Raises:
        StageInputError: a file or field is missing, the format is unknown, or the hash of model.onnx is another.
    """
    info = read_json(Path(model_dir) / "model.json")
    if info.get("format") != FORMAT:
        raise StageInputError(f"{model_dir}/model.json has format {info.get('format')!r}; this version reads {FORMAT}.")
    missing = [key for key in ("keyword", "features", "stride", "states", "sha256") if key not in info]
    if missing:
        raise StageInputError(f"{model_dir}/model.json lacks {', '.join(missing)}: type `dvc repro export`.")
    graph = Path(model_dir) / "model.onnx"
    if not graph.exists():
        raise StageInputError(f"{graph} is missing: type `dvc repro export` or `dvc pull`.")
    found = sha256_of(graph)
    if found != info["sha256"]:
        raise StageInputError(
            f"{graph} is not the file that was exported: its SHA-256 is {found[:12]}..., model.json says "
            f"{str(info['sha256'])[:12]}.... Fetch both again with `dvc pull`, or remake them with `dvc repro export`."
        )
    return info
