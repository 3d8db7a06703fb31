"""The recordings that copies are looked for of, on disk: their spectra and an index of patches.

    DIR/levels.raw     int8 [frames, BANDS], recordings end to end
    DIR/first.npy      int64 [recordings + 1], the first frame of each
    DIR/patches.npy    int32 [patches, 2]: recording, and the frame that the patch begins at
    DIR/index.faiss    of the patches' vectors

Any number of processes map the same files, so that their memory does not grow with how much is held.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from kwsdata.similarity.copies.patches import DIM, held_patches
from kwsdata.similarity.copies.spectrum import BANDS, Spectrum

_EXACT_BELOW = 20_000  # patches (21 minutes): below, each is compared with each
_A_LIST = 100  # patches, of those above
_MOST_LISTS = 4096
_PROBES = 16  # lists looked into
_SAMPLE = 40  # patches a list that the index is trained on


class HeldWriter:
    """Writes recordings one after another; patches stay in memory until `close` (2.4 kB a second of sound)."""

    def __init__(self, directory: Path) -> None:
        """Begin in the new `directory`."""
        directory.mkdir(parents=True)
        self.directory = directory
        self._file = (directory / "levels.raw").open("wb")
        self._first = [0]
        self._places: list[np.ndarray] = []
        self._vectors: list[np.ndarray] = []

    def add(self, spectrum: Spectrum) -> None:
        """Take in a recording; its number is how many came before."""
        number = len(self._first) - 1
        self._file.write(spectrum.levels.tobytes())
        self._first.append(self._first[-1] + len(spectrum.levels))
        patches = held_patches(spectrum)
        self._places.append(np.stack([np.full(len(patches.start), number), patches.start], axis=1).astype(np.int32))
        self._vectors.append(patches.vectors.astype(np.float16))

    def close(self) -> None:
        """Write the index."""
        self._file.close()
        np.save(self.directory / "first.npy", np.asarray(self._first, np.int64))
        np.save(self.directory / "patches.npy", np.concatenate([np.zeros((0, 2), np.int32), *self._places]))
        index = _indexed(np.concatenate([np.zeros((0, DIM), np.float16), *self._vectors]))
        faiss.write_index(index, str(self.directory / "index.faiss"))


def write_held(directory: Path, spectra: Iterable[Spectrum]) -> None:
    """Write all of `spectra` to the new `directory`."""
    writer = HeldWriter(directory)
    for spectrum in spectra:
        writer.add(spectrum)
    writer.close()


def _indexed(vectors: np.ndarray) -> Any:
    """Return an index of `vectors` [patches, DIM] by their products."""
    index: Any
    if len(vectors) < _EXACT_BELOW:
        index = faiss.IndexFlatIP(DIM)
        index.add(vectors.astype(np.float32))
        return index
    lists = min(len(vectors) // _A_LIST, _MOST_LISTS)
    index = faiss.index_factory(DIM, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    step = max(len(vectors) // (_SAMPLE * lists), 1)
    index.train(vectors[::step].astype(np.float32))
    for start in range(0, len(vectors), 1 << 18):
        index.add(vectors[start : start + (1 << 18)].astype(np.float32))
    index.nprobe = _PROBES
    return index


class Held:
    """Read-only view of what `write_held` wrote."""

    def __init__(self, directory: Path) -> None:
        self.first = np.load(directory / "first.npy")
        self.places = np.load(directory / "patches.npy", mmap_mode="r")
        self._index = faiss.read_index(str(directory / "index.faiss"), faiss.IO_FLAG_MMAP)
        shape = (int(self.first[-1]), BANDS)
        self._levels = np.memmap(directory / "levels.raw", np.int8, "r", shape=shape) if shape[0] else np.zeros(shape)

    def __len__(self) -> int:
        return len(self.first) - 1

    def levels(self, number: int) -> np.ndarray:
        """Return the levels of recording `number`, float32 [frames, BANDS]."""
        return self._levels[self.first[number] : self.first[number + 1]].astype(np.float32)

    def nearest(self, vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (products, recordings, frames that the patches begin at), each [vectors, `count` or fewer]."""
        count = min(count, len(self.places))
        if not count or not len(vectors):
            return np.zeros((len(vectors), 0)), np.zeros((len(vectors), 0), np.int64), np.zeros((len(vectors), 0))
        products, found = self._index.search(np.ascontiguousarray(vectors, np.float32), count)
        products[found < 0] = -1.0
        places = self.places[np.maximum(found, 0)]
        return products, places[..., 0], places[..., 1]
