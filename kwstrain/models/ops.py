"""The operations that every student folds to, and the graph they make.

    Conv       y = clamp(w * x + b): convolution over mels and frames, each channel apart where `depthwise`
    Remember   y = the last `frames` frames of x before these, then x
    Add        y = x + other
    Mul        y = x * other, `other` being one number a channel and frame
    Sigmoid    y = 1 / (1 + exp(-x)): the score

All else is a convolution: batch normalisation folds into one, a mean is one whose weights are all 1 / n, and

    hard_sigmoid(v) = clamp(v / 6 + 1 / 2, 0, 1)      hard_swish(v) = v * hard_sigmoid(v)

A tensor is named by the operation that makes it, the input is `FEATURES`. It has channels, mels and frames; `Graph`
knows the first two. In a stream `Remember` holds state, at first that of silence. Over a clip it does nothing:
convolutions make fewer frames than they take, and `Add` drops the first `late` frames of its other operand.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

FEATURES = "features"

Clamp: TypeAlias = tuple[float | None, float | None]
NO_CLAMP: Clamp = (None, None)
RELU: Clamp = (0.0, None)
HARD_SIGMOID: Clamp = (0.0, 1.0)


@dataclass(frozen=True)
class Conv:
    """See the module's text. `kernel` and `stride` are (mels, frames), `pad` zeros at either end of the mels."""

    name: str
    source: str
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    pad: int = 0
    depthwise: bool = False
    clamp: Clamp = NO_CLAMP
    learned: bool = True  # False: its weights say what it is (a mean, a factor), and training leaves them


@dataclass(frozen=True)
class Remember:
    """See the module's text."""

    name: str
    source: str
    frames: int


@dataclass(frozen=True)
class Add:
    """See the module's text."""

    name: str
    source: str
    other: str
    late: int


@dataclass(frozen=True)
class Mul:
    """See the module's text."""

    name: str
    source: str
    other: str


@dataclass(frozen=True)
class Sigmoid:
    """See the module's text. Its source is the log-odds of the keyword, one channel and one mel."""

    name: str
    source: str


Op: TypeAlias = Conv | Remember | Add | Mul | Sigmoid
KINDS: dict[str, type] = {kind.__name__: kind for kind in (Conv, Remember, Add, Mul, Sigmoid)}


@dataclass(frozen=True)
class Graph:
    """Operations in the order they run; the last is the `Sigmoid`.

    Features [frames, n_mels] enter as one channel of n_mels mels, or, with `mels_as_channels`, as n_mels channels.
    """

    silence: tuple[float, ...]  # [n_mels]: the front end's frame of digital silence
    mels_as_channels: bool
    stride: int  # frames a decision
    receptive_field: int  # frames a decision depends on
    ops: tuple[Op, ...]

    @property
    def n_mels(self) -> int:
        """Numbers in a frame."""
        return len(self.silence)

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Channels and mels of every tensor."""
        shapes = {FEATURES: (self.n_mels, 1) if self.mels_as_channels else (1, self.n_mels)}
        for op in self.ops:
            channels, mels = shapes[op.source]
            if isinstance(op, Conv):
                channels, mels = op.channels, (mels + 2 * op.pad - op.kernel[0]) // op.stride[0] + 1
            shapes[op.name] = channels, mels
        return shapes

    @property
    def convs(self) -> list[Conv]:
        """The convolutions, in order."""
        return [op for op in self.ops if isinstance(op, Conv)]

    @property
    def memories(self) -> list[Remember]:
        """What a stream's state holds, in order."""
        return [op for op in self.ops if isinstance(op, Remember)]

    @property
    def logit(self) -> str:
        """The tensor that the score is the sigmoid of."""
        return self.ops[-1].source

    def weight_shape(self, conv: Conv) -> tuple[int, int, int, int]:
        """Return the shape of the weights of `conv`: out, in (1 where depthwise), mels, frames."""
        return conv.channels, 1 if conv.depthwise else self.shapes[conv.source][0], *conv.kernel

    @property
    def macs(self) -> int:
        """Multiply-accumulates a decision, in convolutions."""
        total = 0
        for conv in self.convs:
            out, into, mels, frames = self.weight_shape(conv)
            total += out * into * mels * frames * self.shapes[conv.name][1]
        return total

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        ops = [{"kind": type(op).__name__} | asdict(op) for op in self.ops]
        own = ("silence", "mels_as_channels", "stride", "receptive_field")
        return {name: getattr(self, name) for name in own} | {"ops": ops}


def from_json(value: dict[str, Any]) -> Graph:
    """Return the graph that `Graph.as_json` described."""
    return Graph(**{**value, "silence": tuple(value["silence"]), "ops": tuple(_ops(value["ops"]))})


def _ops(rows: Iterable[dict[str, Any]]) -> Iterable[Op]:
    for row in rows:
        fields = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items() if name != "kind"}
        yield KINDS[row["kind"]](**fields)
