"""Compare two spectra frame by frame, to tell copies whose waveform was changed.

Frame t of the asked recording is set beside frame `scale` t + `offset` of the held one, moved up by `bands`, and the
correlation of the two is taken over runs of several lengths. Scale, offset and bands begin with what a pair of patches
says and are refined in small steps over longer and longer stretches.
"""

from dataclasses import dataclass, replace

import numpy as np

from kwsdata.similarity.copies.spectrum import BANDS, BANDS_AN_OCTAVE, HOP_S

RUNS_S = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
_RUNS = tuple(round(run / HOP_S) for run in RUNS_S)
_WIDTHS = (64, 160, 400)  # frames compared while refining
_SCALES = (0.02, 0.008, 0.003)  # step of `scale`, for each width
_MOVES = (1.0, 0.5, 0.25)  # step of `bands`
_OFFSETS = (6, 3, 2)  # frames tried on each side
_STARTS = (0.0, -0.05, -0.025, 0.025, 0.05)  # of `scale`, around what a patch says
_FURTHEST_SCALE, _FURTHEST_BANDS = 0.08, 2.0  # from where it began
_FASTER = np.arange(0.85, 1.151, 0.03)  # speeds tried
_FASTER_WIDTH, _FASTER_OFFSET = 80, 4  # frames compared, and tried on each side
_FASTER_APART = 0.05  # of the speeds that are returned
_EMPTY = 2 * BANDS * 8.0**2  # sum of the squares of two frames in which nothing is told
_HOPELESS = 0.4  # correlation over the first width below which the two are not in step
_BLURRED = 0.3  # the same of recordings that a room may have blurred


@dataclass(frozen=True)
class Alignment:
    """The asked recording's frame t is the held one's frame `scale` t + `offset`, its bands are `bands` higher.

    `alike`: for each of RUNS_S the correlation of the best run of that length (-1: there is no run so long), and
    `run`: that run's [first, last) frame of the asked recording. Frames that are empty in both do not count.
    """

    scale: float
    offset: float
    bands: float
    alike: tuple[float, ...] = ()
    run: tuple[tuple[int, int], ...] = ()


def align(held: np.ndarray, asked: np.ndarray, start: Alignment, middle: float) -> Alignment | None:
    """Return the best alignment near `start`, None where the two have little to do with each other.

    Args:
        held, asked: levels [frames, BANDS], float32.
        start: what to begin with.
        middle: the asked frame around which `start` was found.
    """
    best, value = _best_start(held, asked, start, middle)
    if value < _HOPELESS:
        return None
    for width, scale, move, reach in zip(_WIDTHS, _SCALES, _MOVES, _OFFSETS, strict=True):
        first, last = max(0, round(middle - width / 2)), min(len(asked), round(middle + width / 2))
        centre = (first + last) / 2
        piece = asked[first:last]
        best, value = _best_offset(held, piece, first, best, reach)
        for change_scale, change_bands in ((scale, 0.0), (-scale, 0.0), (0.0, move), (0.0, -move)):
            while True:
                tried = replace(
                    best,
                    scale=best.scale + change_scale,
                    offset=best.offset - change_scale * centre,
                    bands=best.bands + change_bands,
                )
                tried, found = _best_offset(held, piece, first, tried, 1)
                far = _far(tried, start)
                if far or found <= value + 1e-4:
                    break
                best, value = tried, found
    return _with_runs(held, asked, best)


def _best_start(held: np.ndarray, asked: np.ndarray, start: Alignment, middle: float) -> tuple[Alignment, float]:
    """Return the best of some scales around that of `start`, which a patch tells within a step of its own."""
    first, last = max(0, round(middle - _WIDTHS[0] / 2)), min(len(asked), round(middle + _WIDTHS[0] / 2))
    tried = []
    for change in _STARTS:
        one = replace(start, scale=start.scale + change, offset=start.offset - change * middle)
        tried.append(_best_offset(held, asked[first:last], first, one, _OFFSETS[0]))
    return max(tried, key=lambda each: each[1])


def _far(one: Alignment, other: Alignment) -> bool:
    return abs(one.scale - other.scale) > _FURTHEST_SCALE or abs(one.bands - other.bands) > _FURTHEST_BANDS


