"""Train the student on the feature store and write it with its logs.

Writes to `out`:
    student.pt       the weights with the best dev result, averaged over steps (see `average`)
    train.json       what they are: parameters, costs, dev result
    history.jsonl    one row a measurement
    dvclive/         the same as DVCLive metrics and plots
The same inputs give the same bytes of every file; how long it took goes to the log of timings in the cache.
Until then, checkpoint and logs are in the cache, under the hash of all that made them; a killed run goes on from there.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from kwsdata.execution.cache import note_timing
from kwsdata.features.store import FeatureStore
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwstrain.models.weights import FILE, load_student
from kwstrain.training.checkpoint import Progress, save_tensors, weights_digest
from kwstrain.training.job import student_job
from kwstrain.training.launch import complete
from kwstrain.training.loop import Job
from kwstrain.training.starts import warm_up_of


def run(
    params: Params,
    features: Path = Path("data/features"),
    out: Path = Path("data/models/student"),
    resume: bool = True,
    taught: Path | None = None,
    trunk: Path | None = None,
    alarms: Path | None = None,
) -> dict[str, Any]:
    """Train on `features`/train, choose on `features`/dev, write `out`; return train.json and `timing`.

    Args:
        params: blocks model, loss, distill, train, streaming, evaluate and keyword are used.
        features: directory with the stores `train` and `dev`.
        out: replaced whole.
        taught: a teacher's answers to the train clips, if there are any to learn from.
        trunk: where stage `pretrain` left the trunk to start from, if any.
        alarms: where stage `scout` left false alarms (see `kwstrain.training.job.alarms_of`), if they are heard.
        resume: go on from the checkpoint of a run with the same params and features, if there is one.

    Raises:
        StageInputError: a store is missing or lacks a kind of clip that training needs.
        ParamsError: the batch does not divide among the devices, or lightning-fabric refuses a setting.
        TrainingError: the loss is no longer a number.
    """
    job = student_job(params, features, taught, trunk, alarms)
    if not resume:
        shutil.rmtree(job.work, ignore_errors=True)
    progress = complete(job)
    with atomic_path(out) as scratch:
        scratch.mkdir()
        save_tensors(scratch / FILE, progress.best)
        summary = _summary(job, FeatureStore(job.features / "train"), scratch, progress)
        write_json(scratch / "train.json", summary)
        (scratch / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in progress.history))
        shutil.copytree(job.work / "dvclive", scratch / "dvclive")
    shutil.rmtree(job.work)
    return summary | {"timing": note_timing("train", progress.timing())}


def _summary(job: Job, store: FeatureStore, directory: Path, progress: Progress) -> dict[str, Any]:
    params = job.params
    model = load_student(directory, params.model, store.n_mels)
    hop_s = store.info["hop_samples"] / 16_000
    window_s = store.info["window_samples"] / 16_000
    best = progress.best_row
    return {
        "format": 1,
        "keyword": params.keyword.text,
        "model": params.model.described(),
        "loss": params.loss.model_dump(),
        "trunk": job.trunk.info if job.trunk else None,
        "distill": params.distill.model_dump() if job.taught else None,
        "train": params.train.model_dump(),
        "n_params": model.n_params,
        "macs_per_second": round(model.macs_per_second(hop_s)),
        "receptive_field_frames": model.receptive_field,
        "receptive_field_ms": round(1000 * ((model.receptive_field - 1) * hop_s + window_s), 3),
        "warm_up_s": warm_up_of(store, params.warm_up),
        "train_clips": store.info["clips_by_label"],
        "steps": progress.step,
        "best_step": best["step"],
        "dev": {name.removeprefix("dev_"): value for name, value in best.items() if name.startswith("dev_")},
        "max_fah": params.evaluate.max_fah,
        "weights_sha256": weights_digest(progress.best),
    }
