"""Turn augmented train clips and dev streams into feature frames, shard by shard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.executor import run_tasks
from kwsdata.features import FrontEnd, frames_before, make_frontend
from kwsdata.featurize.store import ClipRow, write_store
from kwsdata.files import atomic_path
from kwsdata.params import Params
from kwsdata.params.data import FeaturesParams
from kwsdata.shards import load_audio, shard_cuts


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
    tasks = _tasks(list(shard_cuts(source)), params)
    info = {"features": params.features.model_dump(), "hop_samples": frontend.hop, "window_samples": frontend.window}
    shards = run_tasks(_rows_of, tasks, params.executor, f"featurize {out.name}")
    return write_store(out, shards, frontend.n_mels, info)


def _tasks(cuts: Sequence[MonoCut], params: Params) -> list[_Task]:
    """Group cuts so that a shard has at most `clips_per_shard` clips and about half an hour of sound."""
    tasks: list[_Task] = []
    group: list[MonoCut] = []
    seconds = 0.0
    for cut in cuts:
        group.append(cut)
        seconds += cut.duration
        if len(group) == params.featurize.clips_per_shard or seconds > 1800:
            tasks.append(_Task(tuple(group), params.features))
            group, seconds = [], 0.0
    return [*tasks, _Task(tuple(group), params.features)] if group else tasks


def _rows_of(task: _Task) -> list[tuple[ClipRow, np.ndarray]]:
    return list(_iter_rows(task))


def _iter_rows(task: _Task) -> Iterator[tuple[ClipRow, np.ndarray]]:
    frontend = make_frontend(task.features)
    for cut in task.cuts:
        frontend.reset()
        yield row_of(cut, frontend), frontend.process(load_audio(cut)).astype(np.float16)


def row_of(cut: MonoCut, frontend: FrontEnd) -> ClipRow:
    """Return the row of `cut`: its word (train clips) or events (streams) in frames; shard and offset are set later."""
    custom = cut.custom or {}
    spans = [
        (frames_before(s.start, frontend), frames_before(s.start + s.duration, frontend)) for s in cut.supervisions
    ]
    events = [
        span for span, s in zip(spans, cut.supervisions, strict=True) if (s.custom or {}).get("event") == "keyword"
    ]
    is_stream = "segments" in custom
    return ClipRow(
        id=cut.id,
        label="stream" if is_stream else custom["label"],
        shard=0,
        offset=0,
        frames=0,
        word=spans[0] if spans and not is_stream else None,
        speaker=custom.get("speaker"),
        corpus=custom.get("corpus"),
        weight=float(custom.get("weight", 1.0)),
        events=events,
    )
