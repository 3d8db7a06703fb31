"""Blocks of the training stage, the decoder, evaluation and the report."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from kwsdata.params.base import Block


class DsTcnParams(Block):
    """Causal depthwise-separable temporal convolutions."""

    channels: int = Field(ge=8)
    stem_kernel: int = Field(ge=2)  # feature frames
    stride: int = Field(ge=1)  # feature frames a decision
    kernels: list[int] = Field(min_length=1)  # one depthwise kernel a residual block, in decisions
    dropout: float = Field(ge=0, lt=1)  # of whole channels, in each block

    @model_validator(mode="after")
    def _has_memory(self) -> Self:
        if self.stem_kernel <= self.stride:
            raise ValueError(f"stem_kernel = {self.stem_kernel} must be above stride = {self.stride}")
        if min(self.kernels) < 2:
            raise ValueError(f"kernels = {self.kernels}: each must be 2 or more")
        return self


class InvertedResidualParams(Block):
    """One block of a MobileNetV3, a row of its paper's tables."""

    kernel: Literal[3, 5]  # mels x decisions, depthwise
    expand: int = Field(ge=1)  # channels in between
    channels: int = Field(ge=1)  # channels out
    squeeze: bool  # squeeze and excite
    activation: Literal["relu", "hard_swish"]
    mel_stride: Literal[1, 2]


class MobileNetV3Params(Block):
    """Inverted residuals over mels and frames."""

    stem_channels: int = Field(ge=1)
    stem_kernel: int = Field(ge=2)  # feature frames (by 3 mels)
    stride: int = Field(ge=1)  # feature frames a decision
    blocks: list[InvertedResidualParams] = Field(min_length=1)
    pool: int = Field(ge=1)  # decisions the last features are averaged over
    head_channels: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)  # of the head's channels

    @model_validator(mode="after")
    def _has_memory(self) -> Self:
        if self.stem_kernel < self.stride:
            raise ValueError(f"stem_kernel = {self.stem_kernel} must be stride = {self.stride} or more")
        return self


class ModelParams(Block):
    """The student: which family, and each family's shape, so that changing `name` alone trains another."""

    name: Literal["dstcn", "mobilenetv3"]
    dstcn: DsTcnParams
    mobilenetv3: MobileNetV3Params

    @property
    def shape(self) -> Block:
        """The block of the family that `name` names."""
        family: Block = getattr(self, self.name)
        return family

    def described(self) -> dict[str, Any]:
        """Return the name and the numbers of the family it names, without those of the others."""
        return {"name": self.name} | self.shape.model_dump()


class LossParams(Block):
    """The training loss. `focal` with `gamma: 0` and `alpha: null` is cross-entropy exactly.

    alpha: focal's weight of the keyword class in [0, 1] (the other class gets 1 - alpha), one weight a class, or null.
    class_weights: weighted_ce's: `frequency` (inverse, at most `max_class_weight`), or one weight a class.
    """

    name: Literal["ce", "weighted_ce", "focal"]
    gamma: float = Field(ge=0)
    alpha: float | list[float] | None
    class_weights: Literal["frequency"] | list[float] | None
    max_class_weight: float = Field(gt=0)
    label_smoothing: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _belongs_to_the_name(self) -> Self:
        if isinstance(self.alpha, float) and not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha = {self.alpha:g} must be in [0, 1]")
        for name in ("alpha", "class_weights"):
            values = getattr(self, name)
            if isinstance(values, list) and (len(values) < 2 or min(values) < 0 or max(values) == 0):
                raise ValueError(f"{name} = {values}: give one weight a class, none negative, not all 0")
        if self.name != "focal" and (self.gamma != 0 or self.alpha is not None):
            raise ValueError(f"{self.name} has no gamma or alpha: set name to focal, or gamma to 0 and alpha to null")
        if (self.name == "weighted_ce") != (self.class_weights is not None):
            raise ValueError(
                f"{self.name} with class_weights = {self.class_weights}: weighted_ce needs them, and only it"
            )
        return self


