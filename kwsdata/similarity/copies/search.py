"""Search for copies of recordings: by patches, then by spectra, then by waveforms where in doubt."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.params.negatives import CopiesParams
from kwsdata.similarity.copies import waveform
from kwsdata.similarity.copies.align import RUNS_S, Alignment, align, align_faster
from kwsdata.similarity.copies.held import Held
from kwsdata.similarity.copies.patches import FRAMES, WARPS, asked_patches
from kwsdata.similarity.copies.spectrum import BANDS_AN_OCTAVE, HOP_S, Spectrum

_NEIGHBOURS = 24  # of a patch
_AROUND = 9600  # samples of a waveform that are flattened beyond what is compared
_HOP = HOP_S * SAMPLE_RATE  # samples
_LONGEST = SAMPLE_RATE  # samples of a waveform that are compared: over more a speed would have to be known better
_SAME_SPEED = 0.003


@dataclass(frozen=True)
class Copy:
    """Recording `held` again, over `seconds` from `asked_s` on (in the held one from `held_s` on).

    `speed`, `semitones`: how much faster and higher. `how`: what agrees, and `value` how well.
    """

    held: int
    how: Literal["spectrum", "waveform"]
    value: float
    seconds: float
    asked_s: float
    held_s: float
    speed: float
    semitones: float


@dataclass(frozen=True)
class _Candidate:
    held: int
    product: float
    start: Alignment
    middle: float


def find_copies(
    held: Held,
    asked: Spectrum,
    load_asked: Callable[[], Waveform],
    load_held: Callable[[int], Waveform],
    params: CopiesParams,
    synthetic: Callable[[int], bool] = lambda number: False,
) -> list[Copy]:
    """Return the held recordings that `asked` is, or holds, or is part of: each once, likeliest first.

    Args:
        held: what is looked for.
        asked: the spectrum of the recording that is asked about.
        load_asked, load_held: give the sound [samples] at 16 kHz, of the latter by its number; called in doubt alone.
        params: the limits.
        synthetic: whether a synthesiser made both `asked` and a held recording, by its number. Such voices are so even
            that one predicts another's waveform, and speak in step: `min_alike_synthetic` is what counts.
    """
    found: list[Copy] = []
    doubtful: list[tuple[float, int, Alignment, int]] = []
    levels = asked.levels.astype(np.float32)
    for one in candidates(held, asked, params):
        other = held.levels(one.held)
        least = params.min_alike_synthetic if synthetic(one.held) else -1.0
        aligned = align(other, levels, one.start, one.middle)
        if aligned and (copy := _in_step(one.held, aligned, least, params)):
            found.append(copy)
            continue
        for faster in align_faster(other, levels, one.start, one.middle) if least < 0 else ():
            value, place = _doubt(faster, params)
            if value > 0:
                doubtful.append((value, one.held, faster, place))
    doubtful.sort(key=lambda each: -each[0])
    wave = load_asked() if doubtful else np.zeros(0, np.float32)
    for clear, number, aligned, place in doubtful[: params.waveforms]:
        if any(copy.held == number for copy in found):
            continue
        copy = _compared(number, aligned, place, wave, load_held(number))
        enough = limit_of(RUNS_S[place], params.min_predicted)
        if copy.value >= enough - (params.trust * clear if abs(copy.speed - 1) < _SAME_SPEED else 0):
            found.append(copy)
    return sorted(found, key=lambda copy: -copy.value)


def candidates(held: Held, asked: Spectrum, params: CopiesParams) -> list[_Candidate]:
    """Return the held recordings with the patches nearest to those of `asked`, each once, nearest first."""
    patches = asked_patches(asked)
    products, numbers, starts = held.nearest(np.concatenate([one.vectors for one in patches]), _NEIGHBOURS)
    if not products.size:
        return []
    warp = np.repeat(np.arange(len(WARPS)), [len(one.start) for one in patches])
    begin = np.concatenate([one.start for one in patches])
    near = np.flatnonzero(products.ravel() >= params.min_patch)
    order = near[np.argsort(-products.ravel()[near], kind="stable")]
    _, first = np.unique(numbers.ravel()[order], return_index=True)
    chosen = order[np.sort(first)[: params.candidates]]
    found = []
    for place in chosen.tolist():
        row, column = divmod(place, products.shape[1])
        found.append(
            _candidate(int(numbers[row, column]), float(products[row, column]), int(warp[row]), float(begin[row]),
                       float(starts[row, column]))
        )  # fmt: skip
    return found


def _candidate(number: int, product: float, warp: int, asked_start: float, held_start: float) -> _Candidate:
    """Return what a pair of patches says: their middles are the same moment."""
    one = WARPS[warp]
    middle = asked_start + FRAMES / one.scale / 2
    offset = held_start + FRAMES / 2 - one.scale * middle
    return _Candidate(number, product, Alignment(one.scale, offset, one.bands), middle)


def _in_step(number: int, aligned: Alignment, least: float, params: CopiesParams) -> Copy | None:
    """Return the copy that the spectra show, by the longest run that is alike enough, and `least` or more."""
    for place in reversed(range(len(RUNS_S))):
        enough = max(limit_of(RUNS_S[place], params.min_alike), least)
        if RUNS_S[place] >= params.min_common_s and aligned.alike[place] >= enough:
            return _copy(number, "spectrum", aligned.alike[place], aligned, place, aligned.scale)
    return None


def limit_of(seconds: float, table: list[tuple[float, float]]) -> float:
    """Return how alike runs of `seconds` must be, from [seconds, correlation] rows."""
    times, values = zip(*table, strict=True)
    return float(np.interp(np.log(seconds), np.log(times), values))


def _doubt(aligned: Alignment, params: CopiesParams) -> tuple[float, int]:
    """Return how far the run that says most lies above what makes waveforms worth a look (below 0: no run), and it."""
    best = (-1.0, 0)
    for place, seconds in enumerate(RUNS_S):
        if max(params.min_common_s, params.min_doubt[0][0]) <= seconds <= params.min_doubt[-1][0]:
            best = max(best, (aligned.alike[place] - limit_of(seconds, params.min_doubt), place))
    return best


def _compared(number: int, aligned: Alignment, place: int, asked: Waveform, held: Waveform) -> Copy:
    """Return what the waveforms show in the middle of run `place`: a copy if its value is high enough."""
    first, last = aligned.run[place]
    middle = (first + last) / 2 * _HOP
    half = min((last - first) * _HOP, _LONGEST) / 2
    start, end = max(round(middle - half), 0), min(round(middle + half), asked.size)
    one, one_start = _flat_stretch(asked, start, end)
    there = aligned.scale * middle + aligned.offset * _HOP
    half = aligned.scale * (end - start) / 2
    other, other_start = _flat_stretch(held, round(there - half), round(there + half))
    ratio = waveform.RATE / SAMPLE_RATE
    stretch = one[round((start - one_start) * ratio) : round((end - one_start) * ratio)]
    related = waveform.relation(other, stretch, aligned.scale, (there - other_start) * ratio)
    return _copy(number, "waveform", related.share, aligned, place, related.speed)


def _flat_stretch(wave: Waveform, start: int, end: int) -> tuple[np.ndarray, int]:
    """Return the flattened part of `wave` that holds [start, end) and a margin on each side, and where it starts."""
    low, high = max(start - _AROUND, 0), min(max(end, 0) + _AROUND, wave.size)
    return waveform.flat(wave[low:high]), low


def _copy(
    number: int, how: Literal["spectrum", "waveform"], value: float, aligned: Alignment, place: int, speed: float
) -> Copy:
    first = aligned.run[place][0]
    return Copy(
        held=number,
        how=how,
        value=value,
        seconds=RUNS_S[place],
        asked_s=first * HOP_S,
        held_s=(aligned.scale * first + aligned.offset) * HOP_S,
        speed=speed,
        semitones=12 * aligned.bands / BANDS_AN_OCTAVE,
    )
