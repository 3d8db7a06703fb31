"""A trained student on disk: `student.pt`, its weights, beside `train.json`."""

from pathlib import Path

import numpy as np
import torch

from kwsdata.errors import StageInputError
from kwsdata.params import ModelParams
from kwstrain.models import StreamingModel, build_model

FILE = "student.pt"


def load_student(model_dir: Path, params: ModelParams, n_mels: int) -> StreamingModel:
    """Return the student of `model_dir`, in evaluation mode.

    Raises:
        StageInputError: the file is missing, damaged, or of another architecture than `params` describe.
    """
    path = Path(model_dir) / FILE
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise StageInputError(f"{path} is missing: type `dvc repro train` to make it.") from None
    except Exception as error:  # torch raises pickle, zip and runtime errors without a common base class
        raise StageInputError(f"{path} cannot be read ({error}): remake it with `dvc repro train`.") from None
    with torch.random.fork_rng([]):
        model = build_model(params, np.zeros(n_mels, np.float32))  # silence is with the weights
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise StageInputError(f"{path} is not the model of params.yaml ({first}): type `dvc repro train`.") from None
    return model.eval()
