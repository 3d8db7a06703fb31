"""Students by name. A new family is a module here, a line in `MODELS`, and a block in `ModelParams`."""

from collections.abc import Callable
from typing import Any

from kwsdata.params import ModelParams
from kwstrain.models.dstcn import DsTcn
from kwstrain.models.mobilenet import MobileNetV3
from kwstrain.models.streaming import State, StreamingModel

__all__ = ["MODELS", "DsTcn", "MobileNetV3", "State", "StreamingModel", "build_model"]

MODELS: dict[str, Callable[[Any, int], StreamingModel]] = {"dstcn": DsTcn, "mobilenetv3": MobileNetV3}


def build_model(params: ModelParams, n_mels: int) -> StreamingModel:
    """Return the model that `params` name, weights drawn from torch's current generator."""
    return MODELS[params.name](params.shape, n_mels)
