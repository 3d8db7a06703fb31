"""Rules that listen: clips of two partitions that sound the same all along, and labels that the sound contradicts."""

from collections.abc import Iterator

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.check.finding import Finding, exclusion
from kwsdata.likeness import Yardstick
from kwsdata.params.mining import CheckParams
from kwsdata.pieces import Piece
from kwsdata.vectors.index import VectorIndex
from kwsdata.vectors.store import VectorStore
from kwsdata.vectors.times import peaks

_PLACES = (0.25, 0.5, 0.75)  # of a clip, that must all agree
_APART_S = 1.0  # suspects of one recording
_MOST = 200  # suspects of one partition
_CANDIDATES = 5000


def same_takes(store: VectorStore, partition: str, index: VectorIndex, params: CheckParams) -> Iterator[Finding]:
    """Yield a finding for each clip of a dev or test `store` that a clip of `index` (train's) agrees with all along."""
    for piece, first, count in _pieces(store):
        rows = first + np.unique([round(place * (count - 1)) for place in _PLACES])
        similarity, found = index.search(store.take(rows), 1)
        if similarity.min() < params.same_similarity:
            continue
        others = index.store.places(found[:, 0])
        middles = np.asarray([piece.start + (row - first) * store.hop for row in rows])
        shift = np.asarray([middle for _, middle in others]) - middles
        if len({other.clip for other, _ in others}) == 1 and np.ptp(shift) <= 2 * store.hop:
            other = others[0][0]
            message = (
                f"{piece.clip} ({partition}) and {other.clip} (train) sound the same at every place compared "
                f"(similarity {similarity.min():.2f} or more, shift {shift[0] / SAMPLE_RATE:+.2f} s)"
            )
            yield exclusion("alike_sound", message, [piece.clip, other.clip], [other.clip])


def odd_negatives(store: VectorStore, rows: np.ndarray, partition: str, yardstick: Yardstick, params: CheckParams) -> list[Finding]:
    """Return a finding for each of the windows `rows` of negatives that is as much like the keyword as the keyword."""
    near = yardstick.measure(store, rows)
    likeness = yardstick.likeness(near.similarity)
    odd = np.flatnonzero(likeness >= params.odd_negative)
    chosen = odd[peaks(store, rows[odd], likeness[odd], _APART_S, _MOST)]
    findings = []
    for at, (piece, middle) in zip(chosen, store.places(rows[chosen]), strict=True):
        where = f"at {middle / SAMPLE_RATE:.2f} s" if piece.clip_samples > 3 * SAMPLE_RATE else "all of it"
        message = (
            f"{piece.clip} ({partition}, {piece.label}), {where}, is as much like the keyword as its recordings are: likeness "
            f"{likeness[at]:.2f}, limit {params.odd_negative:g}; nearest {yardstick.words.clips[int(near.nearest[at])]}"
        )
        findings.append(exclusion("label_suspect", message, [piece.clip], [piece.clip]))
    return findings


def near_keyword(index: VectorIndex, yardstick: Yardstick) -> np.ndarray:
    """Return the rows of an index that may be like the keyword, int64."""
    return yardstick.neighbours(index, _CANDIDATES)


def odd_keywords(store: VectorStore, partition: str, yardstick: Yardstick, params: CheckParams) -> Iterator[Finding]:
    """Yield a finding for each keyword clip in which nothing sounds like the keyword as other speakers say it."""
    for piece, first, count in _pieces(store):
        rows = np.arange(first, first + count)
        likeness = float(yardstick.likeness(yardstick.unseen(store, rows, piece.clip, piece.speaker)).max())
        if likeness < params.odd_keyword:
            message = (
                f"{piece.clip} ({partition}, keyword): nothing in it sounds like the keyword: likeness {likeness:.2f}, limit "
                f"{params.odd_keyword:g}"
            )
            yield exclusion("label_suspect", message, [piece.clip], [piece.clip])


def _pieces(store: VectorStore) -> Iterator[tuple[Piece, int, int]]:
    """Yield (piece, first row, rows) of the pieces that begin a recording."""
    for number in range(store.shards):
        found = store.pieces(number)
        for index, piece in enumerate(found.pieces):
            if piece.start == 0:
                yield piece, int(store.first[number] + found.first[index]), int(found.first[index + 1] - found.first[index])
