"""Stores of made-up vectors, with pieces that need no sound."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from kwsdata.clips.pieces import Piece
from kwsdata.files.atomic import write_json, write_jsonl_gz
from kwsdata.vectors.store import VectorStore, pieces_path, store_info, vectors_path

HOP = 1280
EMBEDDER = SimpleNamespace(name="made-up", identity="made-up", dim=0, window=12_512, hop=HOP)


def store_of(
    directory: Path, vectors: np.ndarray, rows_per_piece: int = 10, pieces_per_shard: int = 7, **known
) -> VectorStore:
    """Write `vectors` [rows, dim] as clips of one piece each; `known` are further fields of every piece."""
    directory.mkdir(parents=True)
    counts = []
    per_shard = rows_per_piece * pieces_per_shard
    for number, start in enumerate(range(0, len(vectors), per_shard)):
        part = vectors[start : start + per_shard].astype(np.float16)
        rows = []
        for first in range(0, len(part), rows_per_piece):
            count = min(rows_per_piece, len(part) - first)
            clip = f"clip{(start + first) // rows_per_piece}"
            values = {"place": "x.tar:0:1", "identity": clip, "label": "speech"} | known
            piece = Piece(clip=clip, start=0, samples=count * HOP, clip_samples=count * HOP, **values)
            rows.append(piece.row() | {"rows": count})
        np.save(vectors_path(directory, number), part, allow_pickle=False)
        write_jsonl_gz(pieces_path(directory, number), rows)
        counts.append(len(part))
    EMBEDDER.dim = vectors.shape[1]
    write_json(directory / "store.json", store_info(EMBEDDER, counts))
    return VectorStore(directory)


def clustered(rows: int, dim: int, seed: int = 0, centres: int = 50) -> np.ndarray:
    """Return vectors in groups, as real embeddings lie: float32 [rows, dim]."""
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((centres, dim)) * 3
    return (middles[rng.integers(0, centres, rows)] + rng.standard_normal((rows, dim))).astype(np.float32)
