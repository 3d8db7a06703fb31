"""Tell whether one waveform is another after a filter, such as a room, a microphone or a line.

However long a room rings, what it gives is a weighted sum of the recording's own samples, shifted: a second recording,
even of the same word by the same person, is none. So a filter is fitted to two thirds of what is heard, and asked to
predict the rest; the correlation of what it predicts with what is heard, in the worse seven tenths of moments, stays
near 0 for two recordings, whatever they say, and lies above 0.2 for a copy, in nearly any room, in noise, and after a
change of speed, which is undone first. A steady tone, or mains hum, predicts another at any time: what the recording
predicts a fifth of a second too early is taken away.

Both waveforms are flattened before: each part of the spectrum between 200 and 3400 Hz is brought to the same level in
each tenth of a second, so that many frequencies and moments count and not the loudest vowel alone.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from kwsdata.audio import SAMPLE_RATE, Waveform, resample

RATE = 8000  # Hz
_WINDOW = 512  # samples of a spectrum that is flattened, a quarter of it from one to the next
_LOW_HZ, _HIGH_HZ = 200.0, 3400.0
_NEAR_BINS, _NEAR_FRAMES = 3, 5  # over which a level is taken
_LOUDEST_NEAR = 21  # frames
_FLOOR = 10 ** (-25 / 10)

_BLOCK, _STEP = 1024, 512  # samples correlated together, while the speed is looked for
_LAGS = 240  # samples that a block may lie early or late
_SPREAD = 160  # samples over which a room spreads a sound
_DRIFTS = np.arange(-24, 25) * 0.25  # samples a step: 1.2 % of speed on each side
_BASE = 0.02  # of speed, between two from which drifts are counted
_TRIED = 3  # drifts
_PROMISING = 0.05  # share that is worth a finer search
_MARGIN = 4000  # samples around what is compared
_ELSEWHERE = (1600, 2200, 2800)  # samples by which the held recording is moved on; a room cannot look ahead
_APART = 4  # of _DRIFTS between two that are tried

_TAPS, _AHEAD = 800, 120  # of the filter, 0.1 s; and how many of them look ahead of the likeliest direct sound
_FOLDS = 3  # equal parts, of which each is predicted by a filter that was fitted to the others
_MOMENT = 800  # samples over which prediction and sound are compared
_WORST = 0.7  # of the moments count: two steady vowels of one pitch predict each other, but nothing else does
_RIDGE = 1.0  # of the mean power of the input
_ITERATIONS = 4  # of conjugate gradients: with this ridge the system is nearly solved


@dataclass(frozen=True)
class Relation:
    """`share`: the correlation of what a filter predicts with what is heard; `speed`: of the held recording."""

    share: float
    speed: float


def flat(wave: Waveform) -> np.ndarray:
    """Return `wave` [samples] at 16 kHz flattened, float32 [samples] at RATE."""
    heard = resample(wave, SAMPLE_RATE, RATE)
    if heard.size < _WINDOW:
        return np.zeros(heard.size, np.float32)
    frequency, _, bins = scipy.signal.stft(heard, RATE, nperseg=_WINDOW, noverlap=_WINDOW * 3 // 4)
    power = np.square(bins.real) + np.square(bins.imag)
    near = uniform_filter1d(power, _NEAR_BINS, axis=0, mode="nearest")
    near = uniform_filter1d(near, _NEAR_FRAMES, axis=1, mode="nearest")
    gain = 1 / np.sqrt(near + _FLOOR * maximum_filter1d(near.max(axis=0), _LOUDEST_NEAR) + 1e-12)
    gain[(frequency < _LOW_HZ) | (frequency > _HIGH_HZ)] = 0
    _, even = scipy.signal.istft(bins * gain, RATE, nperseg=_WINDOW, noverlap=_WINDOW * 3 // 4)
    return even[: heard.size].astype(np.float32)


def relation(held: np.ndarray, asked: np.ndarray, speed: float, middle: float) -> Relation:
    """Return how well a filter of `held` predicts `asked`, at the best speed near `speed`.

    Args:
        held, asked: flattened waveforms [samples]; `asked` is the stretch that is compared.
        speed: how much faster the asked recording is than the held one, exact to 3 %.
        middle: the sample of `held` that the middle of `asked` is, exact to 30 ms.
    """
    tried = [
        (value, base, drift, lag)
        for base in (speed * (1 - _BASE), speed, speed * (1 + _BASE))
        for value, drift, lag in _drifts(_at_speed(held, asked.size, base, middle), asked)
    ]
    place = np.arange(asked.size + _TAPS) - _TAPS + 1 + _AHEAD - asked.size / 2  # of the input of tap 0

    def share_at(base: float, drift: float, lag: float) -> float:
        there = _at_speed(held, asked.size, base, middle)
        return _predicted(_interpolated(there, there.size / 2 + lag + place * (1 + drift / _STEP)), asked)

    likeliest = sorted(tried, reverse=True)[:_TRIED]
    share, base, drift, lag = max((share_at(*one), *one) for _, *one in likeliest)
    for finer in (-0.5, 0.5, -0.25, 0.25) if share >= _PROMISING else ():
        near = drift + finer * float(_DRIFTS[1] - _DRIFTS[0])
        share, drift = max((share, drift), (share_at(base, near, lag), near))
    if share >= _PROMISING:
        share -= max(0.0, *(share_at(base, drift, lag + later) for later in _ELSEWHERE))
    return Relation(share, base * (1 + drift / _STEP))


def _at_speed(held: np.ndarray, count: int, speed: float, middle: float) -> np.ndarray:
    """Return `held` played at `speed` around `middle`: float32, `count` samples and a margin on each side."""
    half = count // 2 + _MARGIN
    at = middle + (np.arange(2 * half) - half) * speed
    return _interpolated(held, at)


def _stretch(wave: np.ndarray, first: int, count: int) -> np.ndarray:
    """Return `count` samples of `wave` from `first` on, zeros beyond its ends."""
    low, high = max(first, 0), min(first + count, wave.size)
    if high <= low:
        return np.zeros(count, np.float32)
    return np.pad(wave[low:high], (low - first, first + count - high))


def _drifts(there: np.ndarray, asked: np.ndarray) -> list[tuple[float, float, float]]:
    """Return (how likely, drift in samples a step, lag in samples) of the likeliest drifts of `there` against `asked`.

    The lag is the direct sound's; what a room adds comes from before it.
    """
    starts = np.arange(0, max(asked.size - _BLOCK, 0) + 1, _STEP)
    shift = there.size // 2 - asked.size // 2
    blocks = np.stack([_stretch(asked, int(at), _BLOCK) for at in starts])
    around = np.stack([_stretch(there, int(at) + shift - _LAGS, _BLOCK + 2 * _LAGS) for at in starts])
    size = scipy.fft.next_fast_len(around.shape[1] + _BLOCK, real=True)
    product = scipy.fft.rfft(around, size) * np.conj(scipy.fft.rfft(blocks, size))
    lags = scipy.fft.irfft(product, size)[:, : 2 * _LAGS + 1]
    lags /= np.sqrt((blocks**2).sum(axis=1) * (around**2).sum(axis=1))[:, None] + 1e-9
    place = np.arange(len(starts)) - (len(starts) - 1) / 2
    padded = np.pad(lags, ((0, 0), (_LAGS, _LAGS)))
    columns = np.arange(2 * _LAGS + 1)
    rows = np.arange(len(starts))[:, None]
    moved = np.round(_DRIFTS[:, None] * place).astype(np.int64) + _LAGS  # [drifts, blocks]
    together = np.stack([padded[rows, columns + one[:, None]].mean(axis=0) for one in moved])
    energy = np.cumsum(np.pad(np.square(together), ((0, 0), (1, 0))), axis=1)
    spread = energy[:, _SPREAD:] - energy[:, :-_SPREAD]
    begins, value = spread.argmax(axis=1), spread.max(axis=1)
    found: list[int] = []
    for number in np.argsort(-value, kind="stable").tolist():
        if all(abs(number - other) >= _APART for other in found):
            found.append(number)
    return [(float(value[one]), float(_DRIFTS[one]), float(begins[one] - _LAGS + _SPREAD)) for one in found[:_TRIED]]


def _interpolated(wave: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return `wave` at the places `at` by cubic interpolation, zeros beyond its ends; float32."""
    whole = np.floor(at).astype(np.int64)
    part = (at - whole).astype(np.float32)
    inside = (whole >= 1) & (whole < wave.size - 2)
    whole = np.where(inside, whole, 1)
    one, two, three, four = (wave[whole + step] for step in (-1, 0, 1, 2))
    value = two + part * (0.5 * (three - one) + part * (one - 2.5 * two + 2 * three - 0.5 * four
            + part * (1.5 * (two - three) + 0.5 * (four - one))))  # fmt: skip
    return np.where(inside, value, 0).astype(np.float32)


