"""A multi-layer perceptron over a window of Google's speech embedding (frozen): a strong teacher in a minute.

The embedding was trained on far more speech than any wake word has (kwsdata.runtime.embedders.google_speech).
"""

from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from kwsdata.params import TeacherParams
from kwstrain.teachers.windowed import WindowedTeacher


class SpeechEmbedding(WindowedTeacher):
    """`teacher.speech_embedding` describes it."""

    hears = "embedded"

    def __init__(self, params: TeacherParams, silence: np.ndarray) -> None:
        block = params.speech_embedding
        super().__init__(silence, block.window, 1, block.hidden[-1])
        widths = [block.window * self.n_mels, *block.hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        for inside, outside in pairwise(widths):
            layers += [nn.Dropout(block.dropout), nn.Linear(inside, outside), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def embed(self, windows: Tensor) -> Tensor:
        """See `WindowedTeacher.embed`."""
        return self.layers(windows)
