"""Focal loss and weighted cross-entropy, with soft labels and weights that compose.

For logits z of K classes, p = softmax(z), and a label distribution q (one-hot, or of a mixed clip):

    smoothed   q' = (1 - smoothing) q + smoothing / K
    loss       L  = - sum_c  q'_c  w_c  (1 - p_c)^gamma  log p_c

With a one-hot q this is the focal loss of Lin et al. 2017 (arXiv:1708.02002), w = alpha; with gamma = 0, class-weighted
cross-entropy as torch computes it; with w = 1 too, cross-entropy. Its slope at a logit, for a one-hot q of class t:

    dL/dz_j = w_t (1 - p_t)^gamma  (gamma p_t log(p_t) / (1 - p_t) - 1)  (delta_tj - p_j)

The computation is in logarithms: log p from log-softmax, and log(1 - p_c) as the log-sum-exp of the other logits less
that of all. So (1 - p)^gamma = exp(gamma log(1 - p)) has a finite slope for every gamma > 0, down to p = 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kwsdata.errors import ParamsError
from kwsdata.params import LossParams
from kwstrain.losses.objective import Objective, label_probabilities, labels_and_log_p, weighted_mean


@dataclass(frozen=True)
class Focal(Objective):
    """Focal loss, and with gamma 0 (weighted) cross-entropy. `class_weights` [classes] or None."""

    gamma: float
    class_weights: Tensor | None
    label_smoothing: float
    per_class_weight: bool  # divide by the sum of class weights seen (weighted_ce), not by the count (focal)

    def each(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each decision [...]: see `focal_loss`."""
        return focal_loss(logits, target, self.gamma, self.class_weights, self.label_smoothing)

    def __call__(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the mean loss, a scalar, of decisions weighted by `weight` [...]."""
        return weighted_mean(self.each(logits, target), weight, self._scale(logits, target, weight))

    def certain_weights(self, logits: Tensor) -> Tensor:
        """Return w_c (1 - p_c)^gamma: [..., K]."""
        weights = modulation(logits, self.gamma)
        return weights if self.class_weights is None else weights * self.class_weights.to(weights)

    def _scale(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        if self.class_weights is None or not self.per_class_weight:
            return weight
        q = label_probabilities(target, logits.shape[-1], self.class_weights.dtype)
        return weight * (q * self.class_weights.to(q.device)).sum(-1)


def build_focal(params: LossParams, shares: Sequence[float]) -> Focal:
    """Return focal loss, weighted cross-entropy or cross-entropy; see `kwstrain.losses.registry.build_loss`."""
    classes = len(shares)
    weights: list[float] | None = None
    if params.name == "weighted_ce":
        weights = _given_weights(params, shares)
    elif params.alpha is not None:
        weights = params.alpha if isinstance(params.alpha, list) else [1 - params.alpha, params.alpha]
    if weights is not None and len(weights) != classes:
        raise ParamsError(f"loss: {len(weights)} weights for {classes} classes; give one for each class.")
    tensor = None if weights is None else torch.tensor(weights, dtype=torch.float32)
    return Focal(params.gamma, tensor, params.label_smoothing, params.name == "weighted_ce")


def _given_weights(params: LossParams, shares: Sequence[float]) -> list[float]:
    if isinstance(params.class_weights, list):
        return params.class_weights
    # 1 / (K share): 1 for balanced classes, at most the cap for rare ones.
    return [min(params.max_class_weight, 1 / (len(shares) * max(share, 1e-12))) for share in shares]


def focal_loss(
    logits: Tensor,
    target: Tensor,
    gamma: float = 0.0,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the loss of each decision [...], as the module's text defines it.

    Args:
        logits: [..., K], any float type; half types are computed in float32, autocast or not.
        target: int64 [...], or label probabilities [..., K].
        gamma: 0 or more.
        class_weights: [K], or None for 1.
        label_smoothing: in [0, 1).
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits if logits.dtype == torch.float64 else logits.float()
        q, log_p = labels_and_log_p(logits, target, label_smoothing)
        terms = q * log_p * modulation(logits, gamma) if gamma else q * log_p
        terms = terms if class_weights is None else terms * class_weights.to(terms)
        return -terms.sum(-1)


def modulation(logits: Tensor, gamma: float) -> Tensor:
    """Return (1 - p_c)^gamma for every class: [..., K] of logits [..., K]."""
    classes = logits.shape[-1]
    if classes == 2:
        log_rest = torch.log_softmax(logits, -1).flip(-1)
    else:
        # Row c: all logits but c's.
        others = torch.eye(classes, dtype=torch.bool, device=logits.device)
        rest = logits.unsqueeze(-2).expand(*logits.shape, classes).masked_fill(others, -torch.inf)
        log_rest = torch.logsumexp(rest, -1) - torch.logsumexp(logits, -1, keepdim=True)
    return torch.exp(gamma * log_rest)
