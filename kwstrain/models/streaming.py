"""The interface of students: one forward pass, with its state given and returned.

    forward(x [B, T, n_mels], state) -> logits [B, T / stride, classes], new state      T a multiple of stride

Decision d (from 0) has seen the frames up to (d + 1) stride - 1 and none later. Sound may come in any chunks: the
logits do not depend on where it was cut, beyond float rounding. Class 1 is the keyword: its softmax is the score.

A stream starts as if silence had been heard for ever: its first state is the one that `receptive_field` or more frames
of `silence` leave. So what `forward` gives at a start is what `window` gives with frames of silence before the sound.
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from kwstrain.models.folding import Weights
from kwstrain.models.ops import Graph

State = list[Tensor]  # each [batch, ..., frames]


class StreamingModel(nn.Module, ABC):
    """A causal classifier of feature frames with explicit state."""

    n_mels: int
    stride: int  # frames a decision
    classes: int
    receptive_field: int  # frames a decision depends on, the last included
    last_layer = "head"  # the name of the module that gives the logits; all before it is the trunk
    silence: Tensor  # [n_mels]: the front end's frame of digital silence; kept with the weights

    def __init__(self, silence: np.ndarray) -> None:
        """Take `silence` [n_mels], the front end's frame of digital silence."""
        super().__init__()
        self.n_mels = len(silence)
        self.register_buffer("silence", torch.tensor(silence, dtype=torch.float32))

    @abstractmethod
    def empty_state(self, batch: int) -> State:
        """Return zeros in the shapes of a state, each [batch, ..., frames]: what no sound leaves."""

    @torch.no_grad()
    def initial_state(self, batch: int) -> State:
        """Return the memory at a stream's start, that of silence: each [batch, ..., frames], all its frames alike.

        In evaluation mode; training works on windows, which have no state.
        """
        frames = -(-self.receptive_field // self.stride) * self.stride
        _, state = self.forward(self.silence.expand(1, frames, self.n_mels), self.empty_state(1))
        return [memory[..., -1:].repeat(batch, *[1] * (memory.ndim - 2), memory.shape[-1]) for memory in state]

    @abstractmethod
    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Continue a stream.

        Args:
            x: float32 [B, T, n_mels], T a multiple of `stride`.
            state: what the call before returned; None at a stream's start.

        Returns:
            Logits [B, T / stride, classes], and the state to give with the next frames.
        """

    @abstractmethod
    def window(self, x: Tensor) -> Tensor:
        """Return the logits of those decisions whose whole receptive field lies in x [B, T, n_mels].

        That is [B, (T - receptive_field) / stride + 1, classes], rounded down: what `forward` gives for the last of
        them, without the work on frames before. Training uses it.
        """

    @abstractmethod
    def macs_per_second(self, hop_s: float) -> float:
        """Return multiply-accumulates a second of sound when frames come every `hop_s` s, normalisation folded."""

    def fold(self) -> tuple[Graph, Weights]:
        """Return the network, in evaluation mode, as operations and their weights: what is quantized and exported.

        Raises:
            TypeError: its family has no folded form, as a teacher needs none.
        """
        raise TypeError(f"{type(self).__name__} has no folded form: give it a method `fold`.")

    @property
    def n_params(self) -> int:
        """Return how many numbers are learned."""
        return sum(parameter.numel() for parameter in self.parameters())

    def decision_end(self, decision: int) -> int:
        """Return the last frame that decision number `decision` has seen."""
        return (decision + 1) * self.stride - 1

    def score(self, logits: Tensor) -> Tensor:
        """Return the keyword's probability [B, decisions] of logits [B, decisions, classes]."""
        return torch.softmax(logits.float(), dim=-1)[..., 1]


def without_first(h: Tensor, count: int) -> Tensor:
    """Return h[..., count:] of h [B, channels, mels, T]. Cut along axis 2 of a view [B, mels, T, channels].

    Else the slope of the cut would be laid out channels first, and every step back from there would run at half speed.
    """
    return h.permute(0, 2, 3, 1)[:, :, count:].permute(0, 3, 1, 2)
