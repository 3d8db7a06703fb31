"""The keyword's recordings as the mining stage sees them: one vector a word, and how alike they are to each other."""

from dataclasses import dataclass

import faiss
import numpy as np

from kwsdata.draws import rng_for
from kwsdata.errors import StageInputError
from kwsdata.params.mining import MineNegativesParams
from kwsdata.vectors.space import Space
from kwsdata.vectors.store import VectorStore

_MOST = 3000  # words compared with: more of them change the means little


@dataclass(frozen=True)
class Positives:
    """Words. `vectors`: unit vectors float32 [words, n]; `clips`, `speakers`: of each word.

    `own` float32 [words]: each word's mean similarity to the nearest words of other speakers, which is how near the
    keyword itself lies to its recordings.
    """

    vectors: np.ndarray
    clips: list[str]
    speakers: list[str | None]
    own: np.ndarray

    def similarity(self, vectors: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compare unit `vectors` [rows, n] with the words.

        Returns:
            (mean similarity to the `neighbours` nearest words, similarity to the nearest, its number): [rows] each.
        """
        every = vectors @ self.vectors.T
        nearest = every.argmax(axis=1)
        return nearest_mean(every, neighbours), every[np.arange(len(every)), nearest], nearest

    def threshold(self, quantile: float) -> float:
        """Return the similarity that this share of the keyword's own recordings stay below."""
        return float(np.quantile(self.own, quantile))


def nearest_mean(similarity: np.ndarray, neighbours: int) -> np.ndarray:
    """Return the mean of the `neighbours` largest of each row of `similarity` [rows, n]; of all where there are fewer."""
    count = min(neighbours, similarity.shape[1])
    return np.partition(similarity, similarity.shape[1] - count, axis=1)[:, -count:].mean(axis=1)


def word_rows(store: VectorStore) -> np.ndarray:
    """Return the row in the middle of each clip's marked word, sorted, int64."""
    rows = []
    for number in range(store.shards):
        found = store.pieces(number)
        for index, piece in enumerate(found.pieces):
            start, end = piece.word or (0, piece.clip_samples)
            middle = (start + end) // 2
            if piece.start <= middle < piece.start + piece.samples:
                last = int(found.first[index + 1] - found.first[index]) - 1
                place = min(last, round((middle - piece.start) / store.hop))
                rows.append(int(store.first[number] + found.first[index]) + place)
    return np.asarray(rows, np.int64)


def load_positives(store: VectorStore, space: Space, params: MineNegativesParams) -> Positives:
    """Return the words of the keyword clips in `store`.

    Raises:
        StageInputError: there are fewer than two.
    """
    rows = word_rows(store)
    if rows.size < 2:
        raise StageInputError(
            f"{store.directory} holds {rows.size} words: mining compares with recordings of the keyword in the train "
            "partition; import some, or raise synthesize.*.positives."
        )
    if rows.size > _MOST:
        rows = np.sort(rng_for(params.seed, "positives").choice(rows, _MOST, replace=False))
    pieces = [piece for piece, _ in store.places(rows)]
    vectors = space.rows(store, rows)
    speakers = [piece.speaker for piece in pieces]
    return Positives(vectors, [piece.clip for piece in pieces], speakers, _own(vectors, speakers, params.neighbours))


def _own(vectors: np.ndarray, speakers: list[str | None], neighbours: int) -> np.ndarray:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    codes = {name: code for code, name in enumerate(sorted({s for s in speakers if s is not None}))}
    code = np.asarray([codes.get(speaker, -1 - row) for row, speaker in enumerate(speakers)])
    others = code[:, None] != code[None, :]
    own = np.empty(len(vectors), np.float32)
    for row in range(len(vectors)):
        # Where one speaker says everything, the other takes of that speaker are all there is to compare with.
        row_others = others[row] if others[row].any() else np.arange(len(vectors)) != row
        own[row] = nearest_mean(similarity[row][row_others][None], neighbours)[0]
    return own


def centres(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return up to `count` unit vectors that stand for unit `vectors` [rows, n]: spherical k-means."""
    count = min(count, len(vectors))
    means = faiss.Kmeans(
        vectors.shape[1], count, niter=20, spherical=True, seed=seed, min_points_per_centroid=1, max_points_per_centroid=1 << 20
    )
    means.train(np.ascontiguousarray(vectors, np.float32))
    norms = np.linalg.norm(means.centroids, axis=1, keepdims=True)
    return means.centroids / np.maximum(norms, 1e-12)
