"""Levels as the project measures them, on the stretches where something sounds; and mixing at one."""

import math

import numpy as np

from kwsdata.audio import Waveform

_FRAME = 160  # samples, 10 ms
_ACTIVE = np.float32(1e-3)  # of the loudest frame's power: -30 dB
_CEILING = 32767 / 32768  # the largest 16-bit sample


def active_level(wave: Waveform) -> float:
    """Return the RMS of `wave` [samples] over its active 10 ms frames, 0.0 for silence.

    A frame is active when its power is within 30 dB of the loudest frame's: pauses, leads and tails of silence do not
    count, so that padding a clip changes no level (the idea of ITU-T P.56, without its envelope).
    """
    frames = wave.size // _FRAME
    if frames == 0:
        return rms32(wave)
    framed = wave[: frames * _FRAME].reshape(frames, _FRAME)
    power = np.vecdot(framed, framed)
    loudest = np.maximum.reduce(power)
    if loudest <= 0.0:
        return 0.0
    active = power[power >= loudest * _ACTIVE]
    return math.sqrt(np.add.reduce(active, dtype=np.float64) / (active.size * _FRAME))


def rms32(wave: Waveform) -> float:
    """Return the RMS of float32 `wave` [samples] from one float32 dot product (1e-5 exact), 0.0 for an empty one."""
    return math.sqrt(np.dot(wave, wave) / wave.size) if wave.size else 0.0


def peak_of(wave: Waveform) -> float:
    """Return the largest magnitude in `wave` [samples], 0.0 for an empty one; NaN where a sample is NaN."""
    return np.maximum(np.maximum.reduce(wave), -np.minimum.reduce(wave)) if wave.size else 0.0


def below_full_scale(wave: Waveform, peak: float | None = None) -> Waveform:
    """Return `wave`, scaled down as a whole to full scale when its `peak` (None: not known yet) is above 1."""
    peak = peak_of(wave) if peak is None else peak
    return wave if peak <= 1.0 else (wave * np.float64(_CEILING / peak)).astype(np.float32)


def mix(wave: Waveform, noise: Waveform, snr_db: float, level: float) -> Waveform:
    """Return `wave` [n] + scaled `noise` [n]. Not clipped: may leave [-1, 1].

    Args:
        wave: the clip.
        noise: what is mixed under it.
        snr_db: the ratio asked for, of `level` to the RMS of what is mixed under the clip.
        level: of the signal, as `active_level` measures it.

    A silent clip or silent noise has no SNR: the clip is returned as it is.
    """
    noise_level = rms32(noise)
    if noise_level == 0.0 or level == 0.0:
        return wave
    # SNR = 20 log10(level / (gain * rms(noise))), solved for gain.
    gain = level / noise_level * 10 ** (-snr_db / 20)
    return wave + np.float32(gain) * noise
