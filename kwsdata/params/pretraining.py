"""Block of the stage that teaches a student's trunk speech, before training teaches it the word."""

from typing import Literal

from pydantic import Field

from kwsdata.params.base import Block


class PretrainParams(Block):
    """Where the student's trunk comes from, and how one is trained.

    trunk: `shipped`, the one in the package for these features and this student; `own`, trained here on the augmented
    clips; null, random weights.
    """

    trunk: Literal["shipped", "own"] | None
    seed: int
    steps: int = Field(ge=1)
    eval_every: int = Field(ge=1)  # steps between measurements on held-out speakers, each with a checkpoint
    batch_size: int = Field(ge=1)
    decisions: int = Field(ge=1)  # consecutive decisions in a window
    held_out: float = Field(gt=0, lt=1)  # share of train's speakers that is measured on, not trained on
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)  # linear, then a cosine to 0
    weight_decay: float = Field(ge=0)
    accelerator: str  # lightning-fabric's: auto, cpu, cuda
    precision: str  # lightning-fabric's: 32-true, bf16-mixed
    threads: int = Field(ge=1)