def align_faster(held: np.ndarray, asked: np.ndarray, start: Alignment, middle: float) -> list[Alignment]:
    """Return the two likeliest alignments near `start`, if any, of a recording whose speed alone has changed.

    Rooms and noise blur a spectrum so much that its speed is known to some per cent only: all of them are tried.
    """
    first, last = max(0, round(middle - _FASTER_WIDTH / 2)), min(len(asked), round(middle + _FASTER_WIDTH / 2))
    there = start.scale * middle + start.offset
    tried = []
    for scale in _FASTER:
        one = Alignment(float(scale), float(there - scale * middle), float(BANDS_AN_OCTAVE * np.log2(scale)))
        tried.append(_best_offset(held, asked[first:last], first, one, _FASTER_OFFSET))
    tried.sort(key=lambda each: -each[1])
    best = tried[0][0]
    if tried[0][1] < _BLURRED:
        return []
    others = [one for one, _ in tried if abs(one.scale - best.scale) >= _FASTER_APART]
    return [_with_runs(held, asked, one) for one in (best, *others[:1])]


def _best_offset(
    held: np.ndarray, piece: np.ndarray, first: int, there: Alignment, reach: int
) -> tuple[Alignment, float]:
    """Return `there` with the best offset within `reach` frames, and the correlation over `piece` [frames, BANDS]."""
    count = len(piece)
    rows = _moved(held, there.scale * np.arange(first - reach, first + count + reach) + there.offset, there.bands)
    flat, energy = piece.ravel(), float(np.vdot(piece, piece))
    products = np.asarray([np.vdot(rows[at : at + count].ravel(), flat) for at in range(2 * reach + 1)])
    power = np.cumsum(np.concatenate([[0.0], np.einsum("ij,ij->i", rows, rows)]))
    powers = power[count : count + 2 * reach + 1] - power[: 2 * reach + 1]
    values = products / np.sqrt(np.maximum(powers * energy, 1e-9))
    best = int(values.argmax())
    return replace(there, offset=there.offset + (best - reach) * there.scale), float(values[best])


def _moved(held: np.ndarray, at: np.ndarray, bands: float) -> np.ndarray:
    """Return `held` at the frames `at` (between two: in proportion), `bands` higher; zeros where there is nothing."""
    low = np.floor(at).astype(np.int64)
    share = (at - low).astype(np.float32)[:, None]
    inside = (low >= 0) & (low < len(held) - 1)
    low = np.where(inside, low, 0)
    rows = held[low] + share * (held[np.minimum(low + 1, len(held) - 1)] - held[low])
    rows[~inside] = 0
    whole = int(np.floor(bands))
    part = np.float32(bands - whole)
    moved = np.zeros_like(rows)
    for shift, weight in ((whole, 1 - part), (whole + 1, part)):
        if weight and abs(shift) < BANDS:
            moved[:, max(shift, 0) : BANDS + min(shift, 0)] += weight * rows[:, max(-shift, 0) : BANDS - max(shift, 0)]
    return moved


def _with_runs(held: np.ndarray, asked: np.ndarray, there: Alignment) -> Alignment:
    """Return `there` with the correlation of the best run of each length."""
    first = max(0, int(np.ceil(-there.offset / there.scale)))
    last = min(len(asked), int(np.floor((len(held) - 1 - there.offset) / there.scale)) + 1)
    if last <= first:
        return replace(there, alike=(-1.0,) * len(_RUNS), run=((0, 0),) * len(_RUNS))
    piece = asked[first:last]
    rows = _moved(held, there.scale * np.arange(first, last) + there.offset, there.bands)
    told = np.flatnonzero(np.einsum("ij,ij->i", rows, rows) + np.einsum("ij,ij->i", piece, piece) > _EMPTY)
    if len(told) < _RUNS[0]:  # a short word alone: what is empty around it says at least that it ends
        told = np.arange(last - first)
    piece, rows = piece[told], rows[told]
    sums = np.stack([np.einsum("ij,ij->i", one, other) for one, other in ((rows, piece), (rows, rows), (piece, piece))])
    sums = np.concatenate([np.zeros((3, 1)), np.cumsum(sums, axis=1, dtype=np.float64)], axis=1)
    alike, runs = [], []
    for run in _RUNS:
        if run > len(told):
            alike.append(-1.0)
            runs.append((first, last))
            continue
        product, one, other = sums[:, run:] - sums[:, :-run]
        least = 0.1 * np.sqrt(one.max() * other.max())  # runs that are nearly silent agree by chance
        values = product / np.maximum(np.sqrt(one * other), least + 1e-9)
        best = int(values.argmax())
        alike.append(float(values[best]))
        runs.append((first + int(told[best]), first + int(told[best + run - 1]) + 1))
    return replace(there, alike=tuple(alike), run=tuple(runs))
