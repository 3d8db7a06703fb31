"""A folded network is its student; its arithmetics agree; its state neither leaks nor drifts. Over every student."""

import numpy as np
import pytest
import torch
from small_students import quantized_of, small, student_of

from kwstrain.models import MODELS, StreamingModel
from kwstrain.models.ops import from_json
from kwstrain.quantization.network import FoldedStudent, shift_log_odds
from kwstrain.quantization.scales import HIGH, LOW, scale_of, scales_of
from kwstrain.training.dev import stream_scores


@pytest.fixture(scope="module", params=MODELS)
def student(request, project_params):
    return student_of(small(project_params, request.param))


@pytest.fixture(scope="module")
def network(student, project_params):
    return quantized_of(project_params, student)


def frames(count: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(-5, 4, (1, count, 40)).astype(np.float32))


def test_every_student_folds():
    assert not [name for name, family in MODELS.items() if family.fold is StreamingModel.fold]


def test_without_quantization_it_is_the_student(student):
    """Float rounding aside, over a stream, in pieces, and over windows."""
    folded = FoldedStudent(*student.fold()).eval()
    x = frames(60 * student.stride)
    with torch.no_grad():
        expected = student.score(student(x)[0])
        assert expected.std() > 0.1
        torch.testing.assert_close(folded.score(folded(x)[0]), expected, atol=2e-5, rtol=0)
        windows = student.score(student.window(x))
        torch.testing.assert_close(folded.score(folded.window(x)), windows, atol=2e-5, rtol=0)
        pieces = stream_scores(folded, x[0].numpy(), [student.stride, 5 * student.stride, 2 * student.stride])
    np.testing.assert_allclose(pieces, expected[0].numpy(), atol=2e-5)


def test_a_stream_and_its_windows_are_the_same_integers(network):
    x = frames(80 * network.stride)
    with torch.no_grad():
        stream = network.score(network(x)[0])[0]
        windows = network.score(network.window(x))[0]
    assert torch.equal(stream[-len(windows) :], windows)
    pieces = stream_scores(network, x[0].numpy(), [network.stride] * 30 + [7 * network.stride])
    np.testing.assert_array_equal(pieces, stream.numpy())


def test_fake_quantization_in_training_is_the_integers_to_a_few_steps(network):
    """Sums in float round differently where a number is near the middle of two; random weights make much of that."""
    x = frames(80 * network.stride)
    with torch.no_grad():
        integers = network.eval()(x)[0][..., 1] + network.offset
        fake = network.train()(x)[0][..., 1]
    network.eval()
    low, high = network.scales[network.graph.logit].low, network.scales[network.graph.logit].high
    apart = (fake.clamp(low + network.offset, high + network.offset) - integers).abs()
    step = network.scales[network.graph.logit].scale
    assert apart.median() <= 2 * step
    assert apart.median() < 0.05 * integers.std()


def test_training_reaches_every_weight_but_the_fixed_ones(network):
    network.train()
    network.window(frames(network.receptive_field + 4 * network.stride))[..., 1].sum().backward()
    network.eval()
    for conv in network.graph.convs:
        slope = network.weights[conv.name].grad
        assert (slope is not None and bool(slope.abs().sum() > 0)) == conv.learned, conv.name
    network.zero_grad(set_to_none=True)


def test_an_hour_leaves_no_trace_in_the_state(network):
    """After an hour, what was heard within the receptive field decides alone: to the last bit."""
    stride, past = network.stride, None
    with torch.no_grad():
        minute = frames(6000 // stride * stride)
        for _ in range(60):
            _, past = network(minute, past)
        late = frames(network.receptive_field // stride * stride + 50 * stride, 99)
        score = network.score(network(late, past)[0])[0]
        fresh = network.score(network(late)[0])[0]
    assert torch.equal(score[-50:], fresh[-50:])
    assert score.std() > 0


def test_the_graph_survives_json(network):
    import json

    assert from_json(json.loads(json.dumps(network.graph.as_json()))) == network.graph


def test_a_shift_moves_log_odds_and_nothing_else(student):
    graph, weights = student.fold()
    x = frames(40 * student.stride)
    with torch.no_grad():
        plain = FoldedStudent(graph, weights).eval()(x)[0][..., 1]
        moved = FoldedStudent(graph, shift_log_odds(graph, weights, 1.5)).eval()(x)[0][..., 1]
    torch.testing.assert_close(plain - moved, torch.full_like(plain, 1.5), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.0, 6.0), (-2.0, -1.0), (0.5, 1.0)])
def test_a_scale_holds_zero_and_reaches_the_ends(low, high):
    scale = scale_of(low, high)
    assert LOW <= scale.zero <= HIGH
    assert scale.quantized(np.asarray(0.0)) == scale.zero
    assert scale.low <= min(low, 0) + scale.scale / 2 + 1e-6
    assert scale.high >= max(high, 0) - scale.scale / 2 - 1e-6


def test_a_range_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no range"):
        scale_of(0.0, 0.0)
    with pytest.raises(ValueError, match="no range"):
        scale_of(0.0, float("nan"))


def test_sums_share_the_scale_of_their_operands(network):
    for op in network.graph.ops:
        if type(op).__name__ == "Add":
            assert network.scales[op.name] == network.scales[op.source] == network.scales[op.other]
    ranges = {name: (-1.0, 1.0) for name in network.graph.shapes if name not in network.scales} | {
        name: (scale.low, scale.high) for name, scale in network.scales.items()
    }
    again = scales_of(network.graph, ranges)
    assert again.keys() == network.scales.keys()
