"""Make quiet sound louder before a detector hears it."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.errors import ParamsError

GREATEST_DB = 80.0  # lifts the last bit of 16 to a tenth of full scale


def check_gain(gain_db: float) -> None:
    """Raise a ParamsError where `gain_db` is no gain that a detector can be given."""
    if not math.isfinite(gain_db) or abs(gain_db) > GREATEST_DB:
        raise ParamsError(f"--gain-db {gain_db:g}: it must be from {-GREATEST_DB:g} to {GREATEST_DB:g}.")


def amplified(blocks: Iterable[Waveform], gain_db: float) -> Iterator[Waveform]:
    """Yield `blocks` [samples] with `gain_db` more, what passes full scale cut off."""
    factor = np.float32(10 ** (gain_db / 20))
    for block in blocks:
        yield block if gain_db == 0 else np.clip(block * factor, -1, 1)
