"""Equalized channels: the network computes the same, every channel of a sum reaches as far, int8 rounds less of it."""

import numpy as np
import pytest
import torch
from small_students import small, student_of

from kwstrain.models import MODELS
from kwstrain.models.folding import Builder
from kwstrain.models.ops import FEATURES, RELU, Add
from kwstrain.quantization.equalize import NARROWEST, equalized
from kwstrain.quantization.network import FoldedStudent
from kwstrain.quantization.scales import joined, scales_of

SOUND = torch.from_numpy(np.random.default_rng(0).normal(-5, 4, (1, 600, 40)).astype(np.float32))


def watched(graph, weights, reduce) -> dict[str, torch.Tensor]:
    """Return `reduce` of every tensor [B, channels, mels, frames] over SOUND."""
    network, found = FoldedStudent(graph, weights).eval(), {}
    network.watch = lambda name, value: found.__setitem__(name, reduce(value))
    with torch.no_grad():
        network(SOUND[:, : 600 // network.stride * network.stride])
    return found


def reach(graph, weights) -> dict[str, torch.Tensor]:
    return watched(graph, weights, lambda value: value.abs().amax((0, 2, 3)))


def log_odds(graph, weights, scales=None) -> torch.Tensor:
    network = FoldedStudent(graph, weights, scales).eval()
    with torch.no_grad():
        return network(SOUND[:, : 600 // network.stride * network.stride])[0][0, :, 1]


def scales(graph, weights):
    ends = watched(graph, weights, lambda value: (float(value.min()), float(value.max())))
    return scales_of(graph, ends)


@pytest.mark.parametrize("name", MODELS)
def test_what_the_network_computes_stays(name, project_params):
    graph, weights = student_of(small(project_params, name)).fold()
    even = equalized(graph, weights, reach(graph, weights))
    assert log_odds(graph, weights).std() > 0.1
    torch.testing.assert_close(log_odds(graph, even), log_odds(graph, weights), atol=1e-4, rtol=1e-4)


def test_every_channel_of_a_sum_reaches_as_far(project_params):
    graph, weights = student_of(small(project_params, "dstcn")).fold()
    even = reach(graph, equalized(graph, weights, reach(graph, weights)))
    first = joined(graph)
    (sums,) = {first[op.name] for op in graph.ops if isinstance(op, Add)}
    widest = torch.stack([even[name] for name in even if first[name] == sums]).amax(0)
    sounding = widest > 0
    assert sounding.sum() > 8
    torch.testing.assert_close(widest[sounding] / widest.max(), torch.ones(int(sounding.sum())), atol=1e-4, rtol=0)


def test_int8_log_odds_are_nearer_to_float(project_params):
    """Of a network whose channels were made to reach 1 to 10 times as far as each other."""
    graph, weights = student_of(small(project_params, "dstcn")).fold()
    uneven = torch.logspace(0, 1, len(weights["stem"][1]))
    weights = equalized(graph, weights, dict.fromkeys(graph.shapes, uneven))
    expected = log_odds(graph, weights)
    error = []
    for each in (weights, equalized(graph, weights, reach(graph, weights))):
        error.append(float((log_odds(graph, each, scales(graph, each)) - expected).square().mean().sqrt()))
    assert error[1] < 0.6 * error[0]


def test_a_channel_that_never_sounds_is_not_blown_up(project_params):
    graph, weights = student_of(small(project_params, "dstcn")).fold()
    found = reach(graph, weights)
    dead = {name: torch.where(torch.arange(len(value)) == 0, 0.0, value) for name, value in found.items()}
    even = equalized(graph, weights, dead)
    grown = even["stem"][0].abs().amax() / weights["stem"][0].abs().amax()
    assert 1 <= grown <= 1 / NARROWEST
    assert all(torch.isfinite(weight).all() and torch.isfinite(bias).all() for weight, bias in even.values())


def test_a_sum_that_others_hear_in_full_stays():
    """A full convolution has one scale for all that an output hears: uneven columns would cost what the sum gains."""
    build = Builder()
    weight = torch.eye(4).view(4, 4, 1, 1)
    one = build.conv("one", FEATURES, weight, clamp=RELU)
    two = build.conv("two", one, weight, clamp=RELU)
    build.conv("full", build.add("sum", two, one, 0), weight)
    build.score("full", torch.nn.Conv2d(4, 2, 1))
    graph, weights = build.folded(torch.zeros(4), 1, 1, mels_as_channels=True)
    unequal = {name: torch.tensor([1.0, 2.0, 3.0, 4.0]) for name in graph.shapes}
    even = equalized(graph, weights, unequal)
    assert all(torch.equal(even[name][0], weights[name][0]) for name in weights)
