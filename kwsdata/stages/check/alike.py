"""Rules on embeddings: near-duplicate clips across partitions, and labels that the sound contradicts."""

from collections.abc import Iterator

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.pieces import Piece
from kwsdata.params.negatives import CheckParams
from kwsdata.similarity.keyword import KeywordSimilarity
from kwsdata.stages.check.finding import Finding, exclusion
from kwsdata.vectors.index import VectorIndex
from kwsdata.vectors.store import VectorStore
from kwsdata.vectors.times import peaks

_PLACES = (0.25, 0.5, 0.75)  # of a clip, that must all agree
_APART_S = 1.0  # suspects of one recording
_MOST = 200  # suspects of one partition
_CANDIDATES = 5000
_BATCH = 1000  # clips looked up together


def same_takes(store: VectorStore, partition: str, index: VectorIndex, params: CheckParams) -> Iterator[Finding]:
    """Yield a finding for each clip of a dev or test `store` that a clip of `index` (train's) agrees with all along.

    Clips of less than a second are left out: any two voices saying one short word agree so far.
    """
    clips = [found for found in _pieces(store) if found[0].samples >= SAMPLE_RATE]
    for start in range(0, len(clips), _BATCH):
        batch = clips[start : start + _BATCH]
        rows = [first + np.unique([round(place * (count - 1)) for place in _PLACES]) for _, first, count in batch]
        similarity, found = index.search(store.take(np.concatenate(rows)), 1)
        others = index.store.places(found[:, 0])
        ends = np.cumsum([len(one) for one in rows])
        for (piece, first, _), own, end in zip(batch, rows, ends, strict=True):
            here = slice(int(end) - len(own), int(end))
            least = float(similarity[here].min())
            shifts = [
                middle - piece.start - int(row - first) * store.hop
                for (_, middle), row in zip(others[here], own, strict=True)
            ]
            clip = {other.clip for other, _ in others[here]}
            if least >= params.same_similarity and len(clip) == 1 and max(shifts) - min(shifts) <= 2 * store.hop:
                message = (
                    f"{piece.clip} ({partition}) and {min(clip)} (train) sound the same at every place compared "
                    f"(similarity {least:.2f} or more, shift {shifts[0] / SAMPLE_RATE:+.2f} s)"
                )
                yield exclusion("near_duplicate", message, [piece.clip, *clip], [*clip])


def likely_negatives(
    store: VectorStore, rows: np.ndarray, partition: str, to_keyword: KeywordSimilarity, params: CheckParams
) -> list[Finding]:
    """Return a finding for each of the windows `rows` of negatives that is as much like the keyword as the keyword.

    What synthetic clips say is known, so that they are no suspects.
    """
    near = to_keyword.measure(store, rows)
    likeness = to_keyword.likeness(near.similarity)
    odd = np.flatnonzero(likeness >= params.max_negative_similarity)
    chosen = odd[peaks(store, rows[odd], likeness[odd], _APART_S, _MOST)]
    findings = []
    for at, (piece, middle) in zip(chosen, store.places(rows[chosen]), strict=True):
        if piece.synthetic:
            continue
        where = f"at {middle / SAMPLE_RATE:.2f} s" if piece.clip_samples > 3 * SAMPLE_RATE else "all of it"
        nearest = to_keyword.words.clips[int(near.nearest[at])]
        message = (
            f"{piece.clip} ({partition}, {piece.label}), {where}, is as much like the keyword as its "
            f"recordings are: likeness {likeness[at]:.2f}, limit {params.max_negative_similarity:g}; nearest {nearest}"
        )
        findings.append(exclusion("label_suspect", message, [piece.clip], [piece.clip]))
    return findings


def near_keyword(index: VectorIndex, to_keyword: KeywordSimilarity) -> np.ndarray:
    """Return the rows of an index that may be like the keyword, int64."""
    return to_keyword.neighbours(index, _CANDIDATES)


def unlikely_keywords(
    store: VectorStore, partition: str, to_keyword: KeywordSimilarity, params: CheckParams
) -> Iterator[Finding]:
    """Yield a finding for each keyword clip in which nothing sounds like the keyword as other speakers say it."""
    for piece, first, count in _pieces(store):
        rows = np.arange(first, first + count)
        likeness = float(to_keyword.likeness(to_keyword.unseen(store, rows, piece.clip, piece.speaker)).max())
        if likeness < params.min_keyword_similarity:
            message = (
                f"{piece.clip} ({partition}, keyword): nothing in it sounds like the keyword: "
                f"likeness {likeness:.2f}, limit {params.min_keyword_similarity:g}"
            )
            yield exclusion("label_suspect", message, [piece.clip], [piece.clip])


def _pieces(store: VectorStore) -> Iterator[tuple[Piece, int, int]]:
    """Yield (piece, first row, rows) of the pieces that begin a recording."""
    for number in range(store.shards):
        found = store.pieces(number)
        for index, piece in enumerate(found.pieces):
            if piece.start == 0:
                yield (
                    piece,
                    int(store.first[number] + found.first[index]),
                    int(found.first[index + 1] - found.first[index]),
                )
