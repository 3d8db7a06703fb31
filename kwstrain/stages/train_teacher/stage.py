"""Train the teacher with the loop that trains students, and choose it on dev; then again, on its own false alarms.

A teacher is trained once to be listened to: what it takes for the keyword among the negatives of train are the mined
windows of the one that is kept (`teacher.alarms_per_clip`), which starts anew. A student learns from its answers, so a
negative that the teacher half believes is one that the student is told to believe.

Writes to `out`:
    teacher.json      which teacher, its costs and dev result; `teacher: null` where none is wanted
    teacher.pt        weights of a trained one
    history.jsonl     one row a measurement
    teacher.onnx      window of frames [1, frames, n_mels] -> the keyword's probability [1, 1]
    teacher.tflite    of `speech_embedding`: the same, for runtimes in the style of openWakeWord
    embedder.onnx     the layer before the last, with its contract: for `embed.embedder`
    own.onnx          of `own`: a copy of the file, with its contract
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric.plugins.environments import TorchElasticEnvironment

from kwsdata.errors import ParamsError
from kwsdata.execution.cache import Step, note_timing
from kwsdata.features.store import FeatureStore
from kwsdata.files.atomic import atomic_path, sha256_of, write_json
from kwsdata.params import LossParams, Params
from kwsdata.runtime.embedders import network_parts
from kwstrain.stages.train_teacher.export import write_graphs
from kwstrain.teachers import TRAINED, build_teacher
from kwstrain.teachers.listeners import own_teacher
from kwstrain.teachers.weights import FILE
from kwstrain.training.alarms import FILE as ALARMS
from kwstrain.training.checkpoint import Progress, save_tensors, weights_digest, work_directory
from kwstrain.training.hear import alarms_raised
from kwstrain.training.launch import complete
from kwstrain.training.loop import Job
from kwstrain.training.starts import warm_up_of

TEACHER = Step("train_teacher", "kwstrain.training.loop", "kwstrain.teachers")
CROSS_ENTROPY = LossParams(
    name="ce", gamma=0, alpha=None, class_weights=None, max_class_weight=1, label_smoothing=0
)  # its answers are to be probabilities; focal loss would bend them


def run(
    params: Params,
    features: Path = Path("data/features"),
    embedded: Path = Path("data/embedded"),
    out: Path = Path("data/models/teacher"),
) -> dict[str, Any]:
    """Write the teacher that `params.teacher` names to `out`; return teacher.json, and `timing` of a trained one.

    Raises:
        StageInputError: a store or the user's file is missing, or lacks something.
        ParamsError: an entry point cannot be loaded, or lightning-fabric refuses a setting.
        TrainingError: the loss is no longer a number.
    """
    name = params.teacher.name
    if name in TRAINED:
        stores = {"features": features, "embedded": embedded}
        return _train(params, Path(stores[TRAINED[name].hears]), out)
    info: dict[str, Any] = {"teacher": name}
    with atomic_path(out) as scratch:
        scratch.mkdir()
        if params.teacher.path is not None:
            teacher = own_teacher(params.teacher.path)
            info |= {"path": params.teacher.path, "identity": teacher.identity}
            if params.teacher.path.endswith(".onnx"):
                _copy_network(Path(params.teacher.path), scratch)
        write_json(scratch / "teacher.json", info)
    return info


def _copy_network(path: Path, out: Path) -> None:
    """Copy an ONNX file and its contract to `out` as `own`, and weights that lie beside it under the names it knows."""
    shutil.copyfile(path.with_suffix(".json"), out / "own.json")
    shutil.copyfile(path, out / "own.onnx")
    for part in network_parts(path)[1:]:
        target = out / part.relative_to(path.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(part, target)


def _train(params: Params, stores: Path, out: Path) -> dict[str, Any]:
    first = _job(params, stores)
    progress = complete(first)
    job = first
    found: dict[str, Any] = {"alarms": 0}
    if params.teacher.alarms_per_clip:
        own = params.teacher
        alarms = alarms_raised(first, progress.best, own.min_log_odds, own.alarms_per_clip)
        found = {"alarms": len(alarms), "first": _dev_numbers(progress)}
        if len(alarms):
            job = _heard_again(first, alarms)
            progress = complete(job)
    with atomic_path(out) as scratch:
        scratch.mkdir()
        save_tensors(scratch / FILE, progress.best)
        (scratch / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in progress.history))
        info = _describe(job, FeatureStore(job.features / "train"), progress) | found
        info |= write_graphs(scratch, info, params.features)
        info |= {"sha256": sha256_of(scratch / FILE)}
        write_json(scratch / "teacher.json", info)
    for done in {first.work, job.work}:
        shutil.rmtree(done)
    return info | {"timing": note_timing("train_teacher", progress.timing())}


def _heard_again(first: Job, alarms: np.ndarray) -> Job:
    """Return the job of a teacher that hears `alarms`, those of the one that `first` trained."""
    directory = first.work / "alarms"
    with atomic_path(directory) as scratch:
        scratch.mkdir()
        np.save(scratch / ALARMS, alarms, allow_pickle=False)
    return _job(first.params, first.features, directory)


def _job(params: Params, stores: Path, alarms: Path | None = None) -> Job:
    """Return the job: the teacher's own settings where the student's would be.

    Raises:
        ParamsError: torchrun started the process, and two trainings are to follow each other.
    """
    teacher = params.teacher
    if teacher.alarms_per_clip and TorchElasticEnvironment.detect():
        raise ParamsError(
            "teacher.alarms_per_clip > 0 trains twice, and torchrun once: set it to 0, or do without torchrun."
        )
    changes = {"train": teacher.train, "streaming": teacher.streaming, "loss": CROSS_ENTROPY}
    params = params.model_copy(update=changes)
    unlabelled = tuple(params.teach.unlabelled)
    key = (teacher.model_dump_json(), *unlabelled)
    work = work_directory(params, stores, None, *key, step=TEACHER, alarms=alarms).resolve()
    name = "train-teacher, on its alarms" if alarms else "train-teacher"
    return Job(params, stores.resolve(), work, build=build_teacher, unlabelled=unlabelled, name=name, alarms=alarms)


def _describe(job: Job, store: FeatureStore, progress: Progress) -> dict[str, Any]:
    hop, window = int(store.info["hop_samples"]), int(store.info["window_samples"])
    model = build_teacher(job.params, store.silence)
    return {
        "teacher": job.params.teacher.name,
        "keyword": job.params.keyword.text,
        "params": job.params.teacher.model_dump(),
        "hears": model.hears,
        "n_mels": model.n_mels,
        "frame_hop_samples": hop,
        "frame_window_samples": window,
        "frame_context_samples": int(store.info["context_samples"]),
        "n_params": model.n_params,
        "macs_per_second": round(model.macs_per_second(hop / 16_000)),
        "receptive_field_frames": model.receptive_field,
        "warm_up_s": warm_up_of(store, job.params.warm_up),
        "train_clips": store.info["clips_by_label"],
        "steps": progress.step,
        "best_step": progress.best_row["step"],
        "dev": _dev_numbers(progress),
        "max_fah": job.params.evaluate.max_fah,
        "weights_sha256": weights_digest(progress.best),
    }


def _dev_numbers(progress: Progress) -> dict[str, Any]:
    """Return what the best step was worth on dev."""
    row = progress.best_row
    return {key.removeprefix("dev_"): value for key, value in row.items() if key.startswith("dev_")}
