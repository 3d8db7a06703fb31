"""Choose the hardest candidates: each sound once, no one source too often."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from kwsdata.params.negatives import MineNegativesParams
from kwsdata.similarity.recordings import centres
from kwsdata.stages.mine_negatives.candidate import Candidate

_ROOM = 256  # vectors of chosen windows that room is made for at a time


def choose(
    candidates: Sequence[Candidate],
    vectors: np.ndarray,
    params: MineNegativesParams,
    always: frozenset[str] = frozenset(),
    first: frozenset[str] = frozenset(),
) -> tuple[list[int], dict[int, str]]:
    """Return (places of the chosen in `candidates`, hardest first; why each other one is left out).

    Args:
        candidates: windows that may be mined.
        vectors: unit vectors float32 [candidates, n].
        params: budget, limits of diversity, and from which similarity on two windows are the same sound.
        always: ids that a person kept: they are not held to the limits of diversity.
        first: ids that are chosen before any other.
    """

    def hardest_first(place: int) -> tuple[float, str]:
        return -candidates[place].rank, candidates[place].id

    order = sorted(range(len(candidates)), key=lambda place: (candidates[place].id not in first, hardest_first(place)))
    cluster = clusters_of(vectors, params.diversity.clusters, params.seed)
    chosen: list[int] = []
    left_out: dict[int, str] = {}
    counts: Counter[tuple[str, object]] = Counter()
    most = _limits(candidates, params)
    kept = np.empty((0, vectors.shape[1]), np.float32)
    for place in order:
        one = candidates[place]
        reason = None
        if len(chosen) >= params.budget:
            reason = f"over the budget of {params.budget}"
        elif chosen and float((alike := kept[: len(chosen)] @ vectors[place]).max()) > params.same_similarity:
            reason = f"the same sound as {candidates[chosen[int(alike.argmax())]].id}"
        elif one.id not in always:
            reason = _too_many(one, int(cluster[place]), counts, most)
        if reason is not None:
            left_out[place] = reason
            continue
        if len(chosen) == len(kept):
            kept = np.concatenate([kept, np.empty((_ROOM, vectors.shape[1]), np.float32)])
        kept[len(chosen)] = vectors[place]
        chosen.append(place)
        counts.update(_kinds(one, int(cluster[place])))
    return sorted(chosen, key=hardest_first), left_out


def _kinds(one: Candidate, cluster: int) -> list[tuple[str, object]]:
    kinds: list[tuple[str, object]] = [("clip", one.piece.identity), ("cluster", cluster)]
    if one.piece.speaker is not None:
        kinds.append(("speaker", one.piece.speaker))
    if one.piece.text:
        kinds.append(("phrase", one.piece.text))
    if one.piece.synthetic:
        kinds.append(("synthetic", True))
    return kinds


def _limits(candidates: Sequence[Candidate], params: MineNegativesParams) -> dict[str, int]:
    limits = params.diversity
    recorded = any(not one.piece.synthetic for one in candidates)
    return {
        "clip": limits.per_clip,
        "speaker": limits.per_speaker,
        "phrase": limits.per_phrase,
        "cluster": limits.per_cluster,
        "synthetic": round(limits.synthetic_share * params.budget) if recorded else params.budget,
    }


def _too_many(one: Candidate, cluster: int, counts: Counter[tuple[str, object]], most: dict[str, int]) -> str | None:
    for kind in _kinds(one, cluster):
        if counts[kind] >= most[kind[0]]:
            return f"{most[kind[0]]} of the same {kind[0]} are in already"
    return None


def clusters_of(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the cluster of each of `vectors` [rows, n], int64 [rows]."""
    if len(vectors) == 0:
        return np.zeros(0, np.int64)
    return np.asarray((vectors @ centres(vectors, count, seed).T).argmax(axis=1), np.int64)
