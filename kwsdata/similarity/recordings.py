"""The keyword's recordings as vectors, one a word, aligned with each other."""

from dataclasses import dataclass
from itertools import pairwise

import faiss
import numpy as np

from kwsdata.draws import rng_for
from kwsdata.errors import StageInputError
from kwsdata.params.negatives import LikenessParams
from kwsdata.vectors.space import Space
from kwsdata.vectors.store import VectorStore

_MOST = 1500  # words compared with: more of them change the means little
_ROUNDS = 5  # of alignment
_BLOCK = 1024  # windows compared at a time


@dataclass(frozen=True)
class KeywordRecordings:
    """Recordings of the keyword: unit `vectors` float32 [words, n], their `rows` in the store, `clips` and `speakers`.

    `own` float32 [words]: each word's mean similarity to the nearest words of other speakers, which is how near the
    keyword itself lies to its recordings.
    """

    vectors: np.ndarray
    rows: np.ndarray
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
    """Return the mean of the `neighbours` largest of each row of `similarity` [rows, n]; of all if there are fewer."""
    count = min(neighbours, similarity.shape[1])
    return np.partition(similarity, similarity.shape[1] - count, axis=1)[:, -count:].mean(axis=1)


@dataclass(frozen=True)
class _Takes:
    """Windows that a word may be in the middle of, clip by clip: rows int64 [rows], and where each clip's begin."""

    rows: np.ndarray
    first: np.ndarray  # int64 [clips + 1]
    middle: np.ndarray  # int64 [clips]: place in `rows` of the window in the middle of the marked word


def _takes(store: VectorStore) -> _Takes:
    """Return the windows whose middle lies in the marked word of each clip."""
    rows: list[np.ndarray] = []
    middles: list[int] = []
    count = 0
    for number in range(store.shards):
        found = store.pieces(number)
        for index, piece in enumerate(found.pieces):
            start, end = piece.word or (0, piece.clip_samples)
            if not piece.start <= (start + end) // 2 < piece.start + piece.samples:
                continue  # a long recording's other pieces
            last = int(found.first[index + 1] - found.first[index]) - 1
            low, middle, high = (
                int(np.clip(round((at - piece.start) / store.hop), 0, last)) for at in (start, (start + end) // 2, end)
            )
            rows.append(int(store.first[number] + found.first[index]) + np.arange(low, high + 1))
            middles.append(count + middle - low)
            count += high - low + 1
    first = np.concatenate([[0], np.cumsum([len(one) for one in rows], dtype=np.int64)])
    return _Takes(np.concatenate(rows or [np.zeros(0, np.int64)]), first, np.asarray(middles, np.int64))


def _aligned(vectors: np.ndarray, takes: _Takes, neighbours: int) -> np.ndarray:
    """Return for each clip the place of the window that is most like the other clips' words.

    A word is seldom marked to the millisecond, and many clips have no mark but their own ends: where the middle is off,
    vectors show different parts of the word. Starting from the marks, each clip moves to where it agrees best.
    """
    chosen = takes.middle.copy()
    clip = np.repeat(np.arange(chosen.size), np.diff(takes.first))
    for _ in range(_ROUNDS):
        agreement = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), _BLOCK):
            similarity = vectors[start : start + _BLOCK] @ vectors[chosen].T
            similarity[np.arange(len(similarity)), clip[start : start + _BLOCK]] = -1
            agreement[start : start + _BLOCK] = nearest_mean(similarity, min(neighbours, chosen.size - 1))
        best = np.asarray([low + int(agreement[low:high].argmax()) for low, high in pairwise(takes.first.tolist())])
        if np.array_equal(best, chosen):
            break
        chosen = best
    return chosen


def load_recordings(store: VectorStore, space: Space, params: LikenessParams) -> KeywordRecordings:
    """Return the words of the keyword clips in `store`.

    Raises:
        StageInputError: there are fewer than two.
    """
    takes = _some(_takes(store), rng_for(params.seed, "positives"))
    if takes.middle.size < 2:
        raise StageInputError(
            f"{store.directory} holds {takes.middle.size} words: mining compares with recordings of the keyword in the "
            "train partition; import some, or raise synthesize.*.positives."
        )
    every = space.rows(store, takes.rows)
    places = _aligned(every, takes, params.neighbours)
    rows, vectors = takes.rows[places], every[places]
    pieces = [piece for piece, _ in store.places(rows)]
    speakers = [piece.speaker for piece in pieces]
    return KeywordRecordings(
        vectors, rows, [p.clip for p in pieces], speakers, _own(vectors, speakers, params.neighbours)
    )


def _some(takes: _Takes, rng: np.random.Generator) -> _Takes:
    """Return the windows of at most `_MOST` clips."""
    if takes.middle.size <= _MOST:
        return takes
    kept = np.sort(rng.choice(takes.middle.size, _MOST, replace=False))
    rows = [takes.rows[takes.first[clip] : takes.first[clip + 1]] for clip in kept]
    first = np.concatenate([[0], np.cumsum([len(one) for one in rows], dtype=np.int64)])
    return _Takes(np.concatenate(rows), first, takes.middle[kept] - takes.first[kept] + first[:-1])


def _own(vectors: np.ndarray, speakers: list[str | None], neighbours: int) -> np.ndarray:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    codes = {name: code for code, name in enumerate(sorted({s for s in speakers if s is not None}))}
    code = np.asarray([-1 - row if speaker is None else codes[speaker] for row, speaker in enumerate(speakers)])
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
        vectors.shape[1],
        count,
        niter=20,
        spherical=True,
        seed=seed,
        min_points_per_centroid=1,
        max_points_per_centroid=1 << 20,
    )
    means.train(np.ascontiguousarray(vectors, np.float32))
    found = np.asarray(means.centroids, np.float32)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
