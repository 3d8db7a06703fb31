"""The loss against torch's cross-entropy, against its formula in float64, its slope in closed form, and at extremes."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kwsdata.errors import ParamsError
from kwsdata.params import LossParams
from kwstrain.losses.classification import focal_loss, modulation
from kwstrain.losses.objective import weight_by_quantile, weighted_mean
from kwstrain.losses.registry import build_loss

GAMMAS = st.sampled_from([0.5, 1.0, 2.0, 5.0])


def make_logits(classes: int, seed: int, scale: float = 3.0, count: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(count, classes, generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, (count,), generator=generator)


def block(**changes) -> LossParams:
    base = {"name": "focal", "gamma": 0.0, "alpha": None, "class_weights": None, "max_class_weight": 10}
    return LossParams.model_validate(base | {"label_smoothing": 0.0} | changes)


def formula(logits, target, gamma, weights):
    """The published formula, as written: -w_t (1 - p_t)^gamma log p_t."""
    p = torch.softmax(logits, -1)[torch.arange(len(target)), target]
    return -weights[target] * (1 - p) ** gamma * torch.log(p)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_gamma_and_alpha_it_is_cross_entropy_to_the_bit(classes, dtype):
    logits, target = make_logits(classes, seed=1)
    logits = logits.to(dtype)
    assert torch.equal(focal_loss(logits, target), F.cross_entropy(logits, target, reduction="none"))
    one, other = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    focal_loss(one, target, gamma=0.0).sum().backward()
    F.cross_entropy(other, target, reduction="sum").backward()
    assert torch.equal(one.grad, other.grad)


@settings(max_examples=25, deadline=None)
@given(gamma=GAMMAS, classes=st.integers(2, 5), seed=st.integers(0, 999))
def test_value_and_slope_are_those_of_the_formula(gamma, classes, seed):
    logits, target = make_logits(classes, seed)
    weights = torch.linspace(0.2, 1.0, classes, dtype=torch.float64)
    one, other = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    ours, published = focal_loss(one, target, gamma, weights), formula(other, target, gamma, weights)
    torch.testing.assert_close(ours, published, rtol=1e-9, atol=1e-12)
    ours.sum().backward()
    published.sum().backward()
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-7, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(gamma=GAMMAS, classes=st.integers(2, 5), seed=st.integers(0, 999))
def test_slope_in_closed_form(gamma, classes, seed):
    logits, target = make_logits(classes, seed)
    leaf = logits.clone().requires_grad_()
    focal_loss(leaf, target, gamma).sum().backward()
    p = torch.softmax(logits, -1)
    p_t = p.gather(1, target[:, None])
    factor = (1 - p_t) ** gamma * (gamma * p_t * torch.log(p_t) / (1 - p_t) - 1)
    torch.testing.assert_close(leaf.grad, factor * (F.one_hot(target, classes) - p), rtol=1e-7, atol=1e-10)


def test_gradcheck_of_soft_labels_with_everything():
    logits, _ = make_logits(3, seed=5, count=6)
    soft = torch.softmax(make_logits(3, seed=6, count=6)[0], -1)
    weights = torch.tensor([0.3, 1.0, 2.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: focal_loss(z, soft, 1.5, weights, 0.1), logits.requires_grad_())


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_weights_and_smoothing_compose_as_torch_composes_them(smoothing):
    logits, target = make_logits(4, seed=2)
    weights = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
    ours = focal_loss(logits, target, 0.0, weights, smoothing)
    expected = F.cross_entropy(logits, target, weights, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(ours, expected)
    objective = build_loss(
        block(name="weighted_ce", class_weights=weights.tolist(), label_smoothing=smoothing), [0.25] * 4
    )
    mean = objective(logits, target, torch.ones(64, dtype=torch.float64))
    torch.testing.assert_close(mean, F.cross_entropy(logits, target, weights, label_smoothing=smoothing))


def test_soft_labels_are_a_mixture_of_hard_ones():
    logits, target = make_logits(3, seed=4)
    other = (target + 1) % 3
    soft = 0.3 * F.one_hot(target, 3).double() + 0.7 * F.one_hot(other, 3)
    expected = 0.3 * focal_loss(logits, target, 2.0) + 0.7 * focal_loss(logits, other, 2.0)
    torch.testing.assert_close(focal_loss(logits, soft, 2.0), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("classes", [2, 3])
def test_finite_and_right_at_both_ends(gamma, dtype, classes):
    margin = torch.tensor([-1e4, -500.0, -90.0, -20.0, 0.0, 20.0, 90.0, 500.0, 1e4])
    logits = torch.zeros(len(margin), classes)
    logits[:, 1] = margin
    leaf = logits.to(dtype).requires_grad_()
    loss = focal_loss(leaf, torch.ones(len(margin), dtype=torch.int64), gamma)
    loss.sum().backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss).all()
    assert torch.isfinite(leaf.grad).all()
    # p -> 0: the loss is the margin over the others' sum, its slope -1 at the right class; p -> 1: both vanish.
    torch.testing.assert_close(loss[0], -leaf.detach()[0, 1].float() + math.log(classes - 1))
    assert float(leaf.grad[0, 1]) == -1
    assert loss[-1] == 0
    assert leaf.grad[-1].abs().max() == 0


def test_autocast_computes_in_float32():
    logits, target = make_logits(2, seed=3)
    half = logits.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = focal_loss(half, target, 2.0)
    torch.testing.assert_close(loss.double(), focal_loss(half.double(), target, 2.0), rtol=1e-5, atol=1e-6)


def test_the_closer_to_certain_the_less_it_counts():
    margins = torch.tensor([[0.0, -4.0], [0.0, 0.0], [0.0, 4.0]])
    target = torch.ones(3, dtype=torch.int64)
    ratio = focal_loss(margins, target, 2.0) / focal_loss(margins, target)
    assert ratio[0] > ratio[1] > ratio[2]
    torch.testing.assert_close(ratio[1], torch.tensor(0.25))  # p = 1/2, gamma = 2
    torch.testing.assert_close(modulation(margins, 2.0)[:, 1], (1 - torch.softmax(margins, -1)[:, 1]) ** 2)


def test_alpha_weighs_the_keyword_and_its_complement_the_rest():
    logits, target = make_logits(2, seed=8)
    objective = build_loss(block(gamma=2.0, alpha=0.25), [0.7, 0.3])
    expected = torch.where(target == 1, 0.25, 0.75) * focal_loss(logits, target, 2.0)
    torch.testing.assert_close(objective.each(logits, target), expected)
    # Lin et al. do not divide by the alphas.
    torch.testing.assert_close(objective(logits, target, torch.ones(64, dtype=torch.float64)), expected.mean())


def test_class_weights_by_frequency_are_inverse_and_capped():
    objective = build_loss(block(name="weighted_ce", class_weights="frequency", max_class_weight=5), [0.99, 0.01])
    torch.testing.assert_close(objective.class_weights, torch.tensor([1 / 1.98, 5.0]))
    balanced = build_loss(block(name="weighted_ce", class_weights="frequency", max_class_weight=5), [0.5, 0.5])
    torch.testing.assert_close(balanced.class_weights, torch.ones(2))


def test_a_cut_of_weight_two_counts_as_two_cuts():
    logits, target = make_logits(2, seed=9, count=8)
    for params in (block(gamma=2.0), block(name="weighted_ce", class_weights=[1.0, 3.0])):
        objective = build_loss(params, [0.5, 0.5])
        weight = torch.ones(8, dtype=torch.float64)
        twice = objective(torch.cat([logits, logits[:1]]), torch.cat([target, target[:1]]), torch.ones(9).double())
        weight[0] = 2
        torch.testing.assert_close(objective(logits, target, weight), twice)
        weight[1:] = 0
        torch.testing.assert_close(objective(logits, target, weight), objective(logits[:1], target[:1], weight[:1]))
    assert weighted_mean(torch.ones(3), torch.zeros(3)) == 0


def test_weight_by_quantile_rises_for_focal_and_is_flat_for_cross_entropy():
    logits, target = make_logits(2, seed=10, count=400)
    ones = torch.ones(400)
    assert weight_by_quantile(build_loss(block(), [0.5, 0.5]), logits, target, ones) == pytest.approx([1.0] * 4)
    focal = weight_by_quantile(build_loss(block(gamma=2.0), [0.5, 0.5]), logits, target, ones)
    assert focal[0] < 0.01 < focal[1] < focal[2] < focal[3] <= 1
    certain = torch.tensor([[0.0, 60.0]]).expand(4, 2)  # cross-entropy rounds to 0
    assert (
        weight_by_quantile(build_loss(block(), [0.5, 0.5]), certain, torch.ones(4).long(), torch.ones(4)) == [1.0] * 4
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "ce", "gamma": 2.0},
        {"name": "weighted_ce"},
        {"name": "ce", "class_weights": "frequency"},
        {"alpha": 1.5},
        {"alpha": [1.0]},
    ],
)
def test_settings_that_would_be_ignored_are_refused(changes):
    with pytest.raises(ValidationError):
        block(**changes)


def test_one_weight_for_each_class():
    with pytest.raises(ParamsError, match="3 weights for 2 classes"):
        build_loss(block(alpha=[1.0, 2.0, 3.0]), [0.5, 0.5])
