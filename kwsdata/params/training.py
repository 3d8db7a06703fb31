"""Blocks of the training stage, the decoder, evaluation and the report."""

from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from kwsdata.params.base import Block


class ModelParams(Block):
    """The student: causal depthwise-separable temporal convolutions."""

    name: Literal["dstcn"]
    channels: int = Field(ge=8)
    stem_kernel: int = Field(ge=1)
    stride: int = Field(ge=1)  # feature frames a decision
    kernels: list[int] = Field(min_length=1)  # one depthwise kernel a residual block
    dropout: float = Field(ge=0, lt=1)


class LossParams(Block):
    """The training loss. `alpha`: weight of the keyword class in [0, 1], or null for none."""

    name: Literal["ce", "focal"]
    gamma: float = Field(ge=0)
    alpha: float | None = Field(ge=0, le=1)
    label_smoothing: float = Field(ge=0, lt=1)


class FractionsParams(Block):
    """Shares of each kind of clip in a training batch; they sum to 1."""

    keyword: float = Field(ge=0, le=1)
    confusable: float = Field(ge=0, le=1)
    speech: float = Field(ge=0, le=1)
    noise: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.keyword + self.confusable + self.speech + self.noise
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares sum to {total:g}, must be 1")
        return self


class TrainParams(Block):
    """Optimisation, and when to stop."""

    seed: int
    steps: int = Field(ge=1)
    eval_every: int = Field(ge=1)  # steps between measurements on dev
    patience: int = Field(ge=1)  # measurements without improvement before stopping
    batch_size: int = Field(ge=1)
    decisions: int = Field(ge=1)  # consecutive decisions trained in one window
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    fractions: FractionsParams
    time_masks: int = Field(ge=0)
    time_mask_frames: int = Field(ge=0)
    mel_masks: int = Field(ge=0)
    mel_mask_bins: int = Field(ge=0)
    accelerator: str  # lightning-fabric's: auto, cpu, cuda
    devices: int = Field(ge=1)
    precision: str  # lightning-fabric's: 32-true, bf16-mixed
    threads: int = Field(ge=1)


class StreamingParams(Block):
    """The decoder that ships: fire when `n` of the last `m` scores reach the threshold, then stay silent."""

    n: int = Field(ge=1)
    m: int = Field(ge=1)
    lockout_s: float = Field(ge=0)

    @model_validator(mode="after")
    def _n_at_most_m(self) -> Self:
        if self.n > self.m:
            raise ValueError(f"n = {self.n} is above m = {self.m}")
        return self


class EvaluateParams(Block):
    """The operating point: the lowest FNR with at most `max_fah` false alarms an hour on dev."""

    max_fah: float = Field(gt=0)
    tolerance_s: float = Field(ge=0)  # a detection this long after an event's end is still a hit
    chunk_s: float = Field(gt=0)  # audio read at a time


class ReportParams(Block):
    """The page."""

    examples: int = Field(ge=0)  # playable examples of each kind
