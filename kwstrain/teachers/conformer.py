"""A small Conformer over a window of feature frames, trained from scratch: the teacher that needs no pretrained file.

    window [frames, n_mels] -> conv, `subsample` frames a step -> + learned place of each step -> Conformer -> mean

Gulati et al. 2020 (arXiv:2005.08100), as torchaudio has it. A decision is wanted soon after the word's end, so steps
must know where in the window they are.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.models import Conformer as Layers

from kwsdata.params import TeacherParams
from kwstrain.teachers.windowed import WindowedTeacher


class Conformer(WindowedTeacher):
    """`teacher.conformer` describes it."""

    hears = "features"

    def __init__(self, params: TeacherParams, silence: np.ndarray) -> None:
        block = params.conformer
        super().__init__(silence, block.window, block.stride, block.dim)
        self.steps = block.window // block.subsample
        self.stem = nn.Conv1d(self.n_mels, block.dim, block.subsample, stride=block.subsample)
        self.place = nn.Parameter(0.1 * torch.randn(self.steps, block.dim))
        self.layers = Layers(block.dim, block.heads, block.ffn_dim, block.layers, block.kernel, block.dropout)

    def embed(self, windows: Tensor) -> Tensor:
        """See `WindowedTeacher.embed`."""
        steps = self.stem(windows.transpose(1, 2)).transpose(1, 2) + self.place
        lengths = torch.full((steps.shape[0],), self.steps, device=steps.device)
        return self.layers(steps, lengths)[0].mean(dim=1)
