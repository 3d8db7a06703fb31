"""A folded network as a PyTorch student, trained with fake quantization and measured in integers."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from kwstrain.models import State, StreamingModel
from kwstrain.models.folding import Weights
from kwstrain.models.ops import FEATURES, Add, Conv, Graph, Mul, Remember
from kwstrain.quantization.arithmetic import Arithmetic, Fake, Float, Integer, Scales
from kwstrain.quantization.scales import HIGH, LOW, SCORE

Watch: TypeAlias = Callable[[str, Tensor], None]


class FoldedStudent(StreamingModel):
    """A student made of `Graph`'s operations.

    scales: of every tensor, those of memories too; None computes in float.
    offset: what was taken from the log-odds (see `shift_log_odds`); in training they are given with it.
    watch: if set, called with the name and the real value [B, channels, mels, frames] of every tensor as it is made.
    """

    classes = 2

    def __init__(self, graph: Graph, weights: Weights, scales: Scales | None = None, offset: float = 0.0) -> None:
        super().__init__(np.asarray(graph.silence, np.float32))
        self.graph, self.scales, self.offset = graph, scales, offset
        self.stride, self.receptive_field = graph.stride, graph.receptive_field
        self.watch: Watch | None = None
        self.weights, self.biases = nn.ParameterDict(), nn.ParameterDict()
        for conv in graph.convs:
            weight, bias = weights[conv.name]
            self.weights[conv.name] = nn.Parameter(weight.clone(), requires_grad=conv.learned)
            self.biases[conv.name] = nn.Parameter(bias.clone(), requires_grad=conv.learned)

    @property
    def arithmetic(self) -> Arithmetic:
        """Float without scales; with them fake quantization in training, else integers."""
        if self.scales is None:
            return Float()
        return Fake(self.graph, self.scales) if self.training else Integer(self.scales)

    @property
    def n_params(self) -> int:
        """Return how many numbers are learned."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    def macs_per_second(self, hop_s: float) -> float:
        """Return multiply-accumulates a second of sound when frames come every `hop_s` s."""
        return self.graph.macs / (hop_s * self.stride)

    def empty_state(self, batch: int) -> State:
        """Return zeros, [batch, channels, mels, frames] a memory; in integers they stand for 0 too."""
        shapes = self.graph.shapes
        return [self.silence.new_zeros(batch, *shapes[memory.name], memory.frames) for memory in self.graph.memories]

    def initial_state(self, batch: int) -> State:
        """Return what silence leaves; see `StreamingModel.initial_state`. `watch` is not called."""
        watch, self.watch = self.watch, None
        try:
            return super().initial_state(batch)
        finally:
            self.watch = watch

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Continue a stream; see `StreamingModel.forward`. The first of the two logits is always 0."""
        new_state: State = []
        past = iter(self.initial_state(x.shape[0]) if state is None else state)
        return self._run(x, past, new_state), new_state

    def window(self, x: Tensor) -> Tensor:
        """Return the logits of decisions that x covers; see `StreamingModel.window`."""
        # Dropped so that the last frame of x is the last frame of the last decision.
        return self._run(x[:, (x.shape[1] - self.receptive_field) % self.stride :], None, [])

    def score(self, logits: Tensor) -> Tensor:
        """Return the keyword's probability [B, decisions], a multiple of 1/256 where scales are set."""
        score = torch.sigmoid(logits[..., 1].float() - logits[..., 0].float())
        if self.scales is None:
            return score
        return torch.clamp(torch.round(score / SCORE.scale), 0, HIGH - LOW) * SCORE.scale

    def _run(self, x: Tensor, past: Iterator[Tensor] | None, new_state: State) -> Tensor:
        """Return logits [B, decisions, 2] of x [B, T, n_mels]; without `past` over a clip, else continuing a stream."""
        compute = self.arithmetic
        x = x.permute(0, 2, 1)
        values: dict[str, Tensor] = {}

        def made(name: str, value: Tensor) -> None:
            values[name] = value
            if self.watch is not None:
                self.watch(name, compute.real(name, value))

        made(FEATURES, compute.given(FEATURES, x.unsqueeze(2) if self.graph.mels_as_channels else x.unsqueeze(1)))
        for op in self.graph.ops[:-1]:
            source = values[op.source]
            if isinstance(op, Remember):
                if past is not None:
                    source = torch.cat([next(past).to(source), source], dim=-1)
                    new_state.append(source[..., source.shape[-1] - op.frames :])
                values[op.name] = source
            elif isinstance(op, Conv):
                made(op.name, compute.conv(op, source, self.weights[op.name], self.biases[op.name]))
            elif isinstance(op, Add):
                other = values[op.other] if past is not None else values[op.other][..., op.late :]
                made(op.name, compute.add(op, source, other))
            elif isinstance(op, Mul):
                made(op.name, compute.mul(op, source, values[op.other]))
        keyword = compute.real(self.graph.logit, values[self.graph.logit])[:, 0, 0, :]
        keyword = keyword + self.offset if self.training else keyword
        return torch.stack([torch.zeros_like(keyword), keyword], dim=-1)


def shift_log_odds(graph: Graph, weights: Weights, offset: float) -> Weights:
    """Return `weights` with `offset` taken from the log-odds: the score is 1/2 where the log-odds were `offset`.

    A score of 8 bits tells probabilities near 1 badly apart, and that is where the threshold of a wake word lies. The
    shift puts it in the middle, where the log-odds have steps of 1/16; no order of scores changes.
    """
    weight, bias = weights[graph.logit]
    return weights | {graph.logit: (weight, bias - offset)}
