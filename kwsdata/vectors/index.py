"""Nearest neighbours among any number of stored vectors, with memory that does not depend on their number.

    DIR/index.json            kind, count, files (name, first row, rows, bytes)
    DIR/space.npz             the whitened space that is searched (kwsdata.vectors.space)
    DIR/part.000000.faiss     ivf_pq, hnsw: one FAISS index a `vectors_per_file` vectors

Three kinds. `exact` compares all vectors, block by block from the store; it has no part files. `ivf_pq` keeps
`code_bytes` a vector in cells trained once on a sample; `hnsw` keeps 16-bit vectors and a graph. Parts are built one
after another, each searched mapped into memory, and their answers merged; those are then compared exactly with the
stored vectors (`rescore`). Rows are the store's, which is the map back to sound.

GPUs are used by `exact` and `ivf_pq` when FAISS sees any.
"""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from kwsdata.draws import rng_for
from kwsdata.errors import NamedPathError, StageInputError
from kwsdata.files.atomic import atomic_path, read_json, write_json
from kwsdata.files.named_paths import relative_parts
from kwsdata.params.negatives import VectorIndexParams
from kwsdata.vectors.space import Space, fit_space, load_space
from kwsdata.vectors.store import VectorStore

_CLASSES = {"ivf_pq": faiss.IndexIVFPQ, "hnsw": faiss.IndexHNSW}  # of what a file of each kind holds
_BLOCK = 65_536  # vectors in float32 at a time
_SPACE_SAMPLE = 50_000  # windows that the space is whitened by


def build_index(store: VectorStore, out: Path, params: VectorIndexParams, seed: int = 0) -> dict[str, Any]:
    """Write the index of `store` to `out`. Returns the contents of index.json."""
    kind = "exact" if len(store) <= params.exact_below else params.kind
    with atomic_path(out) as scratch:
        scratch.mkdir()
        space = fit_space(store, store.sample(_SPACE_SAMPLE, rng_for(seed, "space")))
        space.save(scratch / "space.npz")
        files = [] if kind == "exact" else list(_build_parts(store, space, scratch, kind, params, seed))
        info = {"kind": kind, "count": len(store), "dim": store.dim, "identity": store.identity, "files": files}
        write_json(scratch / "index.json", info)
    return info


def _build_parts(
    store: VectorStore, space: Space, out: Path, kind: str, params: VectorIndexParams, seed: int
) -> Iterator[dict[str, Any]]:
    empty = _trained(store, space, kind, params, seed)
    for number, start in enumerate(range(0, len(store), params.vectors_per_file)):
        end = min(start + params.vectors_per_file, len(store))
        part = faiss.clone_index(empty)
        for rows, block in blocks(store, space, start, end):
            if kind == "ivf_pq":
                part.add_with_ids(block, rows)
            else:
                part.add(block)
        path = out / f"part.{number:06d}.faiss"
        try:
            faiss.write_index(part, str(path))
        except RuntimeError as error:  # what FAISS makes of a full disk
            raise OSError(errno.ENOSPC, str(error), str(path)) from None
        yield {"name": path.name, "first": start, "rows": end - start, "bytes": path.stat().st_size}


