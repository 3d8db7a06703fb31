"""A quantized network in integers, which every int8 file is written from."""

from dataclasses import dataclass

import numpy as np

from kwstrain.models.ops import Graph
from kwstrain.quantization.arithmetic import Scales, whole
from kwstrain.quantization.network import FoldedStudent


@dataclass(frozen=True)
class IntegerConv:
    """weight int8 [out, in / groups, mels, frames]; scale float32 [out]; bias int32 [out], in source scale x scale."""

    weight: np.ndarray
    scale: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class IntegerNetwork:
    """A graph, the scale of every tensor, its convolutions by name, and what its memories hold at a stream's start.

    initial: by the memory's name, int8 [1, channels, mels, frames], all frames alike: what silence leaves.
    """

    graph: Graph
    scales: Scales
    convs: dict[str, IntegerConv]
    initial: dict[str, np.ndarray]


def integers_of(network: FoldedStudent) -> IntegerNetwork:
    """Return the integers of `network`, which has scales and is in evaluation mode."""
    assert network.scales is not None
    convs = {}
    for conv in network.graph.convs:
        source = network.scales[conv.source]
        weight, scale, bias = whole(network.weights[conv.name], network.biases[conv.name], source)
        integers = weight.numpy().astype(np.int8), scale.numpy(), bias.numpy().astype(np.int32)
        convs[conv.name] = IntegerConv(*integers)
    initial = {}
    for memory, steps in zip(network.graph.memories, network.initial_state(1), strict=True):
        initial[memory.name] = (steps.numpy() + network.scales[memory.source].zero).astype(np.int8)
    return IntegerNetwork(network.graph, dict(network.scales), convs, initial)
