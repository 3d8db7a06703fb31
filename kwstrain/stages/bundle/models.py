"""Choose the model files of a bundle, and the decoder of each on dev."""

from pathlib import Path
from typing import Any

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_json, sha256_of
from kwsdata.params import Params, StreamingParams
from kwsdata.runtime.decoder import DecoderConfig, rule_from, rule_row
from kwsdata.runtime.networks.description import DEFAULT, read_model_json
from kwstrain.evaluation.choose import choose
from kwstrain.evaluation.det import OperatingPoint, measure
from kwstrain.evaluation.streams import TestStream, score_testsets
from kwstrain.evaluation.summary import number

SET = "clean"  # of dev, on which thresholds are chosen, and of test, on which they are measured
_KEPT = (
    *("format", "keyword", "model", "file", "backend", "runtime", "form", "arithmetic", "features", "hears", "stride"),
    *("receptive_field_frames", "warm_up_s", "states", "input", "output", "sha256", "n_params", "macs_per_second"),
)

Scored = dict[tuple[str, str], list[TestStream]]


def streaming_files(model_dir: Path) -> list[str]:
    """Return the names of the exported files that stream, model.onnx first."""
    files = read_json(model_dir / "model.json").get("files", {})
    others = [name for name, about in sorted(files.items()) if about["form"] == "stream" and name != DEFAULT]
    return [DEFAULT, *others]


def evaluated_model(model_dir: Path, evaluation: Path) -> dict[str, Any]:
    """Return the entry of model.onnx, with what `evaluate` chose and measured.

    Raises:
        StageInputError: `evaluation` is of another model.
    """
    info = read_model_json(model_dir)
    point, metrics = read_json(evaluation / "operating_point.json"), read_json(evaluation / "metrics.json")
    if point["model_sha256"] != info["sha256"]:
        raise StageInputError(f"{evaluation} measured another model than {model_dir}: type `dvc repro evaluate`.")
    decision = DecoderConfig.from_row(point).row() | {key: point[key] for key in ("chosen_on", "max_fah")}
    sets = {part: _numbers(metrics[part][SET]) for part in ("dev", "test") if SET in metrics[part]}
    return _kept(info) | decision | sets


def scored_model(model_dir: Path, file: str, scored: Scored, params: Params) -> dict[str, Any]:
    """Return the entry of another file: its decoder chosen on dev/clean, measured on test/clean."""
    streaming, chosen = choose(scored["dev", SET], params.streaming, params.evaluate)
    point = chosen.point
    entry = _kept(read_model_json(model_dir, file)) | rule_row(streaming) | {"threshold": point.threshold}
    entry |= {"chosen_on": f"dev/{SET}", "max_fah": params.evaluate.max_fah, "dev": point_numbers(point)}
    if ("test", SET) in scored:
        entry["test"] = point_numbers(measure_decoder(scored["test", SET], streaming, point.threshold, params))
    return entry


def scores_of(model_dir: Path, file: str, testsets: Path, params: Params) -> Scored:
    """Return the streams of dev/clean and test/clean, scored by one file."""
    return score_testsets(testsets, model_dir, params.evaluate.chunk_s, params.executor, file, {SET})


def measure_decoder(
    streams: list[TestStream], streaming: StreamingParams, threshold: float, params: Params
) -> OperatingPoint:
    """Return what a decoder does on `streams` at `threshold`."""
    voted = [stream.scores(streaming) for stream in streams]
    return measure(voted, threshold, streaming.lockout_s, params.evaluate.tolerance_s)


def teacher_model(teacher_dir: Path, file: str) -> dict[str, Any]:
    """Return the entry of the teacher's head over the speech embedding.

    Its threshold is the one `train_teacher` found on dev, over embeddings of whole streams.
    """
    info = read_json(teacher_dir / "teacher.json")
    streaming, dev = rule_from(info["params"]["streaming"]), info["dev"]
    return {
        "format": 1,
        "keyword": info["keyword"],
        "model": f"{info['teacher']} (the teacher)",
        "file": file,
        "backend": "tflite_clip",
        "runtime": "tflite",
        "form": "clip",
        "arithmetic": "float32",
        "hears": "embedded",
        "stride": 1,
        "receptive_field_frames": info["receptive_field_frames"],
        "sha256": sha256_of(teacher_dir / "teacher.tflite"),
        "n_params": info["n_params"],
        "macs_per_second": info["macs_per_second"],
        **rule_row(streaming),
        "warm_up_s": info["warm_up_s"],
        "threshold": dev["threshold"],
        "chosen_on": "dev, by train_teacher",
        "max_fah": info["max_fah"],
        "dev": {key: number(dev[key]) for key in ("fnr", "fah")},
    }


def point_numbers(point: OperatingPoint) -> dict[str, Any]:
    """Return the numbers of an operating point that a file can hold."""
    return _numbers(
        {
            "fnr": number(point.fnr),
            "fah": number(point.fah),
            "misses": point.misses,
            "n_positive": point.n_positive,
            "false_alarms": point.false_alarms,
            "hours_negative": number(point.hours_negative),
        }
    )


def _numbers(summary: dict[str, Any]) -> dict[str, Any]:
    return {key: summary[key] for key in ("fnr", "fah", "misses", "n_positive", "false_alarms", "hours_negative")}


def _kept(info: dict[str, Any]) -> dict[str, Any]:
    return {key: info[key] for key in _KEPT if key in info}
