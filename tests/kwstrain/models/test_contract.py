"""One contract over every student: any cut of the stream the same scores, nothing from the future, costs as stated."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.errors import StageInputError
from kwsdata.params import Block, ModelParams
from kwstrain.models import MODELS, StreamingModel, build_model
from kwstrain.models.weights import FILE, load_student

N_MELS = 12
SILENCE = np.linspace(-3, 2, N_MELS)
ROUNDING = 1e-5  # of logits of order 1, in float32


def block(kernel: int, expand: int, channels: int, squeeze: bool, activation: str, mel_stride: int) -> dict:
    return locals()


STEM = {"stem_channels": 6, "head_channels": 10, "dropout": 0.3}
SHAPES = {
    "dstcn": [
        {"channels": 16, "stem_kernel": 5, "stride": 2, "kernels": [3, 6, 4], "dropout": 0.3},
        {"channels": 8, "stem_kernel": 2, "stride": 1, "kernels": [2, 5], "dropout": 0.0},
        {"channels": 8, "stem_kernel": 4, "stride": 3, "kernels": [7], "dropout": 0.0},
    ],
    "mobilenetv3": [
        {
            **STEM,
            "stem_kernel": 5,
            "stride": 3,
            "blocks": [block(3, 12, 8, False, "relu", 2), block(5, 16, 8, True, "hard_swish", 1)],
            "pool": 4,
        },
        {**STEM, "stem_kernel": 2, "stride": 1, "blocks": [block(5, 8, 6, True, "relu", 1)], "pool": 1},
        {**STEM, "stem_kernel": 4, "stride": 4, "blocks": [block(3, 6, 5, False, "hard_swish", 2)], "pool": 2},
    ],
}


def shape(name: str, number: int) -> Block:
    """Return a family's block of params, of the shape that `SHAPES` has for it."""
    kind = ModelParams.model_fields[name].annotation
    return kind.model_validate(SHAPES[name][number])


def make_model(name: str, number: int) -> StreamingModel:
    """A model with normalisation far from the identity, as after training, in evaluation mode."""
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        model = MODELS[name](shape(name, number), SILENCE)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                if module.affine:
                    torch.nn.init.normal_(module.weight, 1, 0.3)
                    torch.nn.init.normal_(module.bias)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=[(name, i) for name in MODELS for i in range(len(SHAPES[name]))], ids=str)
def model(request) -> StreamingModel:
    return make_model(*request.param)


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


def silence(count: int, batch: int = 1) -> torch.Tensor:
    return torch.from_numpy(SILENCE).float().repeat(batch, count, 1)


def test_no_state_means_that_of_silence_heard_for_ever(model):
    x = frames(6 * model.stride, batch=2)
    state = model.initial_state(2)
    assert [tensor.shape for tensor in state] == [tensor.shape for tensor in model.empty_state(2)]
    assert torch.equal(model(x, state)[0], model(x)[0])
    hours = model.receptive_field // model.stride * 3 * model.stride
    for past in (None, model.empty_state(2)):
        _, after = model(silence(hours, 2), past)
        for one, other in zip(after, state, strict=True):
            torch.testing.assert_close(one, other, atol=ROUNDING, rtol=1e-5)


def test_a_stream_starts_as_a_window_that_begins_with_silence(model):
    x = frames(40 * model.stride, batch=2)
    before = silence(model.receptive_field - model.stride, 2)
    torch.testing.assert_close(model(x)[0], model.window(torch.cat([before, x], dim=1)), atol=ROUNDING, rtol=0)


def test_silence_is_one_number_however_long_it_lasts(model):
    score = model.score(model(silence(60 * model.stride))[0])[0]
    torch.testing.assert_close(score, score[:1].expand_as(score), atol=ROUNDING, rtol=0)


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
        counted += module.weight.numel() * output.shape[-1] * output.shape[-2]

    state = model.initial_state(1)
    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    model(frames(10 * model.stride), state)
    for hook in hooks:
        hook.remove()
    assert model.macs_per_second(hop_s=0.01) == pytest.approx(counted / (10 * model.stride * 0.01))


def test_the_score_is_the_keywords_softmax(model):
    logits = model(frames(10 * model.stride))[0]
    expected = torch.sigmoid(logits[..., 1] - logits[..., 0])
    torch.testing.assert_close(model.score(logits), expected)


@pytest.mark.parametrize("name", MODELS)
def test_the_projects_own_students_are_of_the_stated_size(params, name):
    model = build_model(params.model.model_copy(update={"name": name}), np.zeros(params.features.n_mels))
    assert 15_000 <= model.n_params <= 100_000
    assert 800 < model.receptive_field * params.features.hop_ms < 1500  # ms: a long word fits, not two
    assert model.macs_per_second(params.features.hop_ms / 1000) < 6e6  # what a small microcontroller can do
    # The decisions of a training window fit into the time in which they are to say "keyword".
    span = (params.train.decisions - 1) * model.stride + 1
    assert span <= params.train.hold_s * 1000 / params.features.hop_ms


@pytest.mark.parametrize("name", MODELS)
def test_weights_of_another_architecture_are_refused(params, tmp_path, name):
    torch.save(make_model(name, 0).state_dict(), tmp_path / FILE)
    first, second = (params.model.model_copy(update={"name": name, name: shape(name, i)}) for i in (0, 1))
    assert not load_student(tmp_path, first, N_MELS).training
    with pytest.raises(StageInputError, match="not the model of params"):
        load_student(tmp_path, second, N_MELS)
    other = next(family for family in MODELS if family != name)
    with pytest.raises(StageInputError, match="not the model of params"):
        load_student(tmp_path, params.model.model_copy(update={"name": other}), N_MELS)
    (tmp_path / FILE).write_bytes(b"no weights")
    with pytest.raises(StageInputError, match="cannot be read"):
        load_student(tmp_path, first, N_MELS)
