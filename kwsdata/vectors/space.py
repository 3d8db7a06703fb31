"""The space in which similarity is measured: whitened by ordinary sound, compared by angle.

    z = L' (x - mean),  L L' = (C + ridge tr(C)/n I)^-1,  similarity(a, b) = cos(z_a, z_b)

`mean` and C are of windows of ordinary sound, so that directions in which all sound differs (loudness, voice, channel)
count little, and those in which only the keyword differs count much. The mean similarity to the keyword's recordings
is then, up to lengths, Fisher's linear discriminant between keyword and everything else.

With `offsets` the space is of a window and its neighbours in time, end to end: a word is longer than one embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.files.arrays import arrays_in
from kwsdata.files.atomic import atomic_path
from kwsdata.vectors.store import VectorStore

_BLOCK = 4096  # windows at a time
_RIDGE = 0.1  # of the mean variance: steadies directions that the sample hardly moves in


@dataclass(frozen=True)
class Space:
    """A linear map. `mean` float32 [n], `basis` float32 [n, n], n = len(offsets) * dim."""

    offsets: tuple[int, ...]
    mean: np.ndarray
    basis: np.ndarray

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Return `vectors` [rows, n] as unit vectors of the space, float32 [rows, n]; a zero stays zero."""
        z = (vectors.astype(np.float32) - self.mean) @ self.basis
        return z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)

    def rows(self, store: VectorStore, rows: np.ndarray) -> np.ndarray:
        """Return the windows `rows` of `store` in the space, float32 [rows, n]."""
        return self.project(store.take(rows, self.offsets))

    def save(self, path: Path) -> None:
        """Write the space as an .npz, the same space the same bytes."""
        with atomic_path(path) as scratch, scratch.open("wb") as file:
            np.savez(file, offsets=np.asarray(self.offsets, np.int64), mean=self.mean, basis=self.basis)


def fit_space(store: VectorStore, rows: np.ndarray, offsets: Sequence[int] = (0,)) -> Space:
    """Return the space whitened by the windows `rows` of `store`.

    Raises:
        StageInputError: there are fewer than two windows.
    """
    if len(rows) < 2:
        raise StageInputError(
            f"{store.directory} has {len(rows)} windows, too few to compare with: add negative sound."
        )
    size = len(offsets) * store.dim
    total, products = np.zeros(size), np.zeros((size, size))
    for start in range(0, len(rows), _BLOCK):
        vectors = store.take(rows[start : start + _BLOCK], offsets).astype(np.float64)
        total += vectors.sum(axis=0)
        products += vectors.T @ vectors
    mean = total / len(rows)
    covariance = (products - len(rows) * np.outer(mean, mean)) / (len(rows) - 1)
    scale = max(float(np.trace(covariance)) / size, 1e-12)
    basis = np.linalg.cholesky(np.linalg.inv(covariance + _RIDGE * scale * np.eye(size)))
    return Space(tuple(offsets), mean.astype(np.float32), basis.astype(np.float32))


def load_space(path: Path) -> Space:
    """Read what `save` wrote.

    Raises:
        StageInputError: the file is missing or damaged.
    """
    arrays = arrays_in(path, "dvc repro embed")
    try:
        return Space(tuple(int(offset) for offset in arrays["offsets"]), arrays["mean"], arrays["basis"])
    except (ValueError, KeyError, TypeError) as error:
        raise StageInputError(f"{path}: {error!r}. Remake it with `dvc repro embed`, or type `dvc pull`.") from None
