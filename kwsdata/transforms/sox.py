"""Speed, tempo and pitch by SoX (pysox): slower than `kwsdata.transforms.warp`, and what its tests compare it with."""

import shutil

import numpy as np
from sox import Transformer

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.errors import MissingProgramError
from kwsdata.transforms.warp import fit_length


def check_sox() -> None:
    """Do nothing if SoX can be run.

    Raises:
        MissingProgramError: there is no `sox` on the path.
    """
    if shutil.which("sox") is None:
        raise MissingProgramError(
            "augment.engine = sox needs the program `sox`, which is not installed: type "
            "`apt-get install sox libsox-fmt-all`, or set augment.engine to fast."
        )


def sox_warp(wave: Waveform, pitch: float, duration: float) -> Waveform:
    """Return `wave` [n] with every frequency times `pitch` and its length times `duration`: [round(n * duration)].

    SoX's `speed` (resampling), then its `tempo -s` (overlap-add tuned for speech).

    Raises:
        MissingProgramError: there is no `sox` on the path.
    """
    check_sox()
    samples = round(wave.size * duration)
    if wave.size == 0:
        return wave
    chain = Transformer().set_globals(dither=False, guard=False)
    if pitch != 1.0:
        chain.speed(pitch)
    tempo = 1 / (duration * pitch)
    if abs(tempo - 1) > 1e-4:
        chain.tempo(tempo, audio_type="s")
    heard = chain.build_array(input_array=wave.astype(np.float32), sample_rate_in=SAMPLE_RATE)
    return fit_length(np.asarray(heard, dtype=np.float32).reshape(-1), samples)
