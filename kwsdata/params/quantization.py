"""Blocks of quantization and of the report on it."""

from typing import Literal

from pydantic import Field

from kwsdata.params.base import Block


class CalibrationParams(Block):
    """What activation ranges come from, and by which rule."""

    seed: int
    train_windows: int = Field(ge=1)
    dev_windows: int = Field(ge=0)
    observer: Literal["min_max", "percentile", "mse"]
    percentile: float = Field(gt=50, le=100)  # of `percentile`: % of the values below the high end


class QuantizeParams(Block):
    """Calibration, then fine-tuning with fake quantization; what is not named here is as in `train`."""

    calibration: CalibrationParams
    steps: int = Field(ge=0)  # 0: calibration alone
    eval_every: int = Field(ge=1)
    patience: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    ema_decay: float = Field(ge=0, lt=1)
    max_relative_drop: float = Field(ge=0)  # of accuracy, from float to int8, on any set
    max_lsb: int = Field(ge=0)  # steps of 1/256 that a score may be off the integer network's, on any decision
