"""Export a trained teacher as ONNX: its score, and its layer before the last as an embedder for `kwsdata embed`."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from kwsdata.draws import rng_for
from kwsdata.errors import KwsError
from kwsdata.files.atomic import write_json
from kwsdata.params import FeaturesParams
from kwsdata.runtime.embedders.google_speech import GoogleSpeech
from kwsdata.runtime.front_ends import make_frontend
from kwstrain.models.onnx_graph import OPSET, quiet, tidy
from kwstrain.stages.train_teacher.openwakeword import tflite_difference, write_tflite
from kwstrain.teachers import WindowedTeacher
from kwstrain.teachers.speech_embedding import SpeechEmbedding
from kwstrain.teachers.weights import load_teacher

MAX_DIFFERENCE = 1e-4  # of a score, and of an embedding as a share of its greatest value
PROBES = 64  # windows compared


class TeacherParityError(KwsError):
    """An exported file does not compute what the trained teacher computes."""


class Score(nn.Module):
    """The keyword's probability [N, 1] of windows [N, frames, n_mels]."""

    def __init__(self, model: WindowedTeacher) -> None:
        super().__init__()
        self.model = model

    def forward(self, windows: Tensor) -> Tensor:
        """Return the score."""
        return self.model.score(self.model.window(windows))


class Embedding(Score):
    """The layer before the last [N, dim] of windows [N, frames, n_mels]."""

    def forward(self, windows: Tensor) -> Tensor:
        """Return the embedding."""
        return self.model.window_embeddings(windows)[:, 0]


def write_graphs(directory: Path, info: dict[str, Any], features: FeaturesParams) -> dict[str, Any]:
    """Write teacher.onnx, embedder.onnx and embedder.json beside the weights; return what to say of them.

    A teacher over the speech embedding also becomes teacher.tflite.

    Raises:
        TeacherParityError: a file is further than `MAX_DIFFERENCE` from PyTorch.
    """
    model = load_teacher(directory, info)
    shape = (model.receptive_field, model.n_mels)
    probes = rng_for(0, "teacher parity").normal(0, 3, (PROBES, *shape)).astype(np.float32)
    worst = max(
        _write(graph, directory / name, probes)
        for name, graph in (("teacher.onnx", Score(model)), ("embedder.onnx", Embedding(model)))
    )
    if isinstance(model, SpeechEmbedding):
        write_tflite(model, directory / "teacher.tflite")
        worst = max(worst, _checked("teacher.tflite", tflite_difference(model, directory / "teacher.tflite", probes)))
    write_json(directory / "embedder.json", _contract(model, features))
    return {"onnx_opset": OPSET, "max_abs_difference": worst}


def _contract(model: WindowedTeacher, features: FeaturesParams) -> dict[str, Any]:
    """Return the contract of `kwsdata.runtime.embedders.onnx_file`."""
    if model.hears == "features":
        frontend = make_frontend(features)
        frame_hop, frame_window = frontend.hop, frontend.window
        heard: dict[str, Any] = {"input": "features", "features": features.model_dump()}
    else:
        frame_hop, frame_window = GoogleSpeech.hop, GoogleSpeech.window
        heard = {"input": GoogleSpeech.name}
    window = (model.receptive_field - 1) * frame_hop + frame_window
    return {"format": 1, **heard, "window_samples": window, "hop_samples": model.stride * frame_hop}


def _write(graph: nn.Module, path: Path, probes: np.ndarray) -> float:
    """Write `graph` over any number of windows; return its greatest difference from PyTorch on `probes`."""
    graph.eval()
    with quiet():
        program = torch.onnx.export(
            graph,
            (torch.from_numpy(probes[:2]),),
            input_names=["frames"],
            output_names=["out"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    onnx.save(tidy(program.model_proto, {"frames": (0, "batch"), "out": (0, "batch")}), str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = graph(torch.from_numpy(probes)).numpy()
    found = session.run(None, {"frames": probes})[0]
    one = session.run(None, {"frames": probes[:1]})[0]
    scale = max(1.0, float(np.abs(expected).max()))
    worst = max(float(np.abs(found - expected).max()), float(np.abs(one - expected[:1]).max())) / scale
    return _checked(path.name, worst)


def _checked(name: str, difference: float) -> float:
    if not difference <= MAX_DIFFERENCE:  # NaN fails too
        raise TeacherParityError(
            f"{name} is {difference:.2g} off PyTorch's, more than {MAX_DIFFERENCE:g}: the versions of torch and of "
            "what runs the file do not agree; install constraints.txt."
        )
    return difference
