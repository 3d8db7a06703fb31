"""Turn augmented train clips and dev streams into features, and measure shortcuts to the keyword in them.

A model learns from the copies, so it is there that background and channel must not tell a keyword from other speech
(see `kwsdata.measures.shortcut`): `shortcut` of train's store.json says how well they do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.clips.pieces import tars_of
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.errors import StageInputError
from kwsdata.execution.executor import run_tasks
from kwsdata.features.rows import group_cuts, row_of
from kwsdata.features.store import ClipRow, add_to_store, write_store
from kwsdata.files.atomic import atomic_path
from kwsdata.measures.shortcut import FEWEST, measured, shortcut
from kwsdata.params import Params
from kwsdata.params.data import FeaturesParams, FeaturizeParams
from kwsdata.runtime.front_ends import make_frontend


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
    """Write `out/train/` (every augmented clip) and `out/dev/` (the dev streams); return their store.json contents.

    Raises:
        StageInputError: what is not words tells keywords from other speech better than `featurize.max_shortcut_auc`.
    """
    with atomic_path(out) as scratch:
        scratch.mkdir()
        sources = {"train": augmented, "dev": testsets / "dev" / "clean"}
        stores = {name: _featurize(params, source, scratch / name) for name, source in sources.items()}
        _check(stores["train"]["shortcut"], params.featurize)
        return stores


def _featurize(params: Params, source: Path, out: Path) -> dict[str, Any]:
    frontend = make_frontend(params.features)
    tasks = [_Task(cuts, params.features) for cuts in group_cuts(shard_cuts(source), params.featurize)]
    copies = _Copies()
    info = {"features": params.features.model_dump(), "hop_samples": frontend.hop, "window_samples": frontend.window}
    info |= {"context_samples": frontend.window, "silence": frontend.silence.tolist()}
    tars = tars_of(cut for task in tasks for cut in task.cuts)
    shards = run_tasks(_rows_of, tasks, params.executor, f"featurize {out.name}", tars)
    write_store(out, map(copies.noted, shards), frontend.n_mels, info)
    return add_to_store(out, {"shortcut": copies.shortcut()})


Made = tuple[ClipRow, np.ndarray, np.ndarray | None]  # a row, its frames, what is not words in it (of copies of speech)


class _Copies:
    """What is not words in the augmented copies of speech that went by."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._keyword: list[bool] = []
        self._measured: list[np.ndarray] = []

    def noted(self, shard: Iterable[Made]) -> Iterator[tuple[ClipRow, np.ndarray]]:
        """Yield rows and frames as they come, and keep what was measured."""
        for row, frames, found in shard:
            if found is not None:
                self._ids.append(row.id)
                self._keyword.append(row.label == "keyword")
                self._measured.append(found)
            yield row, frames

    def shortcut(self) -> dict[str, Any] | None:
        """Return {auc: of telling keywords by it, tells: what tells most}; None if there are too few copies."""
        is_keyword = np.asarray(self._keyword, bool)
        if min(is_keyword.sum(), (~is_keyword).sum()) < FEWEST:
            return None
        auc, tells = shortcut(np.stack(self._measured), is_keyword, self._ids)
        return {"auc": round(auc, 4), "tells": tells}


def _check(found: dict[str, Any] | None, params: FeaturizeParams) -> None:
    if found and found["auc"] > params.max_shortcut_auc:
        raise StageInputError(
            f"in the augmented copies of train, background and channel alone tell keywords from other speech: area "
            f"under the curve {found['auc']:.3f}, limit featurize.max_shortcut_auc = {params.max_shortcut_auc:g}; most "
            f"of all {', '.join(found['tells'])}. A model would learn that instead of the word. Raise "
            "augment.effects.channel.probability, or that of noise and reverb, in params.yaml; or raise the limit."
        )


def _rows_of(task: _Task) -> list[Made]:
    return list(_iter_rows(task))


def _iter_rows(task: _Task) -> Iterator[Made]:
    frontend = make_frontend(task.features)
    for cut in task.cuts:
        frontend.reset()
        row, wave = row_of(cut, frontend), load_audio(cut)
        copied = row.copy > 0 and row.label in ("keyword", "confusable", "speech")
        yield row, frontend.process(wave).astype(np.float16), measured(wave) if copied else None