def _predicted(source: np.ndarray, heard: np.ndarray) -> float:
    """Return the correlation of `heard` [samples] with what filters of `source` [samples + _TAPS] predict of it.

    The mean over the `_WORST` moments.
    """
    size = scipy.fft.next_fast_len(heard.size + _TAPS, real=True)
    spectrum = scipy.fft.rfft(source[: heard.size + _TAPS], size)
    fold = np.arange(heard.size) * _FOLDS // heard.size
    fitted = (fold != np.arange(_FOLDS)[:, None]).astype(np.float32)

    def filtered(
        taps: np.ndarray,
    ) -> np.ndarray:  # [_FOLDS, _TAPS] to [_FOLDS, samples]: tap d takes the source d samples later
        return scipy.fft.irfft(spectrum * np.conj(scipy.fft.rfft(taps, size)), size)[:, : heard.size]

    def gathered(wave: np.ndarray) -> np.ndarray:  # the transpose of `filtered`
        return scipy.fft.irfft(spectrum * np.conj(scipy.fft.rfft(wave, size)), size)[:, :_TAPS]

    ridge = _RIDGE * float(fitted.mean()) * float(np.vdot(source, source)) + 1e-9
    taps = np.zeros((_FOLDS, _TAPS), np.float32)
    rest = gathered(fitted * heard)
    way, power = rest.copy(), np.square(rest).sum(axis=1, keepdims=True)
    for _ in range(_ITERATIONS):
        image = gathered(fitted * filtered(way)) + ridge * way
        step = power / ((way * image).sum(axis=1, keepdims=True) + 1e-12)
        taps, rest = taps + step * way, rest - step * image
        before, power = power, np.square(rest).sum(axis=1, keepdims=True)
        way = rest + power / (before + 1e-12) * way
    predicted = ((1 - fitted) * filtered(taps)).sum(axis=0)
    whole = heard.size // _MOMENT * _MOMENT
    one, other = predicted[:whole].reshape(-1, _MOMENT), heard[:whole].reshape(-1, _MOMENT)
    agreement = (one * other).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1) + 1e-9)
    return float(np.sort(agreement)[: max(round(_WORST * len(agreement)), 1)].mean())
