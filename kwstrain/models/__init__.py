"""Students by name. A new family is a module here, a line in `MODELS`, and a name in `ModelParams`."""

from collections.abc import Callable

from kwsdata.params import ModelParams
from kwstrain.models.dstcn import DsTcn
from kwstrain.models.streaming import State, StreamingModel

__all__ = ["MODELS", "DsTcn", "State", "StreamingModel", "build_model"]

MODELS: dict[str, Callable[[ModelParams, int], StreamingModel]] = {"dstcn": DsTcn}


def build_model(params: ModelParams, n_mels: int) -> StreamingModel:
    """Return the model that `params` describe, weights drawn from torch's current generator."""
    return MODELS[params.name](params, n_mels)
