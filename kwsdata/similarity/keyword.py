"""Measure how similar windows of sound are to the keyword; mining and the gate share it.

A window and its surroundings are compared with the keyword's recordings in a space whitened by ordinary sound
(`kwsdata.vectors.space`):

    similarity    mean cosine to the `neighbours` nearest recordings of the keyword
    margin        similarity less the mean cosine to the `neighbours` nearest windows of ordinary sound
    likeness      (similarity - ordinary) / (own - ordinary): 0 for ordinary sound, 1 for the keyword itself, where
                  `ordinary` is ordinary sound's median similarity, `own` that of the keyword's recordings to each other
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.draws import rng_for
from kwsdata.params.negatives import LikenessParams
from kwsdata.similarity.recordings import KeywordRecordings, centres, load_recordings, nearest_mean
from kwsdata.vectors.index import VectorIndex
from kwsdata.vectors.space import Space, fit_space
from kwsdata.vectors.store import VectorStore

_SPACE_SAMPLE = 30_000  # windows of ordinary sound that the space is whitened by
_ORDINARY = 2000  # windows of ordinary sound that margins are measured from
_BLOCK = 1024  # windows compared at a time
_OVERLAP = 4


@dataclass(frozen=True)
class WindowSimilarity:
    """Numbers of some windows, [rows] each: see the module's head."""

    rows: np.ndarray
    similarity: np.ndarray
    margin: np.ndarray
    nearest: np.ndarray
    nearest_similarity: np.ndarray


class KeywordSimilarity:
    """What windows are measured with: the keyword's words, ordinary sound, and the space both lie in."""

    def __init__(self, keyword: VectorStore, negatives: VectorStore, params: LikenessParams) -> None:
        """Measure the words in `keyword` against the ordinary sound in `negatives`.

        Raises:
            StageInputError: there are too few words or too little sound.
        """
        self.params = params
        offsets = [step * params.context_step for step in range(-params.context, params.context + 1)]
        sample = negatives.sample(_SPACE_SAMPLE, rng_for(params.seed, "space"))
        self.space: Space = fit_space(negatives, sample, offsets)
        self.words: KeywordRecordings = load_recordings(keyword, self.space, params)
        rows = negatives.sample(_ORDINARY, rng_for(params.seed, "ordinary"))
        self._ordinary = self.space.rows(negatives, rows)
        similarity, _, _ = self.words.similarity(self._ordinary, params.neighbours)
        self.ordinary = float(np.median(similarity))
        self.own = float(np.median(self.words.own))
        self._word_vectors = keyword.take(self.words.rows)

    def measure(self, store: VectorStore, rows: np.ndarray) -> WindowSimilarity:
        """Return the numbers of the windows `rows` of `store`."""
        parts = [self._measure(store, rows[start : start + _BLOCK]) for start in range(0, max(len(rows), 1), _BLOCK)]
        return WindowSimilarity(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in WindowSimilarity.__dataclass_fields__)
        )

    def _measure(self, store: VectorStore, rows: np.ndarray) -> WindowSimilarity:
        vectors = self.space.rows(store, rows)
        similarity, nearest_similarity, nearest = self.words.similarity(vectors, self.params.neighbours)
        # A window is part of the ordinary sound, so that its own copy may be among the nearest: one more is taken.
        ordinary = nearest_mean(vectors @ self._ordinary.T, self.params.neighbours + 1)
        return WindowSimilarity(rows, similarity, similarity - ordinary, nearest, nearest_similarity)

    def unseen(self, store: VectorStore, rows: np.ndarray, clip: str, speaker: str | None) -> np.ndarray:
        """Return the similarity of the windows `rows` to the words of other clips and (if there are any) speakers."""
        other = np.asarray([one != clip for one in self.words.clips])
        strangers = other & np.asarray([speaker is None or one != speaker for one in self.words.speakers])
        vectors = self.words.vectors[strangers if strangers.any() else other]
        return nearest_mean(self.space.rows(store, rows) @ vectors.T, self.params.neighbours)

    def likeness(self, similarity: np.ndarray) -> np.ndarray:
        """Return similarities as likenesses: 0 for ordinary sound, 1 for the keyword itself."""
        return (similarity - self.ordinary) / max(self.own - self.ordinary, 1e-6)

    def neighbours(self, index: VectorIndex, count: int) -> np.ndarray:
        """Return rows of the index's store that lie near the keyword, sorted, int64: some `count` different places.

        What is asked for are the neighbours of some typical words; they overlap, and of one place several lie side by
        side in time.
        """
        queries = centres(index.space.project(self._word_vectors), self.params.queries, self.params.seed)
        _, rows = index.search_projected(queries, max(1, _OVERLAP * count // len(queries)))
        return np.unique(rows[rows >= 0])
