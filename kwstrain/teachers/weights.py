"""A trained teacher on disk: `teacher.pt`, its weights, beside `teacher.json`, which says what they are of."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from kwsdata.errors import StageInputError
from kwsdata.params import TeacherParams
from kwstrain.teachers import TRAINED, WindowedTeacher

FILE = "teacher.pt"


def load_teacher(directory: Path, info: dict[str, Any]) -> WindowedTeacher:
    """Return the teacher of `directory` that `info`, its teacher.json, describes; in evaluation mode.

    Raises:
        StageInputError: the file is missing, damaged, or of another architecture.
    """
    path = Path(directory) / FILE
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        with torch.random.fork_rng([]):
            silence = np.zeros(int(info["n_mels"]), np.float32)  # it is with the weights
            model = TRAINED[info["teacher"]](TeacherParams.model_validate(info["params"]), silence)
        model.load_state_dict(weights)
    except FileNotFoundError:
        raise StageInputError(f"{path} is missing: type `dvc repro train_teacher` to make it.") from None
    except (KeyError, ValidationError) as error:
        raise StageInputError(f"{path.parent}/teacher.json is malformed ({error!r}): remake it.") from None
    except Exception as error:  # torch raises pickle, zip and runtime errors without a common base class
        raise StageInputError(f"{path} cannot be read ({error}): type `dvc repro train_teacher`.") from None
    return model.eval()
