"""What every loss keeps, the ones that are added later too."""

import math
from typing import get_args

import pytest
import torch

from kwsdata.params.training import LossParams
from kwstrain.losses.objective import weight_by_quantile
from kwstrain.losses.registry import LOSSES, build_loss

LOGITS = torch.tensor([[4.0, -4.0], [0.3, 0.1], [-2.0, 5.0], [1.0, 1.0], [-60.0, 60.0]])
TARGET = torch.tensor([0, 1, 1, 0, 0])


def block(name: str, params) -> LossParams:
    """The block `loss` of params.yaml with another name."""
    needs = {"class_weights": "frequency"} if name == "weighted_ce" else {}
    return LossParams.model_validate(params.loss.model_dump() | {"name": name} | needs)


def test_params_name_every_loss() -> None:
    assert set(get_args(LossParams.model_fields["name"].annotation)) == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_finite_never_below_zero_and_has_a_slope(name: str, params) -> None:
    objective = build_loss(block(name, params), [0.7, 0.3])
    logits = LOGITS.clone().requires_grad_()
    each = objective.each(logits, TARGET)
    assert each.shape == (5,)
    assert (each >= 0).all() and torch.isfinite(each).all()
    assert each[4] == each.max()  # sure, and wrong
    each.sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[range(5), TARGET] <= 0).all()  # more of the right class is never worse


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_leaves_out_what_has_no_weight(name: str, params) -> None:
    objective = build_loss(block(name, params), [0.7, 0.3])
    weight = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
    without = objective(LOGITS[[0, 2]], TARGET[[0, 2]], torch.ones(2))
    assert objective(LOGITS, TARGET, weight) == pytest.approx(float(without))
    assert objective(LOGITS, TARGET, torch.zeros(5)) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_probabilities_of_one_are_labels_and_its_weights_are_reported(name: str, params) -> None:
    objective = build_loss(block(name, params), [0.7, 0.3])
    soft = torch.nn.functional.one_hot(TARGET, 2).float()
    torch.testing.assert_close(objective.each(LOGITS, soft), objective.each(LOGITS, TARGET))
    told = weight_by_quantile(objective, LOGITS[:4], TARGET[:4], torch.ones(4))
    assert len(told) == 4 and all(math.isfinite(value) and value >= 0 for value in told)
