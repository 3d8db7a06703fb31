"""Small students of every family, as if trained, and quantized: for tests of what is done to all of them."""

import torch
from quantized import heard, quantize_student

from kwsdata.params import Params
from kwsdata.runtime.front_ends import features_of, make_frontend
from kwstrain.models import StreamingModel, build_model
from kwstrain.quantization.network import FoldedStudent
from kwstrain.stages.export.parity import probe_sound

# Of a family that is not here, the project's own student is taken.
BLOCK = {"squeeze": True, "activation": "hard_swish", "mel_stride": 2}
SHAPES = {
    "dstcn": {"channels": 16, "kernels": [5, 9]},
    "mobilenetv3": {
        "stem_channels": 8,
        "head_channels": 16,
        "pool": 4,
        "blocks": [
            BLOCK | {"kernel": 3, "expand": 12, "channels": 8, "activation": "relu", "squeeze": False},
            BLOCK | {"kernel": 5, "expand": 16, "channels": 12},
            BLOCK | {"kernel": 5, "expand": 16, "channels": 12, "mel_stride": 1},
        ],
    },
}


def small(params: Params, name: str) -> Params:
    """Return `params` with the small student of family `name`."""
    values = params.model_dump(by_alias=True)
    values["model"]["name"] = name
    values["model"][name] |= SHAPES.get(name, {})
    return Params.model_validate(values)


def student_of(params: Params) -> StreamingModel:
    """Return the student that `params` describe, as if trained."""
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        return heard(
            build_model(params.model, make_frontend(params.features).silence),
            features_of(probe_sound(10), params.features),
            3,
        )


def quantized_of(params: Params, student: StreamingModel) -> FoldedStudent:
    """Return `student` quantized."""
    return quantize_student(student, features_of(probe_sound(10), params.features), offset=0.3)
