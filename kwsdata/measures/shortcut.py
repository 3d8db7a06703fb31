"""Can positives and negatives be told apart without listening to the words?

Each clip is reduced to what a microphone, a room and a codec leave in its quietest tenth: BANDS levels relative to the
clip's own, its level and its bandwidth. A linear classifier (ridge logistic regression) is trained on these and asked
about clips it has not seen. If it separates keyword from speech, a network may learn that instead of the word: most
often all positives come from one corpus with its own microphone, codec or bandwidth.
"""

from collections.abc import Sequence

import numpy as np
import scipy.fft

from kwsdata.audio import SAMPLE_RATE, Waveform, dbfs
from kwsdata.draws import unit_for
from kwsdata.measures.quality import CLIPPED, loudest_dbfs

BANDS = 16  # of the background's spectrum, even from 0 to 8 kHz
FEWEST = 20  # clips of each kind that a classifier can be asked about
_FFT = 512
_MOST_FRAMES = 20_000
_FLOOR = 1e-12
_LEAST_DB = -90.0  # a background below this is rounding
_STEEP_DB = 60.0  # what lies this far below the spectrum's peak is not part of the recording
_FOLDS = 5
_RIDGE = 1e-2
_STEPS = 25  # Newton's: it converges in some ten
NAMES = (
    *(f"background {band * 8000 // BANDS}-{(band + 1) * 8000 // BANDS} Hz" for band in range(BANDS)),
    "level",
    "bandwidth",
)


def features_of(background: np.ndarray, level_dbfs: float, bandwidth_hz: float) -> np.ndarray:
    """Return what is not words in a clip, float64 [BANDS + 2], from what `background_of` and `levels_of` return."""
    return np.asarray([*background, level_dbfs, bandwidth_hz / 1000], np.float64)


def measured(wave: Waveform) -> np.ndarray:
    """Return what is not words in `wave` [samples], float64 [BANDS + 2]."""
    _, level_dbfs, _, bandwidth_hz = levels_of(wave)
    return features_of(background_of(wave), level_dbfs, bandwidth_hz)


def shortcut(features: np.ndarray, is_keyword: np.ndarray, ids: Sequence[str]) -> tuple[float, list[str]]:
    """Return (area under the ROC curve on unseen clips, the names that tell most).

    Args:
        features: float64 [clips, BANDS + 2].
        is_keyword: bool [clips].
        ids: of the clips; they decide the folds.
    """
    z = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    fold = np.asarray([int(_FOLDS * unit_for(0, "fold", one)) for one in ids])
    scores = np.empty(len(z))
    for number in range(_FOLDS):
        unseen = fold == number
        if unseen.any():
            scores[unseen] = _design(z[unseen]) @ fit_logistic(z[~unseen], is_keyword[~unseen])
    weights = np.abs(fit_logistic(z, is_keyword)[1:])
    return area_under_curve(scores, is_keyword), [NAMES[place] for place in np.argsort(-weights, kind="stable")[:3]]


def _design(z: np.ndarray) -> np.ndarray:
    return np.concatenate([np.ones((len(z), 1)), z], axis=1)


def fit_logistic(z: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return the weights [1 + n] (intercept first) of a ridge logistic regression, classes weighted equally."""
    x, y = _design(z), positive.astype(np.float64)
    share = np.clip(y.mean(), 1e-9, 1 - 1e-9)
    weight = np.where(positive, 0.5 / share, 0.5 / (1 - share))
    penalty = _RIDGE * len(x) * np.diag([0.0, *np.ones(z.shape[1])])
    beta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weight * (y - chance)) - penalty @ beta
        curvature = (x * (weight * chance * (1 - chance))[:, None]).T @ x + penalty + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(curvature, gradient)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the chance that a positive scores above a negative, ties counted half (0.5 where one class is empty)."""
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return 0.5
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def levels_of(wave: Waveform) -> tuple[float, float, float, float]:
    """Return (loudest 10 ms in dBFS, level in dBFS, share of clipped samples, bandwidth in Hz) of `wave` [samples]."""
    if wave.size < _FFT:
        return -200.0, -200.0, 0.0, 0.0
    power = _spectra(wave).mean(axis=0)
    present = np.flatnonzero(power >= power.max() * 10 ** (-_STEEP_DB / 10)) if power.max() > _FLOOR else np.zeros(1)
    level = dbfs(float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))))
    clipped = float(np.mean(np.abs(wave) >= CLIPPED))
    return loudest_dbfs(wave, SAMPLE_RATE), level, clipped, float(present[-1]) * SAMPLE_RATE / _FFT


def background_of(wave: Waveform) -> np.ndarray:
    """Return the spectrum of the quietest tenth of frames in dB, relative to the mean of all: float32 [BANDS]."""
    if wave.size < _FFT:
        return np.zeros(BANDS, np.float32)
    spectra = _spectra(wave)
    bands = spectra[:, 1:].reshape(len(spectra), BANDS, -1).mean(axis=2)
    total = bands.sum(axis=1)
    quiet = bands[np.argsort(total, kind="stable")[: max(1, len(bands) // 10)]].mean(axis=0)
    relative = 10 * np.log10((quiet + _FLOOR) / (total.mean() + _FLOOR))
    return np.maximum(relative, _LEAST_DB).astype(np.float32)


def _spectra(wave: Waveform) -> np.ndarray:
    """Return power spectra of 32 ms each 16 ms (further apart in long recordings), float32 [frames, 257]."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, _FFT)[:: max(_FFT // 2, wave.size // _MOST_FRAMES)]
    spectrum = scipy.fft.rfft(frames * np.hanning(_FFT).astype(np.float32), axis=1)
    return np.square(spectrum.real) + np.square(spectrum.imag)
