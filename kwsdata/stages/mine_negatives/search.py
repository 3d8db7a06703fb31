"""Find and measure all windows of a pool that may be worth mining."""

import heapq

import numpy as np

from kwsdata.params.negatives import MineNegativesParams
from kwsdata.similarity.keyword import KeywordSimilarity, WindowSimilarity
from kwsdata.stages.mine_negatives.alarms import Alarms
from kwsdata.stages.mine_negatives.candidate import Candidate, rank_of
from kwsdata.stages.mine_negatives.pools import Pool
from kwsdata.vectors.times import peaks


def candidates_of(
    number: int, pool: Pool, to_keyword: KeywordSimilarity, alarms: Alarms | None, block: MineNegativesParams
) -> list[Candidate]:
    """Return the candidates of pool `number`, none nearer in time to another of the same recording than `apart_s`.

    A window is a candidate as a neighbour of the keyword (both margins passed), as a false alarm of the model (score of
    `min_score` or more), or both.

    Raises:
        StageInputError: a file of the pool or of the model is missing or damaged.
    """
    near = _neighbours(pool, to_keyword, block)
    score: np.ndarray | None = None
    if alarms is not None:
        near = _joined(near, _alarms(pool, alarms, to_keyword, block))
        score = alarms.near(near.rows)
    likeness = to_keyword.likeness(near.similarity)
    rank = np.asarray(
        [
            rank_of(float(one), None if score is None else float(score[at]), block.score_share)
            for at, one in enumerate(likeness)
        ]
    )
    chosen = peaks(pool.store, near.rows, rank, block.apart_s, block.candidates)
    places = pool.store.places(near.rows[chosen])
    return [
        Candidate(
            pool=number,
            row=int(near.rows[at]),
            piece=piece,
            middle=middle,
            similarity=float(near.similarity[at]),
            margin=float(near.margin[at]),
            nearest=to_keyword.words.clips[int(near.nearest[at])],
            nearest_similarity=float(near.nearest_similarity[at]),
            score=None if score is None else float(score[at]),
            rank=float(rank[at]),
            found_by=_found_by(near, int(at), score, block),
        )
        for at, (piece, middle) in zip(chosen, places, strict=True)
    ]


def _found_by(near: WindowSimilarity, at: int, score: np.ndarray | None, block: MineNegativesParams) -> str:
    if score is None or score[at] < block.min_score:
        return "neighbour"
    return "both" if _passes(near, block)[at] else "alarm"


def _passes(near: WindowSimilarity, block: MineNegativesParams) -> np.ndarray:
    return (near.similarity >= block.min_similarity) & (near.margin >= block.min_margin)


def _neighbours(pool: Pool, to_keyword: KeywordSimilarity, block: MineNegativesParams) -> WindowSimilarity:
    near = to_keyword.measure(pool.store, to_keyword.neighbours(pool.index, block.candidates))
    near = _taken(near, np.flatnonzero(_passes(near, block)))
    return _taken(near, peaks(pool.store, near.rows, near.similarity, block.apart_s, block.candidates))


def _alarms(pool: Pool, alarms: Alarms, to_keyword: KeywordSimilarity, block: MineNegativesParams) -> WindowSimilarity:
    """Return for each of the loudest alarms the window before it that sounds most like the keyword."""
    found = heapq.nlargest(
        block.candidates,
        ((score, number, rows) for number, (score, rows) in enumerate(alarms.loudest(block.min_score, block.apart_s))),
        key=lambda one: (one[0], -one[1]),
    )
    if not found:
        return to_keyword.measure(pool.store, np.zeros(0, np.int64))
    near = to_keyword.measure(pool.store, np.concatenate([rows for _, _, rows in found]))
    best, start = [], 0
    for _, _, rows in found:
        best.append(start + int(near.similarity[start : start + rows.size].argmax()))
        start += rows.size
    return _taken(near, np.asarray(best))


def _taken(near: WindowSimilarity, places: np.ndarray) -> WindowSimilarity:
    return WindowSimilarity(*(getattr(near, name)[places] for name in WindowSimilarity.__dataclass_fields__))


def _joined(one: WindowSimilarity, other: WindowSimilarity) -> WindowSimilarity:
    rows, places = np.unique(np.concatenate([one.rows, other.rows]), return_index=True)
    del rows
    both = WindowSimilarity(
        *(np.concatenate([getattr(one, name), getattr(other, name)]) for name in WindowSimilarity.__dataclass_fields__)
    )
    return _taken(both, places)
