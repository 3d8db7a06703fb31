"""Front ends: sound in, feature frames out; training, evaluation and `kwstrain detect` share them.

A front end is stateful: it may be fed chunks of any length, and the frames do not depend on how the sound was cut.
A stream starts as if silence had been heard for ever: every front end knows its frame of silence.
Needs numpy alone (and `pymicro-features` for `micro`).
"""

from typing import Protocol

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.params.data import FeaturesParams
from kwsdata.runtime.front_ends.logmel import LogMel
from kwsdata.runtime.front_ends.micro import Micro

__all__ = ["FrontEnd", "LogMel", "Micro", "features_of", "frame_end_s", "frames_before", "make_frontend"]


class FrontEnd(Protocol):
    """What every front end offers."""

    n_mels: int
    hop: int  # samples between frames
    window: int  # samples a frame looks at

    @property
    def silence(self) -> np.ndarray:
        """The frame that digital silence gives, however long it lasts: float32 [n_mels]."""

    def reset(self) -> None:
        """Forget everything heard: before the next sound there was silence, as before the first."""

    def process(self, wave: Waveform) -> np.ndarray:
        """Take `wave` [samples], return the frames it completes: float32 [frames, n_mels]."""


def make_frontend(params: FeaturesParams) -> FrontEnd:
    """Return a fresh front end as `features:` describes it."""
    return LogMel(params) if params.frontend == "logmel" else Micro(params)


def features_of(wave: Waveform, params: FeaturesParams) -> np.ndarray:
    """Return the frames of a whole `wave` [samples] from a fresh front end: float32 [frames, n_mels]."""
    return make_frontend(params).process(wave)


def frame_end_s(frame: int | np.ndarray, frontend: FrontEnd) -> float | np.ndarray:
    """Return the time in s at which frame number `frame` (from 0) is complete: the end of its window."""
    return (frame * frontend.hop + frontend.window) / SAMPLE_RATE


def frames_before(time_s: float, frontend: FrontEnd) -> int:
    """Return how many frames are complete at `time_s`; so frame number `frames_before(t)` is the first after t."""
    samples = round(time_s * SAMPLE_RATE)
    return max(0, (samples - frontend.window) // frontend.hop + 1)
