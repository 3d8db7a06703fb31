"""Blocks of the teacher, of its soft labels, and of what the student makes of them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from kwsdata.params.base import Block
from kwsdata.params.training import StreamingParams, TrainParams


class HeadParams(Block):
    """A multi-layer perceptron over a window of speech embeddings."""

    window: int = Field(ge=1)  # embeddings, 80 ms each
    hidden: list[int] = Field(min_length=1)  # width of each layer; the last is the teacher's embedding
    dropout: float = Field(ge=0, lt=1)


class ConformerParams(Block):
    """A small Conformer over a window of feature frames."""

    window: int = Field(ge=2)  # feature frames that a decision hears
    stride: int = Field(ge=1)  # feature frames a decision
    subsample: int = Field(ge=1)  # feature frames a step of the network
    dim: int = Field(ge=4)
    heads: int = Field(ge=1)
    ffn_dim: int = Field(ge=4)
    layers: int = Field(ge=1)
    kernel: int = Field(ge=3)  # steps, odd
    dropout: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.window % self.subsample or self.window <= self.stride:
            raise ValueError(f"window = {self.window} must be a multiple of subsample = {self.subsample}, above stride")
        if self.dim % self.heads or self.kernel % 2 == 0:
            raise ValueError(f"dim = {self.dim} must be a multiple of heads = {self.heads}, kernel = {self.kernel} odd")
        return self


class TeacherParams(Block):
    """The large model that the student learns from. `name: null`: none, and nothing is spent on it.

    path: of `own`: an .onnx file with its contract beside it, or `module:function`, which returns a teacher. Only code
        that is named here is run: what a fetched teacher names is not.
    alarms_per_clip: at most so many places of each negative of train at which a first teacher's log-odds of the
        keyword are `min_log_odds` or more are the mined windows of the teacher that is kept; 0: the first one is.
    streaming: how the teacher's decisions are voted on when it is chosen on dev.
    train: as the block `train`; its frames are the teacher's (80 ms each for `speech_embedding`).
    """

    name: Literal["speech_embedding", "conformer", "own"] | None
    path: str | None
    speech_embedding: HeadParams
    conformer: ConformerParams
    alarms_per_clip: int = Field(ge=0)
    min_log_odds: float
    streaming: StreamingParams
    train: TrainParams

    @model_validator(mode="after")
    def _own_has_a_path(self) -> Self:
        if (self.name == "own") != (self.path is not None):
            raise ValueError(f"name = {self.name} with path = {self.path}: `own` needs a path, and only it")
        if self.path is not None and not (self.path.endswith(".onnx") or ":" in self.path):
            raise ValueError(f"path = {self.path}: give an .onnx file, or module:function")
        return self


class TeachParams(Block):
    """Which clips the teacher alone labels, and what is kept of its answers."""

    unlabelled: list[str]  # corpora whose clips have no label but the teacher's
    embedding: bool  # keep the layer before the last too, for `distill.feature_weight`
    early: float = Field(ge=0, le=1)  # weight of the answer to a copy's early target, where it has one, in its answer


class DistillParams(Block):
    """The student's loss: (1 - alpha) hard + alpha T^2 KL(teacher_T || student_T) + feature_weight (1 - cosine)."""

    alpha: float = Field(ge=0, le=1)
    temperature: float = Field(gt=0)
    feature_weight: float = Field(ge=0)
    lookahead_ms: float = Field(ge=0)  # the teacher has heard this much more than the student
