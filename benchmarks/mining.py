"""Measure embedding and the vector index at size: recall, time, bytes, memory.

    OMP_NUM_THREADS=1 python benchmarks/mining.py embed  --sound DIR          hours of sound embedded a minute and core
    OMP_NUM_THREADS=1 python benchmarks/mining.py index  --sound DIR --sizes 10000 100000 1000000
    python benchmarks/mining.py memory --sound DIR --keyword DIR --talk DIR --limit-mb 300

DIR is a folder of recordings. `memory` mines one in a process that may map only so much beyond its libraries. `index`
embeds one, and fills up to each size with random vectors of the same mean and covariance; queries are real vectors,
slightly moved. Recall is the share of the 10 true nearest (of all vectors compared exactly) that are found. Times are
CPU times of this process.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kwsdata.clips.pieces import load_piece, pieces_of_file
from kwsdata.files.atomic import write_json, write_jsonl_gz
from kwsdata.params import load_params
from kwsdata.runtime.embedders import load_embedder
from kwsdata.vectors.index import VectorIndex, build_index
from kwsdata.vectors.space import load_space
from kwsdata.vectors.store import VectorStore, pieces_path, store_info, vectors_path

SOUNDS = (".wav", ".flac", ".ogg")
SHARD = 50_000
QUERIES = 200
K = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("what", choices=["embed", "index", "memory"])
    options.add_argument("--sound", type=Path, required=True)
    options.add_argument("--hours", type=float, default=0.5, help="of sound read at most")
    options.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options.add_argument("--kinds", nargs="+", default=["exact", "ivf_pq", "hnsw"])
    options.add_argument("--keyword", type=Path, help="memory: a folder of recordings of the keyword")
    options.add_argument("--talk", type=Path, help="memory: a folder of other speech")
    options.add_argument("--limit-mb", type=int, default=300)
    asked = options.parse_args()
    if asked.what == "embed":
        print(json.dumps(time_embedding(asked.sound, asked.hours), indent=2))
    elif asked.what == "index":
        measure_index(asked.sound, asked.hours, asked.sizes, asked.kinds)
    else:
        print(json.dumps(mine_under_limit(asked.sound, asked.keyword, asked.talk, asked.limit_mb), indent=2))


def sounds(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in SOUNDS)


def embedded(folder: Path, hours: float) -> tuple[np.ndarray, float, float]:
    """Return (vectors, seconds of sound, CPU seconds), decoding included."""
    embedder = load_embedder("google_speech")
    half = embedder.window // 2
    parts, samples = [], 0
    start = time.process_time()
    for path in sounds(folder):
        for piece in pieces_of_file(path, path.name, 60 * 16_000):
            parts.append(embedder.embed(load_piece(piece, half, half)))
            samples += piece.samples
        if samples > hours * 3600 * 16_000:
            break
    return np.concatenate(parts), samples / 16_000, time.process_time() - start


def time_embedding(folder: Path, hours: float) -> dict[str, float]:
    embedded(folder, 0.001)
    vectors, seconds, cpu = embedded(folder, hours)
    return {
        "hours": round(seconds / 3600, 3),
        "vectors": len(vectors),
        "cpu_s": round(cpu, 1),
        "hours_per_minute_and_core": round(seconds / cpu / 60, 2),
        "peak_mb": peak_mb(),
    }


def measure_index(folder: Path, hours: float, sizes: list[int], kinds: list[str]) -> None:
    real, _, _ = embedded(folder, hours)
    rng = np.random.default_rng(0)
    queries = real[rng.choice(len(real), QUERIES, replace=False)] + rng.normal(0, 3, (QUERIES, real.shape[1]))
    base = load_params().embed.index
    print(f"{len(real)} real vectors, {QUERIES} queries, recall@{K} against all vectors compared exactly")
    print("vectors   kind    build_s  ms/query  recall@10  index B/vector  stored B/vector")
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
            store = filled_store(Path(scratch) / "store", real, size)
            truth = None
            for kind in kinds:
                lists = int(max(1, min(4 * size**0.5, size // 39)))
                changes = {"lists": lists, "probes": max(8, lists // 32), "sample": max(1000, min(size, 50 * lists))}
                params = base.model_copy(
                    update=changes
                    | {"exact_below": size if kind == "exact" else 0, "kind": kind if kind != "exact" else "hnsw"}
                )
                out = Path(scratch) / kind
                start = time.process_time()
                info = build_index(store, out, params)
                build = time.process_time() - start
                index = VectorIndex(out, store, params)
                index.search(queries[:2], K)
                start = time.process_time()
                _, rows = index.search(queries, K)
                each = (time.process_time() - start) / QUERIES * 1000
                if truth is None:
                    truth = brute_force(store, out, queries)
                recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(rows.tolist(), truth.tolist(), strict=True)])
                size_each = sum(file["bytes"] for file in info["files"]) / size
                numbers = f"{build:8.1f}  {each:8.2f}  {recall:9.3f}  {size_each:14.1f}  {2 * store.dim:15d}"
                print(f"{size:8d}  {kind:6s} {numbers}", flush=True)
                shutil.rmtree(out)


def filled_store(directory: Path, real: np.ndarray, size: int) -> VectorStore:
    directory.mkdir(parents=True)
    rng = np.random.default_rng(1)
    mean, root = real.mean(axis=0), np.linalg.cholesky(np.cov(real.T) + 1e-3 * np.eye(real.shape[1]))
    counts = []
    for number, start in enumerate(range(0, size, SHARD)):
        count = min(SHARD, size - start)
        part = real[start : start + count]
        made = mean + rng.standard_normal((count - len(part), real.shape[1])) @ root.T
        np.save(vectors_path(directory, number), np.concatenate([part, made]).astype(np.float16), allow_pickle=False)
        row = {"clip": f"c{number}", "place": "-", "start": 0, "samples": count * 1280, "clip_samples": count * 1280}
        write_jsonl_gz(
            pieces_path(directory, number), [row | {"identity": f"c{number}", "label": "speech", "rows": count}]
        )
        counts.append(count)
    write_json(directory / "store.json", store_info(load_embedder("google_speech"), counts))
    return VectorStore(directory)


def brute_force(store: VectorStore, index: Path, queries: np.ndarray) -> np.ndarray:
    """Return the rows of the K nearest by numpy alone, in the space of `index` (the same for all kinds)."""
    space = load_space(index / "space.npz")
    projected = space.project(queries)
    best, rows = np.full((len(queries), 0), -1.0), np.full((len(queries), 0), -1)
    for start in range(0, len(store), SHARD):
        here = np.arange(start, min(start + SHARD, len(store)))
        best = np.concatenate([best, projected @ space.rows(store, here).T], axis=1)
        rows = np.concatenate([rows, np.broadcast_to(here, (len(queries), here.size))], axis=1)
        keep = np.argsort(-best, axis=1, kind="stable")[:, :K]
        best, rows = np.take_along_axis(best, keep, axis=1), np.take_along_axis(rows, keep, axis=1)
    return rows


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


_PREPARE = """
import sys
from pathlib import Path
from kwsdata.audio import active_span
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.stages.embed.stage import run as embed
from kwsdata.stages.index.stage import run as index
from kwsdata.params import load_params
from kwsdata.clips.pieces import load_piece, pieces_of_file
from kwsdata.stages.split.stage import run as split
def items(folder, count, text=None):
    for path in sorted(p for p in Path(folder).rglob("*") if p.suffix in (".wav", ".flac", ".ogg"))[:count]:
        wave = load_piece(next(pieces_of_file(path, path.name, 1 << 30)))
        yield Item(path.stem, wave, text, span=active_span(wave) if text else None)
