"""Write the trained student and its quantized form as files, checked against PyTorch.

Writes to `out` (docs/quantization.md has the table of inputs and outputs):
    model.onnx, clip.onnx                   float, see `graph`
    model.int8.onnx, clip.int8.onnx         see `qdq`
    model.int8.tflite, clip.int8.tflite     see `tflite`
    model.json    all that a program needs to run them: front end, stride, states; costs; the proofs of parity
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from kwsdata.errors import KwsError
from kwsdata.files.atomic import atomic_path, read_json, sha256_of, write_json
from kwsdata.params import Params
from kwsdata.runtime.front_ends import features_of, make_frontend
from kwstrain.models import StreamingModel
from kwstrain.models.onnx_graph import OPSET, write_clip_graph, write_graph
from kwstrain.models.weights import load_student
from kwstrain.quantization.integers import integers_of
from kwstrain.quantization.network import FoldedStudent
from kwstrain.quantization.store import load_folded
from kwstrain.stages.export.files import (
    FLOAT_CLIP,
    FLOAT_STREAM,
    INT8_ONNX,
    INT8_TFLITE,
    describe_float,
    describe_onnx,
    describe_state,
    describe_tflite,
)
from kwstrain.stages.export.int8_parity import measure_int8
from kwstrain.stages.export.parity import SECONDS, measure, probe_sound
from kwstrain.stages.export.qdq import write_qdq
from kwstrain.stages.export.tflite import write_tflite

FORMAT = 1  # of model.json
MAX_DIFFERENCE = 1e-4  # of a score, and of a state as a share of its greatest value


class ParityError(KwsError):
    """An exported file does not compute what the trained model computes."""


def run(
    params: Params,
    model_dir: Path = Path("data/models/student"),
    out: Path = Path("data/models/export"),
    quantized: Path | None = None,
) -> dict[str, Any]:
    """Export `model_dir`/student.pt to `out`, in float and, where `quantized` is given, in int8; return model.json.

    Raises:
        StageInputError: a model is missing, damaged, or of another architecture than params.yaml's.
        ParityError: a score or state of the float file is further than `MAX_DIFFERENCE` from PyTorch's, or a score of
            an int8 file more than `quantize.max_lsb` steps of 1/256 from the quantized network's.
        ConversionError: TensorFlow's converter made another network.
    """
    model = load_student(model_dir, params.model, make_frontend(params.features).n_mels)
    trained = read_json(model_dir / "train.json")
    network = load_folded(quantized) if quantized else None
    frames = features_of(probe_sound(), params.features)
    with atomic_path(out) as scratch:
        scratch.mkdir()
        graph = scratch / "model.onnx"
        write_graph(model, graph)
        parity = measure(graph, model, frames)
        if not parity.worst <= MAX_DIFFERENCE:  # NaN fails too
            raise ParityError(
                f"the exported model is {parity.worst:.2g} off PyTorch's, more than {MAX_DIFFERENCE:g} "
                f"({asdict(parity)}): the versions of torch and onnxruntime do not agree; install constraints.txt."
            )
        info = _describe(params, model) | {
            "warm_up_s": trained["warm_up_s"],
            "sha256": sha256_of(graph),
            "bytes": graph.stat().st_size,
            "parity": {k: v for k, v in asdict(parity).items() if k != "step_us"} | {"seconds": SECONDS},
        }
        info["files"] = _write_float(model, scratch, info["states"])
        if network is not None:
            info["files"] |= _write_int8(network, scratch)
            differences = measure_int8(scratch, info["files"], network, frames)
            info |= {"score_offset": network.offset, "parity_int8": differences}
            if (worst := max(differences.values())) > params.quantize.max_lsb:
                raise ParityError(
                    f"an int8 file is {worst}/256 off the quantized network, more than quantize.max_lsb = "
                    f"{params.quantize.max_lsb} ({differences}): do versions agree? Install constraints.txt."
                )
        write_json(scratch / "model.json", info)
    return info | {"step_us": parity.step_us}


def _write_float(model: StreamingModel, out: Path, states: list[dict[str, Any]]) -> dict[str, Any]:
    """Write clip.onnx; return {file: what it is} of it and model.onnx."""
    write_clip_graph(model, out / FLOAT_CLIP.file)
    return {form.file: describe_float(form, out, model.n_mels, states) for form in (FLOAT_STREAM, FLOAT_CLIP)}


def _write_int8(network: FoldedStudent, out: Path) -> dict[str, Any]:
    """Write the int8 files; return {file: what it is}."""
    integers, files = integers_of(network), {}
    for form in INT8_ONNX:
        write_qdq(integers, form.form, out / form.file)
        files[form.file] = describe_onnx(form, out, integers)
    for form in INT8_TFLITE:
        write_tflite(integers, form.form, out / form.file)
        files[form.file] = describe_tflite(form, out, integers)
    return files


def _describe(params: Params, model: StreamingModel) -> dict[str, Any]:
    states = [describe_state(number, state.numpy()) for number, state in enumerate(model.initial_state(1))]
    return {
        "format": FORMAT,
        "keyword": params.keyword.text,
        "model": params.model.name,
        "features": params.features.model_dump(),
        "n_mels": model.n_mels,
        "stride": model.stride,
        "receptive_field_frames": model.receptive_field,
        "states": states,
        "n_params": model.n_params,
        "macs_per_second": round(model.macs_per_second(params.features.hop_ms / 1000)),
        "opset": OPSET,
    }
