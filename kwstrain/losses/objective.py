"""Define what a training loss is (`Objective`) and what all share: cross-entropy, means, a report of weights."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Objective(ABC):
    """A loss of decisions. Instances hold numbers alone; the sample weights come with each batch.

    Attributes:
        label_smoothing: what the labels are smoothed by before the loss is taken, in [0, 1).
    """

    label_smoothing: float

    @abstractmethod
    def each(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each decision [...]: logits [..., K], target int64 [...] or probabilities [..., K]."""

    def __call__(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the mean loss, a scalar, of decisions weighted by `weight` [...]."""
        return weighted_mean(self.each(logits, target), weight)

    def certain_weights(self, logits: Tensor) -> Tensor:
        """Return the loss over the cross-entropy where both round to 0, were the label each of the classes: [..., K].

        1 unless a loss says otherwise.
        """
        return torch.ones_like(logits)


def labels_and_log_p(logits: Tensor, target: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Return (smoothed label probabilities, log softmax), both [..., K] in the float type of `logits`.

    Args:
        logits: [..., K].
        target: int64 [...], or label probabilities [..., K].
        label_smoothing: in [0, 1).
    """
    log_p = torch.log_softmax(logits, -1)
    q = label_probabilities(target, logits.shape[-1], logits.dtype)
    return (q * (1 - label_smoothing) + label_smoothing / logits.shape[-1] if label_smoothing else q), log_p


def label_probabilities(target: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Return label probabilities [..., classes] of `target`, which may hold them already."""
    if target.is_floating_point():
        return target.to(dtype)
    return torch.nn.functional.one_hot(target, classes).to(dtype)


def weighted_mean(loss: Tensor, weight: Tensor, scale: Tensor | None = None) -> Tensor:
    """Return sum(weight loss) / sum(scale), a scalar; `scale` [...] is `weight` [...] unless given; 0 of nothing."""
    total = (weight if scale is None else scale).sum()
    return (loss * weight).sum() / total.clamp_min(torch.finfo(total.dtype).tiny)


def weight_by_quantile(
    objective: Objective, logits: Tensor, target: Tensor, weight: Tensor, parts: int = 4
) -> list[float]:
    """Return the mean weight that decisions get, from the easiest part to the hardest.

    A decision's weight is its loss over its cross-entropy, times its sample weight; "hard" is a high cross-entropy.
    Flat for cross-entropy; focal loss shows how far it leans to the hard ones.

    Args:
        objective: the training loss.
        logits: [..., K].
        target: int64 [...], or label probabilities [..., K].
        weight: sample weights [...].
        parts: equal shares of the decisions; fewer decisions than parts give NaN for the empty ones.
    """
    with torch.no_grad():
        logits = logits.float()
        q, log_p = labels_and_log_p(logits, target, objective.label_smoothing)
        plain = -(q * log_p).sum(-1).flatten()
        ratio = objective.each(logits, target).flatten() / plain.clamp_min(torch.finfo(plain.dtype).tiny)
        labels = label_probabilities(target, logits.shape[-1], logits.dtype)
        certain = (labels * objective.certain_weights(logits)).sum(-1)
        ratio = torch.where(plain > 1e-6, ratio, certain.flatten()) * weight.flatten()
        parted = ratio[torch.argsort(plain, stable=True)].tensor_split(parts)
        return [float(part.mean()) for part in parted]
