"""Give training a trunk that knows speech: the one that ships, or one that is trained here.

Writes to `out`:
    trunk.npz, trunk.json    see `kwstrain.models.trunk`; `trunk: null` where none is wanted
    history.jsonl            of one that was trained here: a row a measurement
The embedding that it learns to give knows speech of far more people than a wake word's data has. What it learns is of
no word, so a trunk serves every keyword on the same features.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from kwsdata.clips.content import file_hash
from kwsdata.draws import digest_of
from kwsdata.errors import StageInputError
from kwsdata.execution.cache import Step, note_timing
from kwsdata.features.store import FeatureStore
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwstrain.models import StreamingModel, build_model
from kwstrain.models.trunk import DESCRIPTION, Trunk, shipped_trunk, trunk_key, trunk_of
from kwstrain.stages.pretrain.loop import pretrain
from kwstrain.stages.pretrain.windows import Geometry, Pairs
from kwstrain.training.checkpoint import Progress, weights_digest

PRETRAIN = Step("pretrain", "kwstrain.stages.pretrain.loop")


def run(
    params: Params,
    features: Path = Path("data/features"),
    embedded: Path = Path("data/embedded"),
    out: Path = Path("data/models/trunk"),
) -> dict[str, Any]:
    """Write the trunk that `params.pretrain` asks for to `out`; return trunk.json, and `timing` of one trained here.

    Raises:
        StageInputError: a store is missing, or the stores are of other clips.
        ParamsError: none ships for such a student, or lightning-fabric refuses a setting.
        TrainingError: the loss is no longer a number.
    """
    kind = params.pretrain.trunk
    timing: dict[str, Any] = {}
    with atomic_path(out) as scratch:
        scratch.mkdir()
        if kind == "own":
            info, timing = _own(params, Path(features) / "train", Path(embedded) / "train", scratch)
        elif kind == "shipped":
            trunk = shipped_trunk(params.model, params.features)
            trunk.write(scratch)
            info = trunk.info
        else:
            info = {"trunk": None}
            write_json(scratch / DESCRIPTION, info)
    return info | timing


def _own(params: Params, features: Path, embedded: Path, out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    store, embeddings = FeatureStore(features), _embeddings(embedded)
    model = _untrained(params, store)
    geometry = Geometry(model.receptive_field, model.stride, params.pretrain.decisions)
    work = work_of(params, features, embedded)
    pairs = Pairs(store, embeddings, geometry, params.pretrain)
    progress = pretrain(model, pairs, params.pretrain, work / "checkpoint.pt")
    trunk = Trunk(trunk_of(model, {}).weights, _describe(params, store, embeddings, progress))
    trunk.write(out)
    (out / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in progress.history))
    shutil.rmtree(work)
    return trunk.info, {"timing": note_timing("pretrain", progress.timing())}


def work_of(params: Params, features: Path, embedded: Path) -> Path:
    """Return where a run keeps its checkpoint: a path that belongs to all that decides its result."""
    return PRETRAIN.workspace(
        model=params.model.described(),
        params=params.pretrain.model_dump(mode="json"),
        stores=[{path.name: file_hash(path) for path in sorted(part.iterdir())} for part in (features, embedded)],
    )


def _embeddings(embedded: Path) -> FeatureStore:
    if not (embedded / "store.json").exists():
        raise StageInputError(f"{embedded} is missing: pretrain.trunk: own needs it. Type `dvc repro embed_augmented`.")
    return FeatureStore(embedded)


def _untrained(params: Params, store: FeatureStore) -> StreamingModel:
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(int(digest_of(params.pretrain.seed, "weights")[:15], 16))
        return build_model(params.model, store.silence)


def _describe(params: Params, store: FeatureStore, embedded: FeatureStore, progress: Progress) -> dict[str, Any]:
    hours = store.info["frames"] * int(store.info["hop_samples"]) / 16_000 / 3600
    corpora = sorted({clip.corpus for clip in store.clips if clip.corpus})
    return (
        {"trunk": "own"}
        | trunk_key(params.model, params.features)
        | {
            "embedder": embedded.info["embedder"],
            "pretrain": params.pretrain.model_dump(mode="json", exclude={"trunk"}),
            "corpora": corpora,
            "hours": round(hours, 2),
            "loss": progress.history[-1]["loss"],
            "held_out_loss": progress.history[-1]["held_out_loss"],
            "weights_sha256": weights_digest(progress.model),
        }
    )
