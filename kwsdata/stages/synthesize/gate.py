"""Reject failed synthesis, and find where in a clip the voice is."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, active_span, dbfs
from kwsdata.params.synthesis import GateParams

_FRAME = 160  # samples: 10 ms


@dataclass(frozen=True)
class Voiced:
    """A clip cut to its voice and a margin: `wave` [samples], and the voice's [start, end) in it."""

    wave: Waveform
    span: tuple[int, int]


def cut_to_voice(wave: Waveform, params: GateParams) -> Voiced:
    """Return `wave` [samples] from `margin_s` before the voice to `margin_s` after it.

    Synthetic speech has no background, so the voice is taken down to far below its peak
    (`active_below_peak_db`), where final s, f and t still are.
    """
    start, end = active_span(wave, params.active_below_peak_db)
    margin = round(params.margin_s * SAMPLE_RATE)
    first, last = max(0, start - margin), min(wave.size, end + margin)
    return Voiced(wave[first:last], (start - first, end - first))


def failure(wave: Waveform, span: tuple[int, int], phonemes: int, params: GateParams) -> str | None:
    """Return why a clip is not what it should be, in words, or None if nothing is wrong.

    Args:
        wave: [samples].
        span: [start, end) of its voice in samples.
        phonemes: how many sounds were to be said.
        params: the limits.
    """
    if not wave.size:
        return "no sound: the engine gave nothing"
    loudest = _loudest_dbfs(wave)
    if loudest < params.silence_dbfs:
        return f"silent: the loudest 10 ms are at {loudest:.0f} dBFS, under {params.silence_dbfs:g}"
    duration = (span[1] - span[0]) / SAMPLE_RATE
    shortest, longest = params.min_s_per_phoneme * phonemes, params.max_s_per_phoneme * (phonemes + 2)
    if duration < shortest:
        return f"too short: {duration:.2f} s for {phonemes} sounds, under {shortest:.2f} s"
    if duration > longest:
        return f"too slow: {duration:.2f} s for {phonemes} sounds, over {longest:.2f} s"
    return None


def _loudest_dbfs(wave: Waveform) -> float:
    frames = max(1, wave.size // _FRAME)
    power = np.square(wave[: frames * _FRAME].reshape(frames, -1), dtype=np.float64).mean(axis=1)
    return dbfs(float(np.sqrt(power.max())))
