"""Move a voice's formants and leave its pitch: the same words out of a longer or a shorter vocal tract.

A vowel is a source of harmonics behind the resonances (formants) of the vocal tract; a tract that is shorter by a
factor has all of its resonances higher by that factor. Each frame's resonances are estimated by linear prediction; the
frame's spectrum is multiplied by the wanted resonances over those it has. Harmonics stay where they are, and silence
silent. The higher the voice, the fewer harmonics show where a formant is: on steady vowels of 50 to 250 Hz the first
moves by the factor to within 2 % at the median and 9 % at worst, those above it to within 1 % and 7 %.

J. Makhoul, Linear prediction: a tutorial review, Proc. IEEE 63, 1975. Y. Tohkura, F. Itakura and S. Hashimoto, Spectral
smoothing technique in PARCOR speech analysis-synthesis, IEEE Trans. ASSP 26, 1978 (the lag window).
"""

import numpy as np
from scipy.fft import irfft, rfft

from kwsdata.audio import SAMPLE_RATE, Waveform

_FRAME, _HOP = 512, 128  # samples: 32 and 8 ms
_ORDER = 18  # of the prediction: a resonance for each kHz of the band, and the tilt of the voice
_LAG_HZ = 40.0  # resonances are taken to be at least this wide, so that none sits on a single harmonic
_MOST_DB = 30.0  # a bin is raised or lowered by no more
_QUIET = 1e-9  # power of a frame relative to the loudest, below which it has no resonances: -90 dB
_EMPHASIS = 0.94  # of high frequencies, for the estimate alone
_WINDOW = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)).astype(np.float32)
_BINS = np.arange(_FRAME // 2 + 1)


def shift_formants(wave: Waveform, factor: float) -> Waveform:
    """Return `wave` [n] with every formant times `factor` and its pitch as it was: [n].

    Args:
        wave: float32 at 16 kHz.
        factor: above 1 for a shorter vocal tract (a child), below 1 for a longer one. What would come from beyond 8 kHz
            is taken to be as it is at 8 kHz.
    """
    if wave.size == 0 or factor == 1.0:
        return wave
    frames = -(-wave.size // _HOP) + _FRAME // _HOP - 1
    padded = np.zeros((frames - 1) * _HOP + _FRAME, dtype=np.float32)
    padded[_FRAME - _HOP : _FRAME - _HOP + wave.size] = wave
    starts = np.arange(frames)[:, None] * _HOP + np.arange(_FRAME)
    windowed = padded[starts] * _WINDOW
    gains = _gains(windowed, factor)
    changed = irfft(rfft(windowed) * gains, _FRAME).astype(np.float32) * _WINDOW
    out = np.zeros_like(padded)
    for part in range(_FRAME // _HOP):  # segments of one hop each, added where they lie
        segment = changed[:, part * _HOP : (part + 1) * _HOP].reshape(-1)
        out[part * _HOP : part * _HOP + segment.size] += segment
    # the squares of the window sum to half the number of frames that overlap
    return out[_FRAME - _HOP : _FRAME - _HOP + wave.size] * np.float32(2 * _HOP / _FRAME)


def _gains(windowed: np.ndarray, factor: float) -> np.ndarray:
    """Return what each bin of each frame is multiplied by, float32 [frames, bins]; 1 throughout a silent frame."""
    emphasised = windowed.copy()
    emphasised[:, 1:] -= np.float32(_EMPHASIS) * windowed[:, :-1]
    power = np.abs(rfft(emphasised, 2 * _FRAME)) ** 2
    autocorrelation = irfft(power)[:, : _ORDER + 1].astype(np.float64)
    lags = 2 * np.pi * _LAG_HZ / SAMPLE_RATE * np.arange(_ORDER + 1)
    autocorrelation *= np.exp(-0.5 * lags**2)
    loud = autocorrelation[:, 0] > max(_QUIET * autocorrelation[:, 0].max(), 1e-20)
    gains = np.ones((len(windowed), len(_BINS)), dtype=np.float32)
    if loud.any():
        envelope_db = -20 * np.log10(np.abs(rfft(_predictor(autocorrelation[loud]), _FRAME)))
        source = np.minimum(_BINS / factor, _BINS[-1])  # whose resonance each bin shall have
        low = np.minimum(source.astype(int), _BINS[-2])
        part = source - low
        wanted_db = envelope_db[:, low] * (1 - part) + envelope_db[:, low + 1] * part
        gains[loud] = 10 ** (np.clip(wanted_db - envelope_db, -_MOST_DB, _MOST_DB) / 20)
    return gains


def _predictor(autocorrelation: np.ndarray) -> np.ndarray:
    """Return the prediction error filter [frames, order + 1] of each row [order + 1], by the Levinson recursion."""
    frames, length = autocorrelation.shape
    filters = np.zeros((frames, length))
    filters[:, 0] = 1
    error = autocorrelation[:, 0].copy()
    for order in range(1, length):
        reflected = -np.einsum("fk,fk->f", filters[:, :order], autocorrelation[:, order:0:-1]) / error
        filters[:, : order + 1] += reflected[:, None] * filters[:, order::-1]
        error *= 1 - reflected**2
    return filters
