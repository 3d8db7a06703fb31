"""Train the student on the feature store and write it with its logs.

Writes to `out`:
    student.pt       the weights with the best dev result, averaged over steps (see `average`)
    train.json       what they are: parameters, costs, dev result, timings
    history.jsonl    one row a measurement
    dvclive/         the same as DVCLive metrics and plots
Until then, checkpoint and logs are in the cache, under the hash of all that made them; a killed run goes on from there.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch.multiprocessing import ProcessRaisedException

from kwsdata.errors import ParamsError
from kwsdata.featurize.store import FeatureStore
from kwsdata.files import atomic_path, write_json
from kwsdata.params import Params
from kwstrain.models.weights import FILE, load_student
from kwstrain.train.checkpoint import Progress, load_progress, save_tensors, weights_digest, work_directory
from kwstrain.train.loop import Job, TrainingError, train


def run(
    params: Params,
    features: Path = Path("data/features"),
    out: Path = Path("data/models/student"),
    resume: bool = True,
) -> dict[str, Any]:
    """Train on `features`/train, choose on `features`/dev, write `out`; return train.json.

    Args:
        params: blocks model, loss, train, streaming, evaluate and keyword are used.
        features: directory with the stores `train` and `dev`.
        out: replaced whole.
        resume: go on from the checkpoint of a run with the same params and features, if there is one.

    Raises:
        StageInputError: a store is missing or lacks a kind of clip that training needs.
        ParamsError: the batch does not divide among the devices, or lightning-fabric refuses a setting.
        TrainingError: the loss is no longer a number.
    """
    job = Job(params, Path(features).resolve(), work_directory(params, Path(features)).resolve())
    if not resume:
        shutil.rmtree(job.work, ignore_errors=True)
    fabric = make_fabric(params)
    if params.train.devices > 1:
        _in_processes(fabric, job)
    else:
        train(fabric, job)
    progress = load_progress(job.checkpoint)
    if progress is None:
        raise TrainingError(f"training left no checkpoint at {job.checkpoint}: is the disk full?")
    with atomic_path(out) as scratch:
        scratch.mkdir()
        save_tensors(scratch / FILE, progress.best)
        summary = _summary(params, FeatureStore(job.features / "train"), scratch, progress)
        write_json(scratch / "train.json", summary)
        (scratch / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in progress.history))
        shutil.copytree(job.work / "dvclive", scratch / "dvclive")
    shutil.rmtree(job.work)
    return summary


def _in_processes(fabric: Fabric, job: Job) -> None:
    try:
        fabric.launch(train, job)  # type: ignore[arg-type]
    except ProcessRaisedException as error:
        # Its text is the traceback of the process; the last line names the error.
        raise TrainingError(str(error).strip().splitlines()[-1].split(": ", 1)[-1]) from error


def make_fabric(params: Params) -> Fabric:
    """Return the Fabric that `train:` describes; several devices train side by side, each on its part of a batch.

    Raises:
        ParamsError: the batch does not divide among the devices, or lightning-fabric refuses a setting.
    """
    settings = params.train
    if settings.batch_size % settings.devices:
        raise ParamsError(
            f"train.batch_size = {settings.batch_size} does not divide among train.devices = {settings.devices}."
        )
    strategy = "ddp_spawn" if settings.devices > 1 else "auto"
    try:
        return Fabric(
            accelerator=settings.accelerator,
            devices=settings.devices,
            strategy=strategy,
            precision=settings.precision,  # type: ignore[arg-type]
        )
    except (ValueError, RuntimeError) as error:
        raise ParamsError(
            f"train.accelerator = {settings.accelerator}, devices = {settings.devices}, precision = "
            f"{settings.precision}: {error}"
        ) from None


def _summary(params: Params, store: FeatureStore, directory: Path, progress: Progress) -> dict[str, Any]:
    model = load_student(directory, params.model, store.n_mels)
    hop_s = store.info["hop_samples"] / 16_000
    window_s = store.info["window_samples"] / 16_000
    best = progress.best_row
    seconds = progress.seconds
    return {
        "format": 1,
        "keyword": params.keyword.text,
        "model": params.model.model_dump(),
        "loss": params.loss.model_dump(),
        "train": params.train.model_dump(),
        "n_params": model.n_params,
        "macs_per_second": round(model.macs_per_second(hop_s)),
        "receptive_field_frames": model.receptive_field,
        "receptive_field_ms": round(1000 * ((model.receptive_field - 1) * hop_s + window_s), 3),
        "train_clips": store.info["clips_by_label"],
        "steps": progress.step,
        "best_step": best["step"],
        "dev": {name.removeprefix("dev_"): value for name, value in best.items() if name.startswith("dev_")},
        "max_fah": params.evaluate.max_fah,
        "weights_sha256": weights_digest(progress.best),
        "timing": {
            "seconds": round(sum(seconds.values()) - seconds["data_wait"], 1),
            "dev_seconds": round(seconds["dev"], 1),
            "steps_per_second": round(progress.step / max(seconds["train"], 1e-9), 2),
            "data_wait_share": round(seconds["data_wait"] / max(seconds["train"], 1e-9), 4),
        },
    }
