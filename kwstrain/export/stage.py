"""Write the trained student as streaming ONNX, checked against PyTorch.

Writes to `out`:
    model.onnx    see `graph` for its inputs and outputs
    model.json    all that a program needs to run it: front end, stride, states; its costs; the proof of parity
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from kwsdata.errors import KwsError
from kwsdata.features import features_of, make_frontend
from kwsdata.files import atomic_path, sha256_of, write_json
from kwsdata.params import Params
from kwstrain.export.graph import OPSET, state_names, write_graph
from kwstrain.export.parity import SECONDS, measure, probe_sound
from kwstrain.models import StreamingModel
from kwstrain.models.weights import load_student

FORMAT = 1  # of model.json
MAX_DIFFERENCE = 1e-4  # of a score, and of a state as a share of its greatest value


class ParityError(KwsError):
    """The exported file does not compute what the trained model computes."""


def run(
    params: Params,
    model_dir: Path = Path("data/models/student"),
    out: Path = Path("data/models/export"),
) -> dict[str, Any]:
    """Export `model_dir`/student.pt to `out`; return model.json.

    Raises:
        StageInputError: the student is missing, damaged, or of another architecture than params.yaml's.
        ParityError: a score or state of the exported file is further than `MAX_DIFFERENCE` from PyTorch's.
    """
    model = load_student(model_dir, params.model, make_frontend(params.features).n_mels)
    with atomic_path(out) as scratch:
        scratch.mkdir()
        graph = scratch / "model.onnx"
        write_graph(model, graph)
        parity = measure(graph, model, features_of(probe_sound(), params.features))
        if not parity.worst <= MAX_DIFFERENCE:  # NaN fails too
            raise ParityError(
                f"the exported model is {parity.worst:.2g} off PyTorch's, more than {MAX_DIFFERENCE:g} "
                f"({asdict(parity)}): the versions of torch and onnxruntime do not agree; install constraints.txt."
            )
        info = _describe(params, model) | {
            "sha256": sha256_of(graph),
            "bytes": graph.stat().st_size,
            "parity": {k: v for k, v in asdict(parity).items() if k != "step_us"} | {"seconds": SECONDS},
        }
        write_json(scratch / "model.json", info)
    return info | {"step_us": parity.step_us}


def _describe(params: Params, model: StreamingModel) -> dict[str, Any]:
    shapes = [list(tensor.shape) for tensor in model.initial_state(1)]
    return {
        "format": FORMAT,
        "keyword": params.keyword.text,
        "model": params.model.name,
        "features": params.features.model_dump(),
        "n_mels": model.n_mels,
        "stride": model.stride,
        "receptive_field_frames": model.receptive_field,
        "states": [{"name": n, "shape": shape} for n, shape in zip(state_names(model), shapes, strict=True)],
        "n_params": model.n_params,
        "macs_per_second": round(model.macs_per_second(params.features.hop_ms / 1000)),
        "opset": OPSET,
    }