class FractionsParams(Block):
    """Shares of each kind of clip in a training batch; they sum to 1. Where nothing is mined, `mined` is speech."""

    keyword: float = Field(ge=0, le=1)
    confusable: float = Field(ge=0, le=1)
    speech: float = Field(ge=0, le=1)
    noise: float = Field(ge=0, le=1)
    mined: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.keyword + self.confusable + self.speech + self.noise + self.mined
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares sum to {total:g}, must be 1")
        return self


class TrainParams(Block):
    """Optimisation, and when to stop."""

    seed: int
    steps: int = Field(ge=1)
    eval_every: int = Field(ge=1)  # steps between measurements on dev, each with a checkpoint
    patience: int | None = Field(ge=1)  # measurements without a better one, then stop and keep the best; null: the last
    batch_size: int = Field(ge=1)  # over all devices together
    decisions: int = Field(ge=1)  # consecutive decisions trained in one window
    hold_s: float = Field(gt=0)  # after the word's end, how long a decision is to say "keyword"
    early_fraction: float = Field(ge=0, le=1)  # of keyword draws: windows that end before the word is half said
    start_fraction: float = Field(ge=0, le=1)  # of each kind's windows: a stream starts in them, with silence before
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)  # linear, then a cosine to 0
    weight_decay: float = Field(ge=0)
    ema_decay: float = Field(ge=0, lt=1)  # of the averaged weights, which are the ones measured and kept
    fractions: FractionsParams
    augmented_share: float = Field(ge=0, le=1)  # of each kind's windows: from augmented copies; 0: as recorded alone
    time_masks: int = Field(ge=0)
    time_mask_frames: int = Field(ge=0)
    mel_masks: int = Field(ge=0)
    mel_mask_bins: int = Field(ge=0)
    mixup_probability: float = Field(ge=0, le=1)
    mixup_alpha: float = Field(gt=0)
    accelerator: str  # lightning-fabric's: auto, cpu, cuda
    devices: int = Field(ge=1)
    precision: str  # lightning-fabric's: 32-true, bf16-mixed
    threads: int = Field(ge=1)


class WarmUpParams(Block):
    """How long after a stream's start the decoder counts no score: `share` of the shortest keyword of train.

    The shortest keyword is the duration that `shortest` of train's keywords, augmented copies included, stay below.
    """

    shortest: float = Field(ge=0, le=1)  # quantile of the durations of train's keywords
    share: float = Field(ge=0, le=1)  # of that duration; with 0 all scores count


VoteName: TypeAlias = Literal["n_of_m"]


class StreamingParams(Block):
    """The decoder that ships: fire when `n` of the last `m` scores, each the mean of `smooth`, reach the threshold.

    A number that one `vote` alone has is null for the others.
    """

    vote: VoteName
    smooth: int = Field(ge=1)  # scores
    n: int = Field(ge=1)
    m: int = Field(ge=1)
    lockout_s: float = Field(ge=0)

    @model_validator(mode="after")
    def _n_at_most_m(self) -> Self:
        if self.n > self.m:
            raise ValueError(f"n = {self.n} is above m = {self.m}")
        return self


class SearchParams(Block):
    """Decoders that `evaluate` tries on dev beside `streaming` itself: every `smooth` with every vote [n, m]."""

    smooth: list[Annotated[int, Field(ge=1)]]
    votes: list[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]]

    @model_validator(mode="after")
    def _n_at_most_m(self) -> Self:
        for n, m in self.votes:
            if n > m:
                raise ValueError(f"votes: n = {n} is above m = {m}")
        return self


class EvaluateParams(Block):
    """The operating point: the lowest FNR with at most `max_fah` false alarms an hour on dev.

    `fah_confidence`: how sure dev's highest negative peaks must be of that rate; null: dev's own alarms alone decide.
    """

    max_fah: float = Field(gt=0)
    fah_confidence: float | None = Field(gt=0.5, lt=1)
    search: SearchParams
    tolerance_s: float = Field(ge=0)  # a detection this long after an event's end is still a hit
    start_s: float = Field(gt=0)  # heard of each test clip without a keyword, alone: alarms per start
    chunk_s: float = Field(gt=0)  # audio read at a time


class ReportParams(Block):
    """The page."""

    examples: int = Field(ge=0)  # playable examples of each kind
