"""A student as a float ONNX graph: streaming, with explicit state, or over a whole clip.

    stream in    features float32 [1, frames, n_mels], frames a multiple of the stride; state_0, state_1, ...
           out   score float32 [1, decisions], the keyword's probability; state_0_out, state_1_out, ...
    clip   in    features float32 [1, frames, n_mels], frames the receptive field or more
           out   score float32 [1, (frames - receptive field) // stride + 1]: decision i hears frames i stride to
                 i stride + receptive field - 1

Normalisation is folded into the convolutions where it follows one. The same weights give the same bytes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from kwstrain.models import StreamingModel

OPSET = 18


class Scorer(nn.Module):
    """What is exported: scores for features and state."""

    def __init__(self, model: StreamingModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return the score [1, decisions] and the new state."""
        logits, new_state = self.model(features, list(state))
        return self.model.score(logits), *new_state


class ClipScorer(nn.Module):
    """What is exported for whole clips: scores for features."""

    def __init__(self, model: StreamingModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor) -> Tensor:
        """Return the score [1, decisions]."""
        return self.model.score(self.model.window(features))


def state_names(model: StreamingModel) -> list[str]:
    """Return the names of the graph's state inputs, in the order of `model.initial_state`."""
    return [f"state_{number}" for number, _ in enumerate(model.initial_state(1))]


def write_graph(model: StreamingModel, path: Path) -> None:
    """Write `model`, in evaluation mode on the CPU, to `path`."""
    state = model.initial_state(1)
    names = state_names(model)
    decisions = torch.export.Dim("decisions", min=1)
    frames = decisions * model.stride if model.stride > 1 else decisions
    with quiet():
        program = torch.onnx.export(
            Scorer(model).eval(),
            (torch.zeros(1, 8 * model.stride, model.n_mels), *state),
            input_names=["features", *names],
            output_names=["score", *(f"{name}_out" for name in names)],
            dynamic_shapes=({1: frames}, tuple({} for _ in state)),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    _save(program, path)


def write_clip_graph(model: StreamingModel, path: Path) -> None:
    """Write `model`, in evaluation mode on the CPU, to `path`, for whole clips."""
    first = model.receptive_field - model.stride  # frames that one decision hears beside its own
    decisions = torch.export.Dim("decisions", min=1)
    frames = (decisions * model.stride if model.stride > 1 else decisions) + first
    with quiet():
        program = torch.onnx.export(
            ClipScorer(model).eval(),
            (torch.zeros(1, first + 8 * model.stride, model.n_mels),),
            input_names=["features"],
            output_names=["score"],
            dynamic_shapes=({1: frames},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    _save(program, path)


def _save(program: torch.onnx.ONNXProgram | None, path: Path) -> None:
    assert program is not None  # it is None only when the exporter writes the file itself
    onnx.save(tidy(program.model_proto, {"features": (1, "frames"), "score": (1, "decisions")}), str(path))


def tidy(graph: onnx.ModelProto, free_axes: dict[str, tuple[int, str]]) -> onnx.ModelProto:
    """Name the free axes, {input or output: (axis, name)}; drop the exporter's notes: they name its paths."""
    del graph.metadata_props[:]
    for owner in (graph.graph, *graph.graph.node, *graph.graph.input, *graph.graph.output, *graph.graph.value_info):
        del owner.metadata_props[:]
        owner.doc_string = ""
    del graph.graph.value_info[:]  # shapes between nodes, under the exporter's own names for the free axes
    graph.graph.name = "kwstrain"
    for value in (*graph.graph.input, *graph.graph.output):
        if value.name in free_axes:
            axis, name = free_axes[value.name]
            value.type.tensor_type.shape.dim[axis].dim_param = name
    onnx.checker.check_model(graph, full_check=True)
    return graph


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter's remarks about packages it would also know."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
