"""Measure float and int8 on the same streams of dev and test; refuse a quantization that costs too much.

Writes to `out`:
    quantization.json   accuracy, misses, thresholds, differences of scores, noise of every tensor, sizes, hashes
    index.html          the same with pictures
Definitions are in `score` (what is compared), `compare` (accuracy, thresholds) and `layers` (noise, saturation).
"""

from itertools import islice
from pathlib import Path
from typing import Any

from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.errors import KwsError
from kwsdata.files.atomic import atomic_path, read_json, write_json
from kwsdata.params import Params
from kwsdata.runtime.decoder import rule_row
from kwsdata.runtime.front_ends import features_of
from kwstrain.quantization.network import FoldedStudent
from kwstrain.quantization.store import INFO, load_folded
from kwstrain.stages.quantization_report.compare import EDGES, Comparison, relative_drop
from kwstrain.stages.quantization_report.layers import layer_rows
from kwstrain.stages.quantization_report.page import write_page
from kwstrain.stages.quantization_report.reference import reference_difference
from kwstrain.stages.quantization_report.score import ARITHMETICS, FLOAT, INT8, ONNX, TFLITE, TORCH, score_streams

LAYERS_S = 120.0  # of the first stream of dev/clean, for noise and saturation of every tensor
REFERENCE_S = 60.0  # of the same, for TFLite's reference kernels, which are slow


class QuantizationError(KwsError):
    """The int8 network is worse than the float one, or its files do not agree, by more than params.yaml allows."""


def run(
    params: Params,
    model_dir: Path = Path("data/models/export"),
    quantized: Path = Path("data/models/quantized"),
    testsets: Path = Path("data/testsets"),
    out: Path = Path("data/quantization_report"),
) -> dict[str, Any]:
    """Measure, write `out`, then judge; return the verdict and each arithmetic's pooled numbers.

    Raises:
        StageInputError: a model or a test set is missing or damaged.
        QuantizationError: on the streams of dev or of test, an int8 arithmetic's accuracy is below float's by more than
            `quantize.max_relative_drop` of it; or a score of an int8 file is more than `quantize.max_lsb` steps of
            1/256 off the quantized network's. The report is written before.
    """
    network = load_folded(quantized)
    found = _measured(params, network, model_dir, quantized, testsets)
    found["failures"] = _failures(params, found)
    with atomic_path(out) as scratch:
        scratch.mkdir()
        write_json(scratch / "quantization.json", found)
        write_page(found, scratch / "index.html")
    if found["failures"]:
        raise QuantizationError(
            f"{'; '.join(found['failures'])}. See {out / 'index.html'}; docs/quantization.md helps."
        )
    return {"page": str(out / "index.html"), "pooled": found["pooled"], "drop": found["drop"], "apart": found["apart"]}


def _measured(
    params: Params, network: FoldedStudent, model_dir: Path, quantized: Path, testsets: Path
) -> dict[str, Any]:
    streams = score_streams(testsets, model_dir, quantized, params.features, params.executor)
    compared = Comparison(streams, params.streaming, params.evaluate, network.offset)
    names = list(dict.fromkeys((stream.partition, stream.set) for stream in streams))
    partitions = list(dict.fromkeys(partition for partition, _ in names))
    info, exported = read_json(quantized / INFO), read_json(model_dir / "model.json")
    pooled = {p: {a: compared.numbers(a, compared.chosen(p)) for a in ARITHMETICS} for p in partitions}
    cut = next(iter(islice(shard_cuts(testsets / "dev" / "clean"), 1)))
    seconds = min(LAYERS_S, cut.duration)
    frames = features_of(load_audio(cut)[: round(seconds * 16_000)], params.features)
    return {
        "format": 1,
        "keyword": exported["keyword"],
        "model": exported["model"],
        "decoder": rule_row(compared.streaming),
        "max_fah": params.evaluate.max_fah,
        "max_relative_drop": params.quantize.max_relative_drop,
        "max_lsb": params.quantize.max_lsb,
        "calibration": info["calibration"] | {"observer": info["observer"]},
        "kept": info["kept"],
        "fine_tuning_steps": info["steps"],
        "score_offset": network.offset,
        "thresholds": compared.thresholds(),
        "sets": {
            f"{p}/{name}": {a: compared.numbers(a, compared.chosen(p, name)) for a in ARITHMETICS} for p, name in names
        },
        "pooled": pooled,
        "drop": {
            p: {a: relative_drop(rows[FLOAT]["accuracy"], rows[a]["accuracy"]) for a in INT8}
            for p, rows in pooled.items()
        },
        "apart_edges": EDGES,
        "apart": {
            "onnx_torch": compared.apart(TORCH, ONNX),
            "tflite_torch": compared.apart(TORCH, TFLITE),
            "torch_float32": compared.apart(FLOAT, TORCH),
        },
        "reference_kernels": reference_difference(model_dir, network, frames, REFERENCE_S, params.features),
        "layers": layer_rows(network, frames),
        "files": {name: {k: about[k] for k in ("bytes", "sha256")} for name, about in exported["files"].items()},
        "hours": round(sum(stream.duration_s for stream in streams) / 3600, 4),
    }


def _failures(params: Params, found: dict[str, Any]) -> list[str]:
    """Return what is beyond the limits, in words."""
    limits, said = params.quantize, []
    for partition, drops in found["drop"].items():
        for arithmetic, drop in drops.items():
            if drop is not None and not drop <= limits.max_relative_drop:  # NaN fails too
                said.append(
                    f"{arithmetic} loses {100 * drop:.2g} % of float's accuracy on {partition}, more than "
                    f"quantize.max_relative_drop = {limits.max_relative_drop:g}"
                )
    for pair in ("onnx_torch", "tflite_torch"):
        if (greatest := found["apart"][pair]["greatest"]) > limits.max_lsb:
            said.append(f"{pair}: a score is {greatest}/256 off, more than quantize.max_lsb = {limits.max_lsb}")
    return said
