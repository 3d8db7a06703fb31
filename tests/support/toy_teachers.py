"""Teachers whose answers are known: what tests plant."""

import json
from pathlib import Path

import numpy as np
from onnx import helper
from onnx_models import save

from kwstrain.teachers.listeners import TeacherOutput


class Clock:
    """Says in its log-odds how many samples it has heard, in units of a hop (80 ms)."""

    hears, identity, hop, window, dim = "wave", "clock", 1280, 2000, 2

    def __call__(self, heard: np.ndarray) -> TeacherOutput:
        count = max(0, (len(heard) - self.window) // self.hop + 1)
        end = (np.arange(count) * self.hop + self.window) / 16_000
        return TeacherOutput(end.astype(np.float32), np.stack([end, -end], axis=1).astype(np.float32))


class Forgetful:
    """Lacks most of what a teacher has."""

    hears = "wave"


def loudness_teacher(path: Path, output: str = "log_odds") -> Path:
    """Write an .onnx teacher on waves [batch, 1600]: 1000 (mean square - 0.001), each 80 ms."""
    save(
        path,
        [
            helper.make_node("Mul", ["wave", "wave"], ["square"]),
            helper.make_node("ReduceMean", ["square"], ["power"], axes=[1], keepdims=1),
            helper.make_node("Sub", ["power", "floor"], ["above"]),
            helper.make_node("Mul", ["above", "scale"], ["logit"]),
            *([helper.make_node("Sigmoid", ["logit"], ["out"])] if output == "probability" else []),
        ],
        {"wave": ["batch", 1600]},
        {"out" if output == "probability" else "logit": ["batch", 1]},
        floor=np.float32(0.001),
        scale=np.float32(1000),
    )
    contract = {"format": 1, "input": "wave", "window_samples": 1600, "hop_samples": 1280, "output": output}
    path.with_suffix(".json").write_text(json.dumps(contract))
    return path
