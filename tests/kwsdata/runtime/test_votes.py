"""What every vote keeps, the ones that are added later too."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.params.training import StreamingParams, VoteName
from kwsdata.runtime.decoder import Decoder, DecoderConfig, detections, rule_from, rule_row, votes
from kwsdata.runtime.votes import VOTES, build_vote

SCORES = st.lists(st.integers(0, 8).map(lambda i: i / 8), max_size=60).map(
    lambda scores: np.asarray(scores, np.float32)
)


def block(name: str, params) -> StreamingParams:
    """The block `streaming` of params.yaml with another vote."""
    return StreamingParams.model_validate(params.streaming.model_dump() | NUMBERS.get(name, {}) | {"vote": name})


# Of votes that need more than params give.
NUMBERS: dict[str, dict[str, float]] = {}


def test_params_name_every_vote():
    assert set(get_args(VoteName)) == set(VOTES)


@pytest.mark.parametrize("name", VOTES)
@settings(max_examples=60, deadline=None)
@given(scores=SCORES)
def test_one_by_one_and_at_once_are_the_same_number(name, params, scores):
    scores = np.asarray(scores, np.float32)
    vote = build_vote(block(name, params))
    push = vote.start()
    one_by_one = [push(score) for score in scores]
    assert vote.whole(scores).dtype == np.float32
    assert vote.whole(scores).tolist() == one_by_one
    assert all(0 <= value <= 1 for value in one_by_one)


@pytest.mark.parametrize("name", VOTES)
def test_silence_gives_none_a_keyword_that_lasts_gives_it_all_and_no_stream_knows_of_another(name, params):
    vote = build_vote(block(name, params))
    assert not vote.whole(np.zeros(50, np.float32)).any()
    assert vote.whole(np.ones(500, np.float32))[-1] > 0.99
    first, second = vote.start(), vote.start()
    for _ in range(100):
        first(np.float32(1))
    assert second(np.float32(0)) == 0


@pytest.mark.parametrize("name", VOTES)
def test_a_vote_heard_earlier_does_not_depend_on_what_comes_later(name, params):
    scores = np.random.default_rng(0).random(200, np.float32)
    vote = build_vote(block(name, params))
    assert np.array_equal(vote.whole(scores)[:120], vote.whole(scores[:120]))


@pytest.mark.parametrize("name", VOTES)
def test_the_decoder_fires_as_its_arrays_say_and_travels_in_a_file(name, params):
    rule = block(name, params)
    assert rule_from(rule_row(rule)) == rule
    time_s, scores = np.arange(400) * 0.02, np.random.default_rng(1).random(400, np.float32)
    config = DecoderConfig(rule, 0.6, 0.0)
    fired = detections(time_s, votes(scores, rule), 0.6, rule.lockout_s)
    assert [event.time_s for event in Decoder(config).push(time_s, scores)] == time_s[fired].tolist()
