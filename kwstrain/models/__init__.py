"""Students by name. A new family is a module here, a line in `MODELS`, and a block of params (see CONTRIBUTING.md)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kwsdata.params import ModelParams
from kwstrain.models.dstcn import DsTcn
from kwstrain.models.mobilenet import MobileNetV3
from kwstrain.models.streaming import State, StreamingModel

__all__ = ["MODELS", "DsTcn", "MobileNetV3", "State", "StreamingModel", "build_model"]

MODELS: dict[str, Callable[[Any, np.ndarray], StreamingModel]] = {
    "dstcn": DsTcn,
    "mobilenetv3": MobileNetV3,
}


def build_model(params: ModelParams, silence: np.ndarray) -> StreamingModel:
    """Return the model that `params` name, weights drawn from torch's current generator.

    Args:
        params: the family and its shape.
        silence: float32 [n_mels], the front end's frame of digital silence.
    """
    return MODELS[params.name](params.shape, silence)
