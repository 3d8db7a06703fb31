"""One contract over every student: any cut of the stream the same scores, nothing from the future, costs as stated."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.errors import StageInputError
from kwsdata.params import ModelParams
from kwstrain.models import MODELS, StreamingModel, build_model
from kwstrain.models.weights import FILE, load_student

N_MELS = 12
ROUNDING = 1e-5  # of logits of order 1, in float32
SHAPES = [
    {"channels": 16, "stem_kernel": 5, "stride": 2, "kernels": [3, 6, 4], "dropout": 0.3},
    {"channels": 8, "stem_kernel": 2, "stride": 1, "kernels": [2, 5], "dropout": 0.0},
    {"channels": 8, "stem_kernel": 4, "stride": 3, "kernels": [7], "dropout": 0.0},
]


def make_model(name: str, shape: dict) -> StreamingModel:
    """A model with normalisation far from the identity, as after training, in evaluation mode."""
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        model = build_model(ModelParams(name=name, **shape), N_MELS)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                if module.affine:
                    torch.nn.init.normal_(module.weight, 1, 0.3)
                    torch.nn.init.normal_(module.bias)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=[(name, i) for name in MODELS for i in range(len(SHAPES))], ids=str)
def model(request) -> StreamingModel:
    name, shape = request.param
    return make_model(name, SHAPES[shape])


def frames(count: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, count, N_MELS, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_any_chunks_give_the_logits_of_one_piece(model, cuts, seed):
    x = frames(sum(cuts) * model.stride, batch=2, seed=seed)
    whole, last_state = model(x)
    assert whole.shape == (2, sum(cuts), 2)
    state, parts, start = None, [], 0
    for cut in cuts:
        logits, state = model(x[:, start : start + cut * model.stride], state)
        parts.append(logits)
        start += cut * model.stride
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=ROUNDING, rtol=0)
    for one, other in zip(state, last_state, strict=True):
        torch.testing.assert_close(one, other, atol=ROUNDING, rtol=0)


def test_no_state_means_the_initial_state_of_zeros(model):
    x = frames(6 * model.stride)
    state = model.initial_state(1)
    assert all((tensor == 0).all() for tensor in state)
    assert torch.equal(model(x, state)[0], model(x)[0])


def test_the_future_changes_no_decision(model):
    x, cut = frames(20 * model.stride), 8
    changed = x.clone()
    changed[:, model.decision_end(cut) + 1 :] += 5
    one, other = model(x)[0][0], model(changed)[0][0]
    assert torch.equal(one[: cut + 1], other[: cut + 1])
    assert (one[cut + 1 :] != other[cut + 1 :]).any(dim=1).all()


def test_the_receptive_field_is_the_one_stated(model):
    decisions = model.receptive_field // model.stride + 4
    decision = decisions - 1
    x = frames(decisions * model.stride).requires_grad_()
    model(x)[0][0, decision].sum().backward()
    seen = x.grad[0].abs().sum(dim=1).nonzero().flatten()
    assert seen.max() == model.decision_end(decision)
    assert seen.max() - seen.min() + 1 == model.receptive_field


def test_a_window_gives_the_last_decisions_of_the_stream(model):
    x = frames(60 * model.stride, batch=2)
    for extra in range(2 * model.stride):
        window = model.window(x[:, x.shape[1] - model.receptive_field - extra :])
        count = extra // model.stride + 1
        assert window.shape == (2, count, 2)
        torch.testing.assert_close(window, model(x)[0][:, -count:], atol=ROUNDING, rtol=0)


def test_macs_are_those_of_the_convolutions_that_run(model):
    counted = 0

    def count(module, inputs, output):
        nonlocal counted
        counted += module.weight.numel() * output.shape[-1]

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    model(frames(10 * model.stride))
    for hook in hooks:
        hook.remove()
    assert model.macs_per_second(hop_s=0.01) == pytest.approx(counted / (10 * model.stride * 0.01))


def test_the_score_is_the_keywords_softmax(model):
    logits = model(frames(10 * model.stride))[0]
    expected = torch.sigmoid(logits[..., 1] - logits[..., 0])
    torch.testing.assert_close(model.score(logits), expected)


def test_the_projects_own_student_is_of_the_stated_size(params):
    model = build_model(params.model, params.features.n_mels)
    assert 20_000 <= model.n_params <= 60_000
    assert model.receptive_field * params.features.hop_ms > 800  # ms: a long word fits


def test_weights_of_another_architecture_are_refused(tmp_path):
    torch.save(make_model("dstcn", SHAPES[0]).state_dict(), tmp_path / FILE)
    loaded = load_student(tmp_path, ModelParams(name="dstcn", **SHAPES[0]), N_MELS)
    assert not loaded.training
    with pytest.raises(StageInputError, match="not the model of params"):
        load_student(tmp_path, ModelParams(name="dstcn", **SHAPES[1]), N_MELS)
    (tmp_path / FILE).write_bytes(b"no weights")
    with pytest.raises(StageInputError, match="cannot be read"):
        load_student(tmp_path, ModelParams(name="dstcn", **SHAPES[0]), N_MELS)
