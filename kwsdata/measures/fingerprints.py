"""Find the same recording again after gain, resampling, recoding or a shift in time.

A frame of 256 ms each 10 ms becomes 32 bits: is the difference in energy between neighbouring bands (33 of them, 300 to
3000 Hz, even on a logarithmic scale) growing from the frame before?

    bit[t, b] = (E[t, b] - E[t, b+1]) - (E[t-1, b] - E[t-1, b+1]) > 0

Gain leaves the bits unchanged; 8 kHz telephony, a codec or half a hop of shift flips some one in twenty; of two
different sounds every second one differs. Paper: J. Haitsma, T. Kalker, A highly robust audio fingerprinting system,
ISMIR 2002.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.fft

from kwsdata.audio import SAMPLE_RATE, Waveform, resample

RATE = 8000  # Hz: what the bands need
HOP = 80  # samples at RATE: 10 ms
HOP_S = HOP / RATE
_WINDOW = 2048  # samples at RATE: 256 ms
_BANDS, _LOW_HZ, _HIGH_HZ = 33, 300.0, 3000.0
_QUIET = 1e-5  # of the loudest frame's energy: below, a frame says nothing (50 dB)
_BLOCK = 4096  # frames at a time
_COMMON = 500  # of the stored frames that share a code so many are looked at, evenly chosen
_TRIED = 20  # alignments of a clip that are compared in full
_MIN_VOTES = 2
_STRETCH = 200  # frames of a partial match: 2 s
_STRICTER = 0.6
_SHORT = 0.75  # of the limit, where less than `_STRETCH` is common: one word in two voices agrees by chance

_HANN = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
_EDGES = np.searchsorted(np.arange(_WINDOW // 2 + 1) * RATE / _WINDOW, np.geomspace(_LOW_HZ, _HIGH_HZ, _BANDS + 1))


@dataclass(frozen=True)
class Fingerprint:
    """`codes` uint32 [frames], frame t centred (t + 1) HOP_S into the sound; `loud` bool [frames]: says something."""

    codes: np.ndarray
    loud: np.ndarray


@dataclass(frozen=True)
class Match:
    """The same sound in two clips: frame t of one is frame t + `offset` of the other, over `frames` loud frames."""

    clip: int
    offset: int
    bit_error: float
    frames: int


def fingerprint(wave: Waveform) -> Fingerprint:
    """Return the fingerprint of `wave` [samples] at 16 kHz."""
    heard = np.pad(resample(wave, SAMPLE_RATE, RATE), _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(heard, _WINDOW)[::HOP]
    energy = np.empty((len(frames), _BANDS), np.float32)
    for start in range(0, len(frames), _BLOCK):
        spectrum = scipy.fft.rfft(frames[start : start + _BLOCK] * _HANN, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        energy[start : start + _BLOCK] = np.add.reduceat(power, _EDGES, axis=1)[:, :_BANDS]
    slope = energy[:, :-1] - energy[:, 1:]
    bits = slope[1:] - slope[:-1] > 0
    codes = np.packbits(bits, axis=1).view(">u4")[:, 0].astype(np.uint32) if len(bits) else np.zeros(0, np.uint32)
    total = energy[1:].sum(axis=1)
    loudest = float(total.max(initial=0.0))
    return Fingerprint(codes, (total > _QUIET * loudest) & (loudest > 0))


class Table:
    """Fingerprints of many clips, searched by code."""

    def __init__(self, prints: Iterable[Fingerprint]) -> None:
        self._prints = list(prints)
        counts = [int(one.loud.sum()) for one in self._prints]
        codes = np.concatenate([one.codes[one.loud] for one in self._prints] or [np.zeros(0, np.uint32)])
        clip = np.repeat(np.arange(len(self._prints), dtype=np.int32), counts)
        frame = np.concatenate([np.flatnonzero(one.loud).astype(np.int32) for one in self._prints] or [clip])
        order = np.argsort(codes, kind="stable")
        self._codes, self._clip, self._frame = codes[order], clip[order], frame[order]

    def __len__(self) -> int:
        return len(self._prints)

    def matches(self, one: Fingerprint, max_bit_error: float, min_frames: int) -> list[Match]:
        """Return the stored clips that hold the same sound as `one`, best first, each once.

        Args:
            one: what to look for.
            max_bit_error: share of differing bits over the common loud frames; three quarters of it below 2 s.
            min_frames: common loud frames that there must be.
        """
        frame = np.flatnonzero(one.loud)
        low = np.searchsorted(self._codes, one.codes[frame], side="left")
        count = np.searchsorted(self._codes, one.codes[frame], side="right") - low
        kept = np.minimum(count, _COMMON)
        if not kept.sum():
            return []
        place = np.arange(kept.sum()) - np.repeat(np.concatenate([[0], np.cumsum(kept)[:-1]]), kept)
        at = np.repeat(low, kept) + place * np.repeat(count, kept) // np.repeat(np.maximum(kept, 1), kept)
        count = kept
        clip, offset = self._clip[at].astype(np.int64), self._frame[at] - np.repeat(frame, count)
        alignments, votes = np.unique(np.stack([clip, offset], axis=1), axis=0, return_counts=True)
        best: dict[int, Match] = {}
        for place in np.argsort(-votes, kind="stable")[:_TRIED]:
            if votes[place] < _MIN_VOTES:
                break
            found = self._compare(one, int(alignments[place, 0]), int(alignments[place, 1]), max_bit_error, min_frames)
            if found and (found.clip not in best or found.bit_error < best[found.clip].bit_error):
                best[found.clip] = found
        return sorted(best.values(), key=lambda match: (match.bit_error, match.clip))

    def _compare(self, one: Fingerprint, clip: int, offset: int, max_bit_error: float, min_frames: int) -> Match | None:
        other = self._prints[clip]
        start, end = max(0, -offset), min(len(one.codes), len(other.codes) - offset)
        if end <= start:
            return None
        loud = one.loud[start:end] & other.loud[start + offset : end + offset]
        differing = np.bitwise_count(one.codes[start:end][loud] ^ other.codes[start + offset : end + offset][loud])
        if differing.size < min_frames:
            return None
        error = float(differing.mean()) / 32
        if error <= max_bit_error * (_SHORT if differing.size < _STRETCH else 1):
            return Match(clip, offset, error, differing.size)
        return _best_stretch(clip, offset, differing, max_bit_error)


def _best_stretch(clip: int, offset: int, differing: np.ndarray, max_bit_error: float) -> Match | None:
    """Return the best `_STRETCH` frames of two clips that differ elsewhere: one was cut, or something was put into it.

    The best of many stretches of different sounds is better than they are as a whole, so that the limit is lower.
    """
    if differing.size < _STRETCH:
        return None
    sums = np.cumsum(np.concatenate([[0], differing], dtype=np.int64))
    error = float((sums[_STRETCH:] - sums[:-_STRETCH]).min()) / (32 * _STRETCH)
    return Match(clip, offset, error, _STRETCH) if error <= _STRICTER * max_bit_error else None
