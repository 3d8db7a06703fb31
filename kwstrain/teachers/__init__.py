"""Teachers by name. A new trained one is a module here, a line in `TRAINED`, and a block in `TeacherParams`."""

import numpy as np

from kwsdata.params import Params
from kwstrain.teachers.conformer import Conformer
from kwstrain.teachers.speech_embedding import SpeechEmbedding
from kwstrain.teachers.windowed import WindowedTeacher

__all__ = ["TRAINED", "WindowedTeacher", "build_teacher"]

TRAINED: dict[str, type[SpeechEmbedding] | type[Conformer]] = {
    "speech_embedding": SpeechEmbedding,
    "conformer": Conformer,
}


def build_teacher(params: Params, silence: np.ndarray) -> WindowedTeacher:
    """Return the teacher that `params.teacher` describes, weights drawn from torch's current generator.

    `silence` [n_mels] is the frame of digital silence of the front end that it hears through.
    """
    assert params.teacher.name is not None
    return TRAINED[params.teacher.name](params.teacher, silence)
