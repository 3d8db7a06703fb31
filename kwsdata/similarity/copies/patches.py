"""Patches of a spectrum as short vectors, to find the few recordings worth a closer look.

A patch is 0.64 s of a spectrum. Its cosine transform is cut to the slowest 5 rates along time and 15 along bands, which
changes of speed and pitch by a few per cent, rooms and noise leave much alike, and scaled to length 1: the product of
two patches is how alike they are, at most 1. Held recordings give a patch each 64 ms; what is asked about gives few, in
its loudest places, but each as it would be after several changes of speed, tempo and pitch.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from kwsdata.similarity.copies.spectrum import BANDS, BANDS_AN_OCTAVE, Spectrum

FRAMES = 40  # of a patch
STEP = 4  # frames between two of a held recording
DIM = 75
_RATES, _FIRST_QUEFRENCY, _QUEFRENCIES = 5, 2, 15
_APART = 16  # frames between two that are asked about
_MARGIN = 12  # frames that a patch may reach beyond a recording
_FEWEST = 10  # loud frames of a patch that says something


@dataclass(frozen=True)
class Warp:
    """A held recording's frame `scale` t is the asked one's frame t, its band b is b + `bands` there."""

    scale: float
    bands: float


def _warps() -> tuple[Warp, ...]:
    speeds = [Warp(scale, BANDS_AN_OCTAVE * np.log2(scale)) for scale in (0.9, 0.95, 1.0, 1.05, 1.1)]
    tempos = [Warp(scale, 0.0) for scale in (0.9, 0.95, 1.05, 1.1)]
    pitches = [Warp(1.0, bands) for bands in (-4.0, -2.0, 2.0, 4.0)]
    return (*speeds, *tempos, *pitches)


WARPS = _warps()


@dataclass(frozen=True)
class Patches:
    """`vectors` float32 [patches, DIM] of length 1; `start` float32 [patches]: the frame each begins at."""

    vectors: np.ndarray
    start: np.ndarray


@cache
def _along_bands(bands: float) -> np.ndarray:
    """Return the transform along bands, float32 [BANDS, quefrencies], of a spectrum that lies `bands` higher."""
    place = np.arange(BANDS) - bands
    rate = np.arange(_FIRST_QUEFRENCY, _FIRST_QUEFRENCY + _QUEFRENCIES)
    waves = np.cos(np.pi * (place[:, None] + 0.5) * rate / BANDS)
    waves[(place < 0) | (place > BANDS - 1)] = 0
    return (waves / np.linalg.norm(waves, axis=0)).astype(np.float32)


@cache
def _along_time(scale: float) -> np.ndarray:
    """Return the transform along time, float32 [frames, rates], of a patch that lasts FRAMES / `scale` frames."""
    frames = int(np.ceil(FRAMES / scale))
    place = (np.arange(frames) - (frames - 1) / 2) * scale + (FRAMES - 1) / 2
    waves = np.cos(np.pi * (place[:, None] + 0.5) * np.arange(_RATES) / FRAMES)
    waves[(place < -0.5) | (place > FRAMES - 0.5)] = 0
    return (waves / np.linalg.norm(waves, axis=0)).astype(np.float32)


def held_patches(spectrum: Spectrum) -> Patches:
    """Return the patches of a recording that others are compared with."""
    starts = np.arange(0, max(len(spectrum.levels) + 2 * _MARGIN - FRAMES, 0) + 1, STEP) - _MARGIN
    return _patches(spectrum, starts, Warp(1.0, 0.0))


def asked_patches(spectrum: Spectrum) -> list[Patches]:
    """Return the patches of a recording that is looked for, as it would be before each of `WARPS`."""
    starts = _loudest_places(spectrum)
    return [_patches(spectrum, np.round(starts + (1 - 1 / warp.scale) * FRAMES / 2), warp) for warp in WARPS]


def _loudest_places(spectrum: Spectrum) -> np.ndarray:
    """Return where patches begin whose power is the highest of those `_APART` around, float64 [places]."""
    power = np.pad(spectrum.power.astype(np.float64), _MARGIN)
    power = np.pad(power, (0, max(FRAMES - power.size, 0)))
    total = np.convolve(power, np.ones(FRAMES), "valid")
    number = int(np.ceil(total.size / _APART))
    grouped = np.pad(total, (0, number * _APART - total.size), constant_values=-1).reshape(number, _APART)
    return np.arange(number) * _APART + grouped.argmax(axis=1) - float(_MARGIN)


def _patches(spectrum: Spectrum, starts: np.ndarray, warp: Warp) -> Patches:
    """Return the patches that begin at frames `starts` [patches] and say something."""
    if not len(spectrum.levels):
        return Patches(np.zeros((0, DIM), np.float32), np.zeros(0, np.float32))
    along_time = _along_time(warp.scale)
    frames = len(along_time)
    after = max(int(starts[-1]) + frames - len(spectrum.levels), 0) + _MARGIN
    rows = np.pad(spectrum.levels.astype(np.float32) @ _along_bands(warp.bands), ((2 * _MARGIN, after), (0, 0)))
    loud = np.pad(spectrum.loud, (2 * _MARGIN, after))
    at = np.asarray(starts, np.int64) + 2 * _MARGIN
    stretches = np.lib.stride_tricks.sliding_window_view(rows, frames, axis=0)[at]  # [patches, quefrencies, frames]
    vectors = (stretches @ along_time).reshape(len(at), DIM)
    length = np.linalg.norm(vectors, axis=1)
    heard = np.lib.stride_tricks.sliding_window_view(loud, frames)[at].sum(axis=1)
    kept = (heard >= _FEWEST) & (length > 1)
    return Patches(vectors[kept] / length[kept, None], np.asarray(starts, np.float32)[kept])
