"""The distillation loss: learn from a teacher's answers as well as from labels.

For student logits z of two classes, the teacher's log-odds v = v_keyword - v_other, temperature T (Hinton et al. 2015,
arXiv:1503.02531):

    p_T = softmax((0, v) / T)    q_T = softmax(z / T)
    soft  = T^2 KL(p_T || q_T)                 its slope:  dsoft/dz_c = T (q_T,c - p_T,c)
    loss  = (1 - alpha) hard + alpha (s mean(soft) + (1 - s) hard') + feature_weight mean(1 - cos(P h, e))

Means are over decisions of which the teacher said something, by their sample weight; s is their share of all weight.
hard' is the hard loss of the others: where there is no answer, the label alone counts, and in full. P is a learned
linear map from the student's layer before the last, h, to the teacher's, e (Romero et al. 2015, arXiv:1412.6550): it
serves training and is no part of the model. With alpha = 0 and feature_weight = 0 the loss is the hard loss itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kwsdata.errors import ParamsError
from kwsdata.params import DistillParams
from kwstrain.losses.objective import weighted_mean
from kwstrain.models import StreamingModel


@dataclass(frozen=True)
class Taught:
    """The teacher's answers to a batch: log_odds and weight [B, decisions] (0 where it said nothing), embedding
    [B, decisions, dim] where it is matched."""

    log_odds: Tensor
    weight: Tensor
    embedding: Tensor | None = None


Hard: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]  # logits, target, weight -> a scalar


class Windowed(nn.Module):
    """A student as its loss sees it: windows in, logits out. What the strategy (DDP) wraps."""

    def __init__(self, model: StreamingModel, teacher_dim: int = 0) -> None:
        """Wrap `model`; with a `teacher_dim`, also project its layer before the last to that many numbers.

        Raises:
            ParamsError: the model has no last layer whose input could be projected.
        """
        super().__init__()
        self.model = model
        self.project: nn.Linear | None = None
        if teacher_dim:
            last = dict(model.named_modules()).get(getattr(model, "last_layer", ""))
            if not isinstance(last, nn.Linear | nn.Conv1d | nn.Conv2d):
                raise ParamsError("distill.feature_weight: this student has no layer before the last to match; set 0.")
            self.project = nn.Linear(last.weight.shape[1], teacher_dim, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the logits [B, decisions, classes] of windows x [B, length, n_mels], and the projection or None."""
        if self.project is None:
            return self.model.window(x), None
        hidden: list[Tensor] = []
        # For this call alone: a copy of the model (see `Average`) would carry a hook that stays.
        last = self.model.get_submodule(self.model.last_layer)
        hook = last.register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
        try:
            logits = self.model.window(x)
        finally:
            hook.remove()
        return logits, self.project(_last_axis(hidden[0]))


def _last_axis(hidden: Tensor) -> Tensor:
    """Return the input of a head as [B, decisions, channels]: convolutions have [B, channels, (1,) decisions]."""
    return hidden.squeeze(2).transpose(1, 2) if hidden.ndim == 4 else hidden


def soft_loss(logits: Tensor, log_odds: Tensor, temperature: float) -> Tensor:
    """Return T^2 KL(teacher || student) of each decision [...].

    Args:
        logits: the student's [..., 2], any float type; half types are computed in float32, autocast or not.
        log_odds: the teacher's, of the keyword [...].
        temperature: above 0.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits if logits.dtype == torch.float64 else logits.float()
        scaled = log_odds.to(logits.dtype) / temperature
        log_p = torch.stack([F.logsigmoid(-scaled), F.logsigmoid(scaled)], dim=-1)
        log_q = torch.log_softmax(logits / temperature, dim=-1)
        return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1)


def distillation_loss(
    objective: Hard,
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    projected: Tensor | None,
    taught: Taught | None,
    params: DistillParams,
) -> Tensor:
    """Return the whole loss, a scalar; the hard loss itself where nothing was taught.

    Args:
        objective: gives the hard loss of the three that follow (`kwstrain.losses.objective.Objective`).
        logits, target, weight: [..., 2], label probabilities [..., 2], sample weights [...].
        projected: the student's layer before the last, [..., dim], where it is matched.
        taught: the teacher's answers, if there is a teacher.
        params: the block `distill`.
    """
    hard = objective(logits, target, weight)
    if taught is None:
        return hard
    loss = (1 - params.alpha) * hard
    if params.alpha > 0:
        alone = torch.where(taught.weight > 0, 0, weight)
        soft = weighted_mean(soft_loss(logits, taught.log_odds, params.temperature), taught.weight)
        both = torch.stack([taught.weight.sum(), alone.sum()])
        answered, silent = both / both.sum().clamp_min(torch.finfo(both.dtype).tiny)
        loss = loss + params.alpha * (answered * soft + silent * objective(logits, target, alone))
    if projected is not None and taught.embedding is not None:
        apart = 1 - F.cosine_similarity(projected.float(), taught.embedding.float(), dim=-1)
        loss = loss + params.feature_weight * weighted_mean(apart, taught.weight)
    return loss