def _trained(store: VectorStore, space: Space, kind: str, params: VectorIndexParams, seed: int) -> Any:
    sample = space.rows(store, store.sample(params.sample, rng_for(seed, "index")))
    index: Any
    if kind == "hnsw":
        index = faiss.IndexHNSWSQ(store.dim, faiss.ScalarQuantizer.QT_fp16, params.links)  # type: ignore[arg-type]  # its stubs are wrong
        index.hnsw.efConstruction = params.effort
    else:
        if store.dim % params.code_bytes:
            raise StageInputError(
                f"embed.index.code_bytes = {params.code_bytes} does not divide the {store.dim} numbers of a vector."
            )
        lists = max(1, min(params.lists, len(sample) // 39))
        index = faiss.index_factory(store.dim, f"IVF{lists},PQ{params.code_bytes}x8np", faiss.METRIC_INNER_PRODUCT)
        index.cp.spherical, index.cp.seed, index.pq.cp.seed = True, seed, seed
        index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1  # fewer than wished are no fault
    index.train(sample)
    return index


def blocks(store: VectorStore, space: Space, start: int, end: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows int64, vectors of the space float32) for the rows [start, end) of `store`, some at a time."""
    for first in range(start, end, _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, end), dtype=np.int64)
        yield rows, space.rows(store, rows)


class VectorIndex:
    """An index and the store it was built from."""

    def __init__(self, directory: Path, store: VectorStore, params: VectorIndexParams) -> None:
        """Open the index in `directory`.

        Raises:
            StageInputError: a file is missing or truncated, or the index is of another store.
        """
        self.directory, self.store, self.params = Path(directory), store, params
        self.info = _checked(read_json(self.directory / "index.json"), self.directory)
        self.space = load_space(self.directory / "space.npz")
        if self.info.get("count") != len(store) or self.info.get("identity") != store.identity:
            raise StageInputError(
                f"{directory} indexes {self.info.get('count')} vectors, {store.directory} holds {len(store)} (or they "
                "are of another embedder): type `dvc repro embed`."
            )
        for file in self.info["files"]:
            path = self.directory / file["name"]
            size = path.stat().st_size if path.exists() else 0
            if size != file["bytes"]:  # a mapped file that is cut short would end the process
                raise StageInputError(
                    f"{path} has {size} bytes, index.json says {file['bytes']}: type `dvc pull`, or `dvc repro embed`."
                )

    def search(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest windows to each of `queries` [q, dim] (raw vectors, as stored).

        Returns:
            (similarity float32 [q, k], row int64 [q, k]), nearest first, k = min(count, vectors).
        """
        return self.search_projected(self.space.project(queries), count)

    def search_projected(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """As `search`, for unit vectors of the index's space."""
        count = min(count, len(self.store))
        if self.info["kind"] == "exact":
            return self._exact(queries, count)
        wide = min(count * self.params.rescore, len(self.store))
        merged = faiss.ResultHeap(len(queries), wide, keep_max=True)
        for file in self.info["files"]:
            similarity, rows = self._search_part(file, queries, min(wide, file["rows"]))
            merged.add_result(similarity, rows)
        merged.finalize()
        return self._rescored(queries, merged.I, count)

    def _exact(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        merged = faiss.ResultHeap(len(queries), count, keep_max=True)
        for rows, block in blocks(self.store, self.space, 0, len(self.store)):
            similarity, found = _knn(queries, block, min(count, len(block)))
            merged.add_result(similarity, found + rows[0])
        merged.finalize()
        return merged.D, merged.I

    def _search_part(self, file: dict[str, Any], queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        part = self._open(file)
        if self.info["kind"] == "ivf_pq":
            part.nprobe = self.params.probes
            similarity, rows = part.search(queries, count)
        else:
            part.hnsw.efSearch = max(self.params.effort, count)
            distance, found = part.search(queries, count)
            similarity, rows = 1 - distance / 2, np.where(found >= 0, found + file["first"], -1)
        return np.where(rows >= 0, similarity, -np.inf).astype(np.float32), rows

    def _open(self, file: dict[str, Any]) -> Any:
        path = self.directory / file["name"]
        gpus = gpu_count() if self.info["kind"] == "ivf_pq" else 0
        mapped = faiss.IO_FLAG_MMAP if self.info["kind"] == "ivf_pq" else faiss.IO_FLAG_MMAP_IFC
        try:
            part = faiss.read_index(str(path), 0 if gpus else mapped | faiss.IO_FLAG_READ_ONLY)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise StageInputError(f"{path} is damaged ({reason}): type `dvc pull`, or `dvc repro embed`.") from None
        if (part.d, part.ntotal) != (self.store.dim, file["rows"]) or not isinstance(part, _CLASSES[self.info["kind"]]):
            raise StageInputError(
                f"{path} holds {part.ntotal} vectors of {part.d} numbers, where {file['rows']} of {self.store.dim} are "
                "needed, or is an index of another kind: type `dvc pull`, or `dvc repro embed`."
            )
        return faiss.index_cpu_to_all_gpus(part) if gpus else part

    def _rescored(self, queries: np.ndarray, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        similarity = np.full((len(queries), count), -np.inf, np.float32)
        best = np.full((len(queries), count), -1, np.int64)
        for number, (query, found) in enumerate(zip(queries, rows, strict=True)):
            found = np.unique(found[found >= 0])
            exact = self.space.rows(self.store, found) @ query
            order = np.argsort(-exact, kind="stable")[:count]
            similarity[number, : order.size], best[number, : order.size] = exact[order], found[order]
        return similarity, best


def _checked(info: Any, directory: Path) -> dict[str, Any]:
    """Return the contents of index.json.

    Raises:
        StageInputError: they are not what `build_index` writes.
    """
    try:
        known = info["kind"] in ("exact", "ivf_pq", "hnsw") and (info["kind"] == "exact") == (not info["files"])
        if not known:
            raise ValueError(f"kind {info['kind']!r} with {len(info['files'])} files")
        for file in info["files"]:
            int(file["first"]), int(file["rows"]), int(file["bytes"])
            if len(relative_parts(file["name"])) != 1:
                raise ValueError(f"{file['name']!r} is no name of a file in it")
    except (KeyError, TypeError, ValueError, OverflowError, NamedPathError) as error:
        raise StageInputError(f"{directory}/index.json is malformed ({error!r}): type `dvc repro embed`.") from None
    checked: dict[str, Any] = info
    return checked


def gpu_count() -> int:
    """Return how many GPUs FAISS can use; the CPU build of FAISS says none."""
    return int(faiss.get_num_gpus()) if hasattr(faiss, "get_num_gpus") else 0


def _knn(queries: np.ndarray, block: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    if gpu_count():
        resources = faiss.StandardGpuResources()
        return faiss.knn_gpu(resources, queries, block, count, metric=faiss.METRIC_INNER_PRODUCT)
    return faiss.knn(queries, block, count, metric=faiss.METRIC_INNER_PRODUCT)
