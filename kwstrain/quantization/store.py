"""A folded network on disk: `quantized.pt`, its weights, and `quantized.json`, its graph and scales."""

from pathlib import Path

import torch

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_json
from kwstrain.models.ops import from_json
from kwstrain.quantization.network import FoldedStudent
from kwstrain.quantization.scales import Scale

WEIGHTS, INFO = "quantized.pt", "quantized.json"


def load_folded(directory: Path) -> FoldedStudent:
    """Return the network in `directory`, in evaluation mode.

    Raises:
        StageInputError: a file is missing or damaged.
    """
    info = read_json(directory / INFO)
    try:
        graph = from_json(info["graph"])
        weights = torch.load(directory / WEIGHTS, map_location="cpu", weights_only=True)
        names = [conv.name for conv in graph.convs]
        pairs = {name: (weights[f"weights.{name}"], weights[f"biases.{name}"]) for name in names}
        scales = {name: Scale(float(scale), int(zero)) for name, (scale, zero) in info["scales"].items()}
    except Exception as error:  # torch raises pickle, zip and runtime errors without a common base class
        raise StageInputError(f"{directory} cannot be read ({error!r}): remake it with `dvc repro quantize`.") from None
    return FoldedStudent(graph, pairs, scales, float(info["offset"])).eval()
