"""A streaming model: sound in, scores out, the same however the sound is cut into chunks.

Decision d (from 0) is made when frame (d + 1) stride - 1 of the front end is complete, and that is its time. A stream
starts as if silence had been heard for ever (docs/explanation.md).
"""

from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.errors import StageInputError
from kwsdata.params import FeaturesParams
from kwsdata.runtime.front_ends import FrontEnd, frame_end_s, make_frontend
from kwsdata.runtime.networks.backend import open_backend
from kwsdata.runtime.networks.description import DEFAULT, read_model_json

LOUDEST = np.float32(8)  # 18 dB above full scale: a larger sample is damage, and is taken for this one
TAIL_S = 0.5  # of silence that is heard after a file, so that a word at its very end is decided: longer than any vote
_SLICE = 160_000  # samples given to the front end at a time: bounds the memory of an hour given at once


class StreamingModel:
    """A trained model that listens: `process` takes sound, gives the probability of the keyword at each decision."""

    def __init__(
        self, directory: Path, threads: int = 1, file: str = DEFAULT, info: dict[str, Any] | None = None
    ) -> None:
        """Load `file` in `directory`, as `info` describes it, or else model.json there.

        Raises:
            StageInputError: a file is missing, of an unknown format, or not the one that was exported.
            MissingExtraError: what runs it is not installed.
        """
        directory = Path(directory)
        self.info = read_model_json(directory, file) if info is None else info
        self.stride = int(self.info["stride"])
        self._frontend = front_end_of(directory, self.info)
        self._backend = open_backend(directory / self.info["file"], self.info, self._frontend.silence, threads)
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
        """Forget everything heard: the next sound starts a new stream at 0 s, as after loading."""
        self._frontend.reset()
        self._backend.reset()
        self._frames = np.zeros((0, self._frontend.n_mels), np.float32)
        self._decisions = 0

    def process(self, wave: Waveform) -> tuple[np.ndarray, np.ndarray]:
        """Take the next samples [samples] at 16 kHz, return the decisions they complete.

        A sample that is NaN is heard as silence and one beyond `LOUDEST` as that, so that scores stay numbers and are
        as before once the model's receptive field has passed.

        Returns:
            (time_s float64 [decisions] since the stream's start, score float32 [decisions] in [0, 1]).
        """
        scores = [np.zeros(0, np.float32)]
        for start in range(0, len(wave), _SLICE):
            scores.append(self._score(self._frontend.process(_audible(wave[start : start + _SLICE]))))
        score = np.concatenate(scores)
        first, self._decisions = self._decisions, self._decisions + score.size
        return np.asarray(self.time_of(np.arange(first, self._decisions)), np.float64), score

    def _score(self, frames: np.ndarray) -> np.ndarray:
        pending = np.concatenate([self._frames, frames])
        whole = len(pending) // self.stride * self.stride
        self._frames = pending[whole:]
        return self._backend.score(pending[:whole]) if whole else np.zeros(0, np.float32)


def _audible(wave: Waveform) -> Waveform:
    """Return `wave` [samples] without what no front end can hear."""
    if np.abs(wave).max(initial=0) <= LOUDEST:  # False where a sample is no number
        return wave
    return np.clip(np.where(np.isnan(wave), np.float32(0), wave), -LOUDEST, LOUDEST)


def front_end_of(directory: Path, info: dict[str, Any]) -> FrontEnd:
    """Return what turns sound into the frames that the model in `directory`, which `info` describes, takes.

    Raises:
        StageInputError: the model hears something that this version does not know.
    """
    kind = info.get("hears", "features")
    if kind == "features":
        return make_frontend(FeaturesParams(**info["features"]))
    if kind != "embedded":
        raise StageInputError(f"{directory}: a model that hears {kind!r} is unknown; this version has embedded.")
    from kwsdata.runtime.embedders.google_speech import NETWORKS
    from kwsdata.runtime.embedders.streaming import SpeechStream

    own = all((directory / name).is_file() for name in NETWORKS)  # a bundle brings them
    return SpeechStream(directory if own else None)
