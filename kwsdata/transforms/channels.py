"""Measure how a recording colours speech and what lies under it, and put the same on another.

A channel here is what a microphone, its room and its electronics do to every word: a spectrum (of its active frames)
and a noise floor (what is left in its quietest frames). Both are measured in bands of a third of an octave, which keep
the colour and forget most of what is said.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.transforms.convolution import Filter, convolve
from kwsdata.transforms.filters import FREQUENCIES, apply_filter, minimum_phase
from kwsdata.transforms.levels import active_level

_SIZE = 512  # samples a frame, 32 ms
_ACTIVE = 1e-3  # of the loudest frame's power: -30 dB
_EMPTY = 1e-9  # of it: -90 dB, below which a frame is digital silence and no floor
_QUIET = 0.1  # share of the frames that the floor is taken from
_MOST_DB = 20.0  # a band is raised or lowered by no more
_CENTRES = 100.0 * 2 ** (np.arange(20) / 3)  # Hz, 100 to 8063: thirds of an octave
_HANN = np.hanning(_SIZE).astype(np.float32)
_BANDS = np.maximum(
    0, 1 - np.abs(np.log2(np.maximum(np.fft.rfftfreq(_SIZE, 1 / SAMPLE_RATE), 50) / _CENTRES[:, None])) * 3
)
_BANDS /= _BANDS.sum(1, keepdims=True)


@dataclass(frozen=True)
class Channel:
    """`speech_db`, `floor_db`: mean power per bin in each third of an octave [20]; dB on one scale.

    `floor_db` is None where the pauses are digital silence.
    """

    speech_db: np.ndarray
    floor_db: np.ndarray | None


def channel_of(wave: Waveform) -> Channel | None:
    """Return the channel that float32 `wave` [n] was recorded through; None if it is silent or shorter than 32 ms."""
    frames = wave.size // _SIZE * 2 - 1
    if frames < 1:
        return None
    starts = np.arange(frames)[:, None] * (_SIZE // 2) + np.arange(_SIZE)
    bands = (np.abs(rfft(wave[starts] * _HANN)) ** 2) @ _BANDS.T
    power = bands.sum(1)
    loudest = power.max()
    if loudest <= 0:
        return None
    sounding = np.sort(power[power > loudest * _EMPTY])
    limit = sounding[int(_QUIET * (sounding.size - 1))]
    quiet = bands[(power > loudest * _EMPTY) & (power <= limit)].mean(0)
    floor = _db(quiet) if sounding.size == power.size and limit < loudest * _ACTIVE * 10 else None
    active = min(max(loudest * _ACTIVE, 4 * limit), loudest / 10)  # a floor above -30 dB is no speech
    return Channel(_db(bands[power >= active].mean(0)), floor)


def transplant(wave: Waveform, span: tuple[int, int], channel: Channel, rng: np.random.Generator) -> Waveform:
    """Return `wave` [n] as if recorded through `channel`: [n], the word's level kept.

    Args:
        wave: float32 at 16 kHz.
        span: [start, end) of the word: its spectrum becomes the channel's, its level is kept.
        channel: of another recording.
        rng: makes the noise of the floor, as far below the word as it is below speech in the other recording.
    """
    own = channel_of(wave[slice(*span)]) or channel_of(wave)
    if own is None:
        return wave
    gains_db = channel.speech_db - own.speech_db
    gains_db = np.clip(gains_db - gains_db.mean(), -_MOST_DB, _MOST_DB)
    coloured = apply_filter(wave, _at_bins(gains_db))
    before, after = active_level(wave[slice(*span)]), active_level(coloured[slice(*span)])
    if before == 0 or after == 0:
        return wave
    coloured = coloured * np.float32(before / after)
    if channel.floor_db is None:
        return coloured
    noise = rng.standard_normal(wave.size, dtype=np.float32)
    shaped = convolve(noise, Filter(minimum_phase(_at_bins(channel.floor_db - channel.floor_db.max()))))
    ratio_db = _total_db(channel.floor_db) - _total_db(channel.speech_db)
    level = float(np.sqrt(np.mean(shaped**2)))
    return coloured + shaped * np.float32(before / level * 10 ** (ratio_db / 20)) if level else coloured


def _at_bins(bands_db: np.ndarray) -> np.ndarray:
    """Return dB [1025] at `FREQUENCIES` from those of thirds of an octave [20]: straight over log frequency."""
    return np.interp(np.log(np.maximum(FREQUENCIES, 50.0)), np.log(_CENTRES), bands_db)


def _total_db(bands_db: np.ndarray) -> float:
    """Return the level of all bands together, each as wide as it is."""
    return float(10 * np.log10(np.sum(10 ** (bands_db / 10) * _CENTRES)))


def _db(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 1e-20))
