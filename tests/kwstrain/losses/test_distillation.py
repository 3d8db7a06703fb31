"""Distillation against its formula in float64, its slope in closed form, and its two ends."""

import pytest
import torch
import torch.nn.functional as F
from feature_stores import N_MELS, SILENCE
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.errors import ParamsError
from kwsdata.params import DistillParams
from kwstrain.losses.classification import Focal, focal_loss
from kwstrain.losses.distillation import Taught, Windowed, distillation_loss, soft_loss
from kwstrain.models import build_model

CROSS_ENTROPY = Focal(gamma=0.0, class_weights=None, label_smoothing=0.0, per_class_weight=False)
NOTHING = torch.tensor(0.0)
TEMPERATURES = st.sampled_from([0.5, 1.0, 2.0, 8.0])


def block(**changes) -> DistillParams:
    base = {"alpha": 0.5, "temperature": 2.0, "feature_weight": 0.0, "lookahead_ms": 0}
    return DistillParams.model_validate(base | changes)


def made(seed: int, shape: tuple[int, ...] = (5, 3)) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [5, 3, 2] of a student and log-odds [5, 3] of a teacher."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(*shape, 2, generator=generator, dtype=torch.float64)
    return logits, 4 * torch.randn(*shape, generator=generator, dtype=torch.float64)


def whole(logits, taught, params, hard=NOTHING, projected=None) -> torch.Tensor:
    """The whole loss where the hard one is `hard`, whatever it is of."""
    return distillation_loss(lambda *_: hard, logits, None, torch.ones(5, 3), projected, taught, params)


@settings(max_examples=25, deadline=None)
@given(temperature=TEMPERATURES, seed=st.integers(0, 999))
def test_it_is_the_divergence_of_softened_distributions(temperature, seed):
    logits, log_odds = made(seed)
    teacher = torch.stack([torch.zeros_like(log_odds), log_odds], dim=-1)
    p, q = torch.softmax(teacher / temperature, -1), torch.softmax(logits / temperature, -1)
    published = temperature**2 * (p * torch.log(p / q)).sum(-1)
    torch.testing.assert_close(soft_loss(logits, log_odds, temperature), published, rtol=1e-9, atol=1e-12)
    kl = F.kl_div(torch.log_softmax(logits / temperature, -1), p, reduction="none").sum(-1)
    torch.testing.assert_close(soft_loss(logits, log_odds, temperature), temperature**2 * kl)


@settings(max_examples=25, deadline=None)
@given(temperature=TEMPERATURES, seed=st.integers(0, 999))
def test_slope_in_closed_form(temperature, seed):
    logits, log_odds = made(seed)
    leaf = logits.clone().requires_grad_()
    soft_loss(leaf, log_odds, temperature).sum().backward()
    teacher = torch.stack([torch.zeros_like(log_odds), log_odds], dim=-1)
    expected = temperature * (torch.softmax(logits / temperature, -1) - torch.softmax(teacher / temperature, -1))
    torch.testing.assert_close(leaf.grad, expected, rtol=1e-9, atol=1e-12)


def test_slope_of_the_whole_loss_in_closed_form():
    logits, log_odds = made(1)
    generator = torch.Generator().manual_seed(2)
    weight = torch.rand(5, 3, generator=generator, dtype=torch.float64)
    target = torch.randint(2, (5, 3), generator=generator)
    params = block(alpha=0.3, temperature=3.0)
    leaf = logits.clone().requires_grad_()
    labels = F.one_hot(target, 2).double()
    distillation_loss(CROSS_ENTROPY, leaf, labels, torch.ones(5, 3), None, Taught(log_odds, weight), params).backward()
    p = torch.softmax(torch.stack([torch.zeros_like(log_odds), log_odds], dim=-1) / 3, -1)
    soft = 3 * (torch.softmax(logits / 3, -1) - p) * (weight / weight.sum())[..., None]
    expected = 0.7 * (torch.softmax(logits, -1) - F.one_hot(target, 2)) / 15 + 0.3 * soft
    torch.testing.assert_close(leaf.grad, expected, rtol=1e-9, atol=1e-12)


