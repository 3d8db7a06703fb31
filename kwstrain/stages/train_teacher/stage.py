"""Train the teacher with the loop that trains students, and choose it on dev.

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

from kwsdata.execution.cache import Step, note_timing
from kwsdata.features.store import FeatureStore
from kwsdata.files.atomic import atomic_path, sha256_of, write_json
from kwsdata.params import LossParams, Params
from kwsdata.runtime.embedders import network_parts
from kwstrain.stages.train_teacher.export import write_graphs
from kwstrain.teachers import TRAINED, build_teacher
from kwstrain.teachers.listeners import own_teacher
from kwstrain.teachers.weights import FILE
from kwstrain.training.checkpoint import Progress, save_tensors, weights_digest, work_directory
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
    job = _job(params, stores)
    progress = complete(job)
    with atomic_path(out) as scratch:
        scratch.mkdir()
        save_tensors(scratch / FILE, progress.best)
        (scratch / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in progress.history))
        info = _describe(job, FeatureStore(job.features / "train"), progress)
        info |= write_graphs(scratch, info, params.features)
        info |= {"sha256": sha256_of(scratch / FILE)}
        write_json(scratch / "teacher.json", info)
    shutil.rmtree(job.work)
    return info | {"timing": note_timing("train_teacher", progress.timing())}


def _job(params: Params, stores: Path) -> Job:
    """Return the job: the teacher's own settings where the student's would be."""
    teacher = params.teacher
    changes = {"train": teacher.train, "streaming": teacher.streaming, "loss": CROSS_ENTROPY}
    params = params.model_copy(update=changes)
    unlabelled = tuple(params.teach.unlabelled)
    work = work_directory(params, stores, None, teacher.model_dump_json(), *unlabelled, step=TEACHER)
    return Job(
        params, stores.resolve(), work.resolve(), build=build_teacher, unlabelled=unlabelled, name="train-teacher"
    )


def _describe(job: Job, store: FeatureStore, progress: Progress) -> dict[str, Any]:
    hop, window = int(store.info["hop_samples"]), int(store.info["window_samples"])
    model = build_teacher(job.params, store.silence)
    best = progress.best_row
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
        "best_step": best["step"],
        "dev": {key.removeprefix("dev_"): value for key, value in best.items() if key.startswith("dev_")},
        "max_fah": job.params.evaluate.max_fah,
        "weights_sha256": weights_digest(progress.best),
    }
