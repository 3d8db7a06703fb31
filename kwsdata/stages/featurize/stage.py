"""Turn augmented train clips and dev streams into feature frames, shard by shard."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.clips.segments import tars_of
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.execution.executor import run_tasks
from kwsdata.features import make_frontend
from kwsdata.features.rows import group_cuts, row_of
from kwsdata.features.store import ClipRow, write_store
from kwsdata.files.atomic import atomic_path
from kwsdata.params import Params
from kwsdata.params.data import FeaturesParams


@dataclass(frozen=True)
class _Task:
    """Some clips to featurize, in order."""

    cuts: tuple[MonoCut, ...]
    features: FeaturesParams


def run(
    params: Params,
    augmented: Path = Path("data/augmented"),
    testsets: Path = Path("data/testsets"),
    out: Path = Path("data/features"),
) -> dict[str, Any]:
    """Write `out/train/` (every augmented clip) and `out/dev/` (the dev streams); return their store.json contents."""
    with atomic_path(out) as scratch:
        scratch.mkdir()
        sources = {"train": augmented, "dev": testsets / "dev" / "clean"}
        return {name: _featurize(params, source, scratch / name) for name, source in sources.items()}


def _featurize(params: Params, source: Path, out: Path) -> dict[str, Any]:
    frontend = make_frontend(params.features)
    tasks = [_Task(cuts, params.features) for cuts in group_cuts(shard_cuts(source), params.featurize)]
    info = {"features": params.features.model_dump(), "hop_samples": frontend.hop, "window_samples": frontend.window}
    info |= {"context_samples": frontend.window, "silence": frontend.silence.tolist()}
    tars = tars_of(cut for task in tasks for cut in task.cuts)
    shards = run_tasks(_rows_of, tasks, params.executor, f"featurize {out.name}", tars)
    return write_store(out, shards, frontend.n_mels, info)


def _rows_of(task: _Task) -> list[tuple[ClipRow, np.ndarray]]:
    return list(_iter_rows(task))


def _iter_rows(task: _Task) -> Iterator[tuple[ClipRow, np.ndarray]]:
    frontend = make_frontend(task.features)
    for cut in task.cuts:
        frontend.reset()
        yield row_of(cut, frontend), frontend.process(load_audio(cut)).astype(np.float16)
