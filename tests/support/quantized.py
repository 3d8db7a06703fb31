"""Quantized students without training: scales from what given frames make of a model."""

import numpy as np
import torch
from torch import nn

from kwstrain.models import StreamingModel
from kwstrain.quantization.network import FoldedStudent
from kwstrain.quantization.scales import scales_of
from kwstrain.stages.quantize.calibration import LOGIT_RANGE
from kwstrain.stages.quantize.observers import Histogram


def quantize_student(model: StreamingModel, frames: np.ndarray, offset: float = 0.0) -> FoldedStudent:
    """Return `model` quantized, with every scale as wide as `frames` [frames, n_mels] need."""
    graph, weights = model.fold()
    network = FoldedStudent(graph, weights, offset=offset).eval()
    seen: dict[str, Histogram] = {}
    network.watch = lambda name, value: seen.setdefault(name, Histogram()).widen(value)
    with torch.no_grad():
        network(torch.from_numpy(frames[: len(frames) // graph.stride * graph.stride])[None])
    network.watch = None
    ranges = {name: (values.low, values.high) for name, values in seen.items()} | {graph.logit: LOGIT_RANGE}
    ranges |= {conv.name: (0.0, 1.0) for conv in graph.convs if conv.clamp == (0.0, 1.0)}
    network.scales = scales_of(graph, ranges)
    return network


def heard(model: StreamingModel, frames: np.ndarray, seed: int) -> StreamingModel:
    """Return `model` as if trained: normalisation of `frames` [frames, n_mels], slopes drawn, log-odds that spread."""
    length = 200
    cut = torch.from_numpy(frames[: len(frames) // length * length].reshape(-1, length, model.n_mels))
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(seed)
        model.train()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d) and module.affine:
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.3)
        for _ in range(30):
            model.window(cut)
        model.eval()
        logits = model.window(cut)
        spread, middle = (logits[..., 1] - logits[..., 0]).std(), (logits[..., 1] - logits[..., 0]).mean()
        last = [module for module in model.modules() if isinstance(module, nn.Conv2d)][-1]
        assert last.bias is not None and spread > 0
        last.weight.mul_(3 / spread)
        last.bias.mul_(3 / spread)
        last.bias[1] -= 3 * middle / spread
    return model
