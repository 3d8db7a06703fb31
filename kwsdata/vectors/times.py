"""Find the windows with the highest scores, and the window nearest to a sample."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.vectors.store import VectorStore


def peaks(store: VectorStore, rows: np.ndarray, value: np.ndarray, apart_s: float, most: int) -> np.ndarray:
    """Return the places in `rows` of the windows with the highest `value`, none nearer than `apart_s` to a higher one.

    Args:
        store: whose rows they are.
        rows: global row numbers.
        value: of each row.
        apart_s: within one recording.
        most: how many at most.
    """
    apart = apart_s * SAMPLE_RATE
    taken: dict[str, list[int]] = defaultdict(list)
    chosen: list[int] = []
    places = store.places(rows)
    for place in np.argsort(-value, kind="stable").tolist():
        if len(chosen) == most:
            break
        piece, middle = places[place]
        if all(abs(middle - other) >= apart for other in taken[piece.identity]):
            taken[piece.identity].append(middle)
            chosen.append(place)
    return np.asarray(chosen, np.int64)


def row_near(store: VectorStore, shard: int, index: int, middles: Sequence[int]) -> np.ndarray:
    """Return the rows whose windows' middles are nearest to samples `middles` of piece `index` of a shard, int64."""
    found = store.pieces(shard)
    piece = found.pieces[index]
    last = int(found.first[index + 1] - found.first[index]) - 1
    place = np.clip(np.round((np.asarray(middles) - piece.start) / store.hop), 0, last).astype(np.int64)
    return place + int(store.first[shard] + found.first[index])