def test_features_are_compared_by_angle():
    logits, log_odds = made(3)
    generator = torch.Generator().manual_seed(4)
    projected = torch.randn(5, 3, 6, generator=generator).requires_grad_()
    taught = Taught(log_odds, torch.ones(5, 3), torch.randn(5, 3, 6, generator=generator))
    params = block(feature_weight=2.0)
    loss = whole(logits, taught, params, projected=projected)
    plain = whole(logits, taught, params)
    cosine = F.cosine_similarity(projected, taught.embedding, dim=-1).mean()
    torch.testing.assert_close(loss - plain, (2 * (1 - cosine)).double())
    loss.backward()
    # A cosine does not change along its own vector.
    along = (projected.grad * projected.detach()).sum(-1)
    torch.testing.assert_close(along, torch.zeros(5, 3), atol=1e-6, rtol=0)


def test_alpha_0_is_the_hard_loss_to_the_bit_and_alpha_1_has_none_of_it():
    logits, log_odds = made(5)
    hard = torch.tensor(0.123456789)
    taught = Taught(log_odds, torch.ones(5, 3))
    assert torch.equal(whole(logits, taught, block(alpha=0.0), hard), hard)
    assert whole(logits, None, block(), hard) is hard
    only_soft = whole(logits, taught, block(alpha=1.0), hard)
    torch.testing.assert_close(only_soft, soft_loss(logits, log_odds, 2.0).mean())


def test_where_the_teacher_says_nothing_the_label_alone_counts_and_in_full():
    logits, log_odds = made(7)
    target = F.one_hot(torch.randint(2, (5, 3), generator=torch.Generator().manual_seed(1)), 2).double()
    weight = torch.rand(5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    known = torch.zeros(5, 3, dtype=torch.float64)
    params = block(alpha=0.9)

    def loss(known):
        return distillation_loss(CROSS_ENTROPY, logits, target, weight, None, Taught(log_odds, weight * known), params)

    torch.testing.assert_close(loss(known), CROSS_ENTROPY(logits, target, weight))
    known[1:4] = 1
    each = focal_loss(logits, target)
    mixed = torch.where(known > 0, 0.9 * soft_loss(logits, log_odds, 2.0), 0.9 * each) + 0.1 * each
    torch.testing.assert_close(loss(known), (weight * mixed).sum() / weight.sum())


def test_agreement_costs_nothing_and_what_is_not_known_counts_for_nothing():
    logits, log_odds = made(6)
    agreed = logits[..., 1] - logits[..., 0]
    assert soft_loss(logits, agreed, 4.0).abs().max() < 1e-12
    weight = torch.zeros(5, 3, dtype=torch.float64)
    weight[0] = 1
    some = whole(logits, Taught(log_odds, weight), block(alpha=1.0))
    torch.testing.assert_close(some, soft_loss(logits[0], log_odds[0], 2.0).mean() / 5)  # the others' label costs 0
    nothing = whole(logits, Taught(log_odds, 0 * weight), block(alpha=1.0))
    assert nothing == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_finite_at_both_ends(dtype):
    margin = torch.tensor([-1e4, -90.0, 0.0, 90.0, 1e4])
    leaf = torch.stack([torch.zeros(5), margin], dim=-1).to(dtype).requires_grad_()
    loss = soft_loss(leaf, torch.full((5,), 30.0), 1.0)
    loss.sum().backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss).all()
    assert torch.isfinite(leaf.grad).all()


def test_the_projection_sees_the_layer_before_the_last_and_leaves_no_trace(params):
    model = build_model(params.model, SILENCE).eval()
    wrapped = Windowed(model, teacher_dim=7).eval()
    x = torch.randn(3, model.receptive_field + 4, N_MELS, generator=torch.Generator().manual_seed(0))
    logits, projected = wrapped(x)
    assert projected.shape == (*logits.shape[:2], 7)
    assert torch.equal(logits, model.window(x))
    assert not model.head._forward_pre_hooks
    # What the head makes of it are the logits: the projection is of the head's own input.
    with torch.no_grad():
        wrapped.project = torch.nn.Linear(model.head.weight.shape[1], 2, bias=False)
        wrapped.project.weight.copy_(model.head.weight[:, :, 0, 0])
    torch.testing.assert_close(wrapped(x)[1] + model.head.bias, logits, atol=1e-6, rtol=0)


def test_a_student_without_a_head_cannot_be_matched():
    with pytest.raises(ParamsError, match="feature_weight"):
        Windowed(torch.nn.Identity(), teacher_dim=3)
