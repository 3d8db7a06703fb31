"""A telephone line: 300-3400 Hz, 8 kHz, and a codec of the network (G.711 mu-law or A-law, or GSM 06.10)."""

from dataclasses import dataclass

import numpy as np
import soxr

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.transforms.codec import round_trip
from kwsdata.transforms.filters import FREQUENCIES, apply_filter, butterworth_db
from kwsdata.transforms.levels import below_full_scale

_RATE = 8000
_FORMATS = {"mulaw": ("RAW", "ULAW"), "alaw": ("RAW", "ALAW"), "gsm": ("WAV", "GSM610")}
LINES = tuple(_FORMATS)
_BAND_DB = butterworth_db(FREQUENCIES, 300, 4, high_pass=True) + butterworth_db(FREQUENCIES, 3400, 8, high_pass=False)


@dataclass(frozen=True)
class TelephoneDraw:
    """Which codec: mulaw, alaw or gsm."""

    line: str


def draw_telephone(rng: np.random.Generator) -> TelephoneDraw:
    """Draw a codec."""
    return TelephoneDraw(LINES[int(rng.integers(len(LINES)))])


def apply_telephone(wave: Waveform, draw: TelephoneDraw) -> Waveform:
    """Return `wave` [n] as heard over the line: [n], nothing above 4 kHz."""
    if wave.size == 0:
        return wave
    narrow = below_full_scale(soxr.resample(apply_filter(wave, _BAND_DB), SAMPLE_RATE, _RATE, quality="HQ"))
    if narrow.size == 0:
        return np.zeros_like(wave)
    heard = soxr.resample(round_trip(narrow, _RATE, *_FORMATS[draw.line]), _RATE, SAMPLE_RATE, quality="HQ")[
        : wave.size
    ]
    return np.pad(heard, (0, wave.size - heard.size))