params = load_params(Path(sys.argv[1]))
for name, role, folder, count in (("words", "keyword", sys.argv[2], 60), ("talk", "speech", sys.argv[3], 20),
                                  ("dev-words", "keyword", sys.argv[2], 2), ("held", "speech", sys.argv[3], 30)):
    info = CorpusInfo(name, "folder", role, "-", "-", "-", "unknown")
    made = list(items(folder, count, params.keyword.text if role == "keyword" else None))
    write_corpus(Path("data/corpora") / name, info, made[20:] if name == "held" else made, 100, 1.0)
whole = {"words": "train", "talk": "train", "dev-words": "dev", "held": "test"}
serial = params.executor.model_copy(update={"kind": "serial"})
params = params.model_copy(update={"split": params.split.model_copy(update={"whole": whole}), "executor": serial})
index(params)
split(params)
embed(params)
"""

_LIMITED = """
import json, resource, sys, time
from pathlib import Path
import faiss, onnxruntime, scipy.fft, soxr
from kwsdata.stages.mine_negatives.stage import run
from kwsdata.params import load_params
# What is mapped is what is limited, the libraries' own code and reserve too: these are added to the limit.
loaded = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = int(sys.argv[3]) << 20
resource.setrlimit(resource.RLIMIT_AS, (loaded + limit, loaded + limit))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
params = load_params(Path(sys.argv[1]))
block = params.embed.model_copy(update={"shard_s": 900.0, "index": params.embed.index.model_copy(update={
    "exact_below": 0, "vectors_per_file": 20000, "lists": 64, "sample": 5000, "probes": 8})})
params = params.model_copy(update={
    "executor": params.executor.model_copy(update={"kind": "serial"}),
    "embed": block,
    "mine_negatives": params.mine_negatives.model_copy(update={"pools": [sys.argv[2]]})})
start = time.time()
summary = run(params)
print(json.dumps({"pool_hours": summary["pools"][1]["hours"], "candidates": summary["candidates"],
                  "mined": summary["mined"], "seconds": round(time.time() - start, 1),
                  "limit_mb": limit >> 20,
                  "peak_resident_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024}))
"""


def mine_under_limit(folder: Path, keyword: Path, talk: Path, limit_mb: int) -> dict[str, object]:
    """Mine `folder` in a process that may not map more than `limit_mb` beyond its libraries."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "KWSDATA_CACHE": f"{scratch}/cache"}
        environment |= {"PYTHONPATH": str(Path.cwd()), "MALLOC_ARENA_MAX": "1"}
        params = str(Path("params.yaml").absolute())
        words = [sys.executable, "-c", _PREPARE, params, str(keyword.resolve()), str(talk.resolve())]
        subprocess.run(words, env=environment, cwd=scratch, check=True)
        words = [sys.executable, "-c", _LIMITED, params, str(folder.resolve()), str(limit_mb)]
        done = subprocess.run(words, env=environment, cwd=scratch, stdout=subprocess.PIPE, check=True, text=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    return {"sound_mb": round(measured["pool_hours"] * 3600 * 16_000 * 4) >> 20} | measured


if __name__ == "__main__":
    main()
