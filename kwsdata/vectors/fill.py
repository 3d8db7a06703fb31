"""Fill a store: any amount of sound to vectors, shard by shard, in workers, and only what is not in the cache.

A shard's pieces are written first, its vectors by a worker that reads them back, so that neither side ever holds more
than one shard. Each finished shard is kept in the cache under its sound and the embedder: an interrupted run, or one
with a corpus more, embeds only what is new.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.content import digest_at
from kwsdata.clips.pieces import Piece, load_piece, piece_from_row, pieces_of_cuts, tar_at
from kwsdata.execution.cache import Step
from kwsdata.execution.executor import run_tasks
from kwsdata.files.atomic import atomic_path, read_jsonl_gz, write_json, write_jsonl_gz
from kwsdata.files.site import reach
from kwsdata.params import ExecutorParams
from kwsdata.params.negatives import EmbedParams
from kwsdata.runtime.embedders import Embedder, load_embedder, network_parts
from kwsdata.vectors.store import pieces_path, store_info, vectors_path

EMBED = Step("embed", __name__, suffix=".npy")


@dataclass(frozen=True)
class Task:
    """One shard to embed: its pieces' file, what relative places are counted from, and a digest of the sound there."""

    pieces: Path
    root: Path
    embedder: str | None
    sound: str


def piece_length(embedder: Embedder, params: EmbedParams) -> int:
    """Return the samples of a piece: `piece_s`, rounded to whole hops so that windows are evenly apart throughout."""
    return max(1, round(params.piece_s * SAMPLE_RATE / embedder.hop)) * embedder.hop


def fill_from_cuts(out: Path, cuts: Iterable[MonoCut], params: EmbedParams, executor: ExecutorParams) -> dict[str, Any]:
    """Embed whole stored clips into the new store `out`; see `fill`."""
    length = piece_length(load_embedder(params.embedder), params)
    return fill(out, pieces_of_cuts(cuts, length), params, executor)


def fill(out: Path, pieces: Iterable[Piece], params: EmbedParams, executor: ExecutorParams) -> dict[str, Any]:
    """Embed `pieces`, in order, into the new store `out`. Returns the contents of store.json.

    Raises:
        StageInputError: a piece's sound is missing or truncated.
        AudioError: a piece's sound cannot be decoded.
    """
    embedder = load_embedder(params.embedder)
    with atomic_path(out) as scratch:
        scratch.mkdir()
        tasks = []
        reads = set(_files_of(params.embedder))
        for number, group in enumerate(_shards(pieces, params.shard_s)):
            rows = (piece.row() | {"rows": rows_of(piece, embedder)} for piece in group)
            path = pieces_path(scratch, number).absolute()
            write_jsonl_gz(path, rows)
            tasks.append(Task(path, Path.cwd(), params.embedder, digest_at(piece.place for piece in group)))
            reads |= {path, *(tar_at(piece.place) for piece in group)}
        rows_each = []
        for number, made in enumerate(run_tasks(embed_shard, tasks, executor, f"embed {out.name}", reads)):
            shutil.copyfile(made, vectors_path(scratch, number))
            rows_each.append(int(np.load(made, mmap_mode="r").shape[0]))
        info = store_info(embedder, rows_each)
        write_json(scratch / "store.json", info)
    return info


def rows_of(piece: Piece, embedder: Embedder) -> int:
    """Return how many windows have their middle in `piece`: at its start and each hop after."""
    return -(-piece.samples // embedder.hop)


def _shards(pieces: Iterable[Piece], shard_s: float) -> Iterator[list[Piece]]:
    """Group pieces: one corpus a shard, and a new one when `shard_s` seconds are full.

    A corpus that is added so makes new shards and changes none.
    """
    group: list[Piece] = []
    seconds = 0.0
    for piece in pieces:
        if group and (group[-1].corpus != piece.corpus or seconds >= shard_s):
            yield group
            group, seconds = [], 0.0
        group.append(piece)
        seconds += piece.samples / SAMPLE_RATE
    if group:
        yield group


def embed_shard(task: Task) -> Path:
    """Return the file with the vectors of `task`, made now unless the cache has it."""
    embedder = load_embedder(_here(task.embedder, task.root))
    pieces = [piece_from_row(row) for row in read_jsonl_gz(task.pieces)]
    where = [piece.where for piece in pieces]
    make = partial(_embed, pieces, embedder, task.root)
    return EMBED.get(make, embedder=embedder.identity, sound=task.sound, pieces=where)


def _embed(pieces: list[Piece], embedder: Embedder, root: Path, path: Path) -> None:
    """Write the vectors of `pieces`, end to end, to `path`."""
    vectors = np.concatenate([embed_piece(piece, embedder, root) for piece in pieces])
    np.save(path, vectors, allow_pickle=False)


def _files_of(embedder: str | None) -> list[Path]:
    """Return the files of an embedder that is no package's: its contract, the network, its weights."""
    own = Path(embedder) if embedder and embedder.endswith(".onnx") else None
    return [] if own is None else [own.with_suffix(".json"), *network_parts(own)]


def _here(embedder: str | None, root: Path) -> str | None:
    """Return what `embedder` is called in this process, once all its files can be read here."""
    if not embedder or not embedder.endswith(".onnx"):
        return embedder
    network = root / embedder
    here = reach(network)
    reach(network.with_suffix(".json"))
    for part in network_parts(here):
        reach(network.parent / part.relative_to(here.parent))
    return str(here)


def embed_piece(piece: Piece, embedder: Embedder, root: Path = Path()) -> np.ndarray:
    """Return the vectors of the windows centred in `piece`, float16 [rows, dim]."""
    half = embedder.window // 2
    vectors = embedder.embed(load_piece(piece, half, embedder.window - half + embedder.hop, root))
    return vectors[: rows_of(piece, embedder)].astype(np.float16)
