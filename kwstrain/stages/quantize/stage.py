"""Fold the trained student, calibrate its activations, fine-tune it with fake quantization, keep what dev says is best.

Writes to `out`:
    quantized.pt           the folded weights, averaged over steps
    quantized.json         graph, scales, ranges; the calibration set's hash; dev results, float and quantized
    calibration.jsonl.gz   the calibration set: store, clip, last frame of every window
    history.jsonl          one row a measurement
Scores are shifted so that the float student's threshold on dev becomes 1/2 (see `folded.network.shifted`), where 8 bits
tell them apart best. The student in `data/models/student` stays as it is.

Fine-tuning is `train`'s loop with the folded network in place of the student: the same batches, loss, teacher, average
and choice on dev; `quantize` has the numbers that differ.
"""

import json
import math
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.execution.cache import Step, note_timing
from kwsdata.features.store import FeatureStore
from kwsdata.files.atomic import atomic_path, write_json, write_jsonl_gz
from kwsdata.params import Params
from kwstrain.answers import read_info
from kwstrain.models.weights import load_student
from kwstrain.quantization.equalize import equalized
from kwstrain.quantization.network import FoldedStudent, shift_log_odds
from kwstrain.quantization.scales import scales_of
from kwstrain.quantization.store import INFO, WEIGHTS, load_folded
from kwstrain.stages.quantize.calibration import draw, ranges_of, reach_of
from kwstrain.training.checkpoint import Progress, save_tensors, weights_digest, work_directory
from kwstrain.training.dev import DevSet
from kwstrain.training.launch import complete
from kwstrain.training.loop import Job
from kwstrain.training.starts import warm_up_of
from kwstrain.training.windows import Shape

TUNED = Step("quantize", "kwstrain.training.loop", "kwstrain.quantization.store")


def run(
    params: Params,
    model_dir: Path = Path("data/models/student"),
    features: Path = Path("data/features"),
    taught: Path | None = None,
    out: Path = Path("data/models/quantized"),
    alarms: Path | None = None,
) -> dict[str, Any]:
    """Quantize `model_dir`/student.pt on `features`, write `out`; return quantized.json without the graph.

    Raises:
        StageInputError: the student or a store is missing or damaged, or a store lacks a kind of clip.
        TrainingError: the loss is no longer a number.
    """
    features = Path(features).resolve()
    store = FeatureStore(features / "train")
    student = load_student(model_dir, params.model, store.n_mels)
    tuned = _fine_tuning(params)
    hop_s = store.info["hop_samples"] / 16_000
    hold = round(tuned.train.hold_s / hop_s)
    shape = Shape(student.receptive_field, student.stride, tuned.train.decisions, hold)
    calibration = draw(features, tuned, shape)
    warm_up_s = warm_up_of(store, params.warm_up)
    dev = DevSet(FeatureStore(features / "dev"), params.streaming, params.evaluate, warm_up_s)
    results = {"float": dev.measure(student).as_dict()}
    offset = log_odds(results["float"]["threshold"])
    graph, weights = student.fold()
    weights = shift_log_odds(graph, weights, offset)
    weights = equalized(graph, weights, reach_of(FoldedStudent(graph, weights).eval(), calibration))
    ranges = ranges_of(FoldedStudent(graph, weights).eval(), calibration, params.quantize.calibration, params.features)
    network = FoldedStudent(graph, weights, scales_of(graph, ranges), offset).eval()
    results["calibrated"] = dev.measure(network).as_dict()
    info: dict[str, Any] = {
        "model": params.model.described(),
        "student_sha256": weights_digest(student.state_dict()),
        "observer": params.quantize.calibration.observer,
        "calibration": {"windows": len(calibration.windows), "sha256": calibration.sha256},
        "ranges": {name: [float(low), float(high)] for name, (low, high) in ranges.items()},
        "kept": "calibrated",
        "steps": 0,
        "dev": results,
    }
    progress = _fine_tuned(tuned, features, taught, alarms, network, info) if params.quantize.steps else Progress()
    if progress.best_row:
        best = {name.removeprefix("dev_"): v for name, v in progress.best_row.items() if name.startswith("dev_")}
        results["fine_tuned"] = best
        if _no_worse(best, results["calibrated"]):
            network.load_state_dict(progress.best)
            info |= {"kept": "fine_tuned", "steps": progress.best_row["step"]}
    with atomic_path(out) as scratch:
        scratch.mkdir()
        saved = save_folded(scratch, network, info | {"weights_sha256": weights_digest(network.state_dict())})
        write_jsonl_gz(scratch / "calibration.jsonl.gz", calibration.rows)
        (scratch / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in progress.history))
    timing = note_timing("quantize", progress.timing())
    return {name: value for name, value in saved.items() if name not in ("graph", "scales", "ranges")} | {
        "timing": timing
    }


def _no_worse(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether `one` misses no more on dev, neither at the allowed false alarms nor at the rates around them.

    Either alone is a matter of a keyword or two, and a network that was disturbed for nothing is worse on other sound.
    """
    return all(one[name] <= other[name] for name in ("fnr", "fnr_around"))


def _fine_tuning(params: Params) -> Params:
    """Return the params of a run of `train` that fine-tunes."""
    own = params.quantize
    names = ("steps", "eval_every", "patience", "learning_rate", "warmup_steps", "ema_decay")
    train = params.train.model_copy(update={name: getattr(own, name) for name in names if own.steps})
    # The folded network has no layer that `distill.project` could be laid on; the soft labels do.
    distill = params.distill.model_copy(update={"feature_weight": 0.0})
    return params.model_copy(update={"train": train, "distill": distill})


def _fine_tuned(
    params: Params,
    features: Path,
    taught: Path | None,
    alarms: Path | None,
    network: FoldedStudent,
    info: dict[str, Any],
) -> Progress:
    """Return what `train` makes of `network`; killed, it goes on from its checkpoint."""
    teacher = read_info(taught) if taught else {"teacher": None, "unlabelled": []}
    learns = teacher["teacher"] is not None and params.distill.alpha > 0
    source = Path(taught).resolve() if taught and learns else None
    made_of = (weights_digest(network.state_dict()), info["calibration"]["sha256"], network.scales)
    heard = Path(alarms).resolve() if alarms else None
    work = work_directory(
        params, features, source, *teacher["unlabelled"], *made_of, step=TUNED, alarms=heard
    ).resolve()
    start = work / "calibrated"
    with atomic_path(start) as scratch:
        scratch.mkdir()
        save_folded(scratch, network, {})
    build = partial(_loaded, start)
    job = Job(params, features, work, build, source, tuple(teacher["unlabelled"]), name="quantize", alarms=heard)
    progress = complete(job)
    shutil.rmtree(work)
    return progress


def _loaded(directory: Path, params: Params, silence: np.ndarray) -> FoldedStudent:
    return load_folded(directory)


def log_odds(threshold: float) -> float:
    """Return the log-odds of a threshold; those of float scores that round to 0 or 1 are cut at +-9.2."""
    share = min(max(threshold, 1e-4), 1 - 1e-4)
    return math.log(share / (1 - share))


def save_folded(directory: Path, network: FoldedStudent, info: dict[str, Any]) -> dict[str, Any]:
    """Write `network`, which has scales, and what `info` says of it; return the contents of quantized.json."""
    assert network.scales is not None
    scales = {name: [scale.scale, scale.zero] for name, scale in network.scales.items()}
    info = info | {"format": 1, "graph": network.graph.as_json(), "scales": scales, "offset": network.offset}
    save_tensors(directory / WEIGHTS, network.state_dict())
    write_json(directory / INFO, info)
    return info
