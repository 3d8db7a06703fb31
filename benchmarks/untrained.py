"""Export a student that was not trained: what other shapes take in bytes, time and instructions depends on no weight.

    python benchmarks/untrained.py /tmp/shape model.dstcn.channels=48 'model.dstcn.kernels=[5, 9, 13, 17]'
    python benchmarks/runtime.py --export /tmp/shape

The arguments after the directory change params.yaml. The front end is `micro`, as with the models it is compared with.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from kwsdata.files.atomic import write_json
from kwsdata.params import Params, load_params
from kwsdata.runtime.front_ends import features_of, make_frontend
from kwstrain.models import build_model
from kwstrain.models.weights import FILE
from kwstrain.quantization.network import FoldedStudent
from kwstrain.quantization.scales import scales_of
from kwstrain.stages.export.parity import probe_sound
from kwstrain.stages.export.stage import run
from kwstrain.stages.quantize.calibration import CalibrationSet, ranges_of
from kwstrain.stages.quantize.stage import save_folded
from kwstrain.training.checkpoint import save_tensors

MICRO = {"features.frontend": "micro", "features.window_ms": 30}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("out", type=Path)
    options.add_argument("changes", nargs="*", metavar="block.key=value")
    asked = options.parse_args()
    changes = dict(change.split("=", 1) for change in asked.changes)
    made = export_untrained(changed({key: yaml.safe_load(value) for key, value in changes.items()}), asked.out)
    for name, about in made["files"].items():
        print(f"{name:18} {about['bytes'] / 1000:7.1f} KB")


def changed(changes: dict[str, Any]) -> Params:
    """Return params.yaml with `changes`, by "block.key"."""
    values = load_params(Path("params.yaml")).model_dump(by_alias=True)
    for path, value in (MICRO | changes).items():
        *parents, last = path.split(".")
        block = values
        for parent in parents:
            block = block[parent]
        block[last] = value
    return Params.model_validate(values)


def export_untrained(params: Params, out: Path) -> dict[str, Any]:
    """Write every exported file of an untrained student to `out`; return model.json."""
    frames = features_of(probe_sound(20), params.features)
    torch.manual_seed(0)
    student = build_model(params.model, make_frontend(params.features).silence)
    length = student.receptive_field
    windows = np.stack([frames[at : at + length] for at in range(0, len(frames) - length, length)])
    student.train()
    with torch.no_grad():
        for _ in range(30):
            student.window(torch.from_numpy(windows))  # so that its normalisation is of what it hears
    student.eval()
    graph, weights = student.fold()
    ranges = ranges_of(
        FoldedStudent(graph, weights).eval(),
        CalibrationSet(windows, [], ""),
        params.quantize.calibration,
        params.features,
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_tensors(folder / FILE, student.state_dict())
        write_json(folder / "train.json", {"warm_up_s": 0.0})
        save_folded(folder, FoldedStudent(graph, weights, scales_of(graph, ranges)), {})
        return run(params, folder, out, folder)


if __name__ == "__main__":
    main()
