"""Find where the word lies in a recording of one word, by its level."""

import numpy as np
from scipy.ndimage import uniform_filter1d

from kwsdata.audio import SAMPLE_RATE, Waveform

_FRAME = SAMPLE_RATE // 100  # 10 ms
_SMOOTH = 5  # frames averaged, so that a click does not stand out
_FLOOR_PERCENTILE = 10  # of the frames' levels: the background
_SHARE = 0.3  # of the way from the background to the loudest frame
_MIN_RISE_DB = 6.0
_GAP = 25  # frames of quiet that a word may have inside
_BEFORE, _AFTER = 5, 10  # frames kept around it, for soft beginnings and ends


class WordFinder:
    """Finds the word in a recording of one word, which comes in blocks.

    Frames of 10 ms, smoothed over 50 ms, belong to a word where they rise above the background (a low percentile of
    the levels) by 6 dB and by 30 % of the way to the loudest one. Stretches less than 0.25 s apart are one; the one
    with the most energy is the word. Wrong where something else is louder than the word for as long.
    """

    def __init__(self) -> None:
        self._samples = 0
        self._powers: list[np.ndarray] = []
        self._kept = np.zeros(0, np.float32)

    def add(self, wave: Waveform) -> None:
        """Take the next samples at 16 kHz, [samples]."""
        heard = np.concatenate([self._kept, wave])
        frames = heard.size // _FRAME
        framed = heard[: frames * _FRAME].reshape(frames, _FRAME)
        self._powers.append(np.square(framed, dtype=np.float64).mean(axis=1))
        self._kept = heard[frames * _FRAME :]
        self._samples += wave.size

    def span(self) -> tuple[int, int]:
        """Return [start, end) in samples of the word; all of the recording where none stands out."""
        power = np.concatenate([np.zeros(0), *self._powers])
        if power.size < 2 * _SMOOTH:
            return 0, self._samples
        level = 10 * np.log10(uniform_filter1d(power, _SMOOTH, mode="nearest") + 1e-12)
        floor, peak = np.percentile(level, _FLOOR_PERCENTILE), level.max()
        loud = np.flatnonzero(level >= floor + max(_MIN_RISE_DB, _SHARE * (peak - floor)))
        if peak - floor < _MIN_RISE_DB or not loud.size:
            return 0, self._samples
        stretches = np.split(loud, np.flatnonzero(np.diff(loud) > _GAP) + 1)
        word = max(stretches, key=lambda stretch: power[stretch[0] : stretch[-1] + 1].sum())
        end = (int(word[-1]) + 1 + _AFTER) * _FRAME
        return max(0, int(word[0]) - _BEFORE) * _FRAME, min(end, self._samples)


def word_span(wave: Waveform) -> tuple[int, int]:
    """Return [start, end) in samples of the word in a recording of one word, [samples] at 16 kHz; see `WordFinder`."""
    finder = WordFinder()
    finder.add(wave)
    return finder.span()
