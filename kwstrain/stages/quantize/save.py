"""Write a quantized network: the counterpart of `kwstrain.quantization.store`."""

from pathlib import Path
from typing import Any

from kwsdata.files.atomic import write_json
from kwstrain.quantization.network import FoldedStudent
from kwstrain.quantization.store import INFO, WEIGHTS
from kwstrain.training.checkpoint import save_tensors


def save_folded(directory: Path, network: FoldedStudent, info: dict[str, Any]) -> dict[str, Any]:
    """Write `network`, which has scales, and what `info` says of it; return the contents of quantized.json."""
    assert network.scales is not None
    scales = {name: [scale.scale, scale.zero] for name, scale in network.scales.items()}
    info = info | {"format": 1, "graph": network.graph.as_json(), "scales": scales, "offset": network.offset}
    save_tensors(directory / WEIGHTS, network.state_dict())
    write_json(directory / INFO, info)
    return info
