"""A fragment is a piece of the recording, as long as drawn, that begins and ends where it is quiet."""

import numpy as np
import pytest
from augmenting import applied, with_probabilities
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import tone, white_noise

from kwsdata.audio import SAMPLE_RATE
from kwsdata.draws import rng_for
from kwsdata.effects.fragment import Fragment, FragmentDraw, fragment_span
from kwsdata.effects.recipe import draw_recipe
from kwsdata.pools.materials import Materials

RATE = SAMPLE_RATE


@settings(max_examples=100, deadline=None)
@given(
    samples=st.integers(0, 5 * RATE),
    position=st.floats(0, 1),
    seconds=st.floats(0.05, 2),
    seed=st.integers(0, 99),
)
def test_a_piece_lies_in_the_recording_and_is_about_as_long_as_drawn(samples, position, seconds, seed):
    wave = white_noise(seed, max(samples, 1) / RATE, 0.1)[:samples]
    draw = FragmentDraw(position, seconds)
    start, end = fragment_span(wave, draw)
    assert 0 <= start <= end <= samples
    wanted = min(samples, round(seconds * RATE))
    assert wanted // 2 <= end - start <= wanted + 0.16 * RATE  # each end moves 80 ms at most
    piece = applied(draw, wave)
    inner = slice(80, -80) if piece.size > 160 else slice(0, 0)
    assert np.array_equal(piece[inner], wave[start:end][inner])
    if piece.size > 1:
        assert piece[0] == piece[-1] == 0  # no click


def test_a_cut_falls_into_the_pause_between_two_words():
    word = tone(300, 0.5, 0.3)
    pause = np.zeros(round(0.1 * RATE), np.float32)
    wave = np.concatenate([word, pause, word, pause, word])
    # Asked for 0.56 s from 0.55 s on: both places lie 50 ms into a pause or beside one.
    draw = FragmentDraw(0.53 * RATE / (wave.size - 0.6 * RATE), 0.6)
    start, end = fragment_span(wave, draw)
    assert 0.5 * RATE <= start <= 0.6 * RATE
    assert 1.1 * RATE <= end <= 1.2 * RATE


def test_only_copies_of_speech_are_cut_and_get_the_context_of_a_short_clip(params):
    augment = with_probabilities(params.augment, fragment=1.0, equalizer=1.0)

    def recipe(label: str, copy: int, duration_s: float = 8.0):
        return draw_recipe(augment, label, "abc", duration_s, copy, Materials())

    assert recipe("speech", 0).draws == {}
    cut = recipe("speech", 1)
    seconds = augment.effects.fragment.seconds
    assert seconds.low <= cut.draws["fragment"].seconds <= seconds.high
    assert "context" in cut.draws
    for label in ("keyword", "confusable", "noise", "mined"):
        assert "fragment" not in recipe(label, 1).draws
    # Nothing else of the recipe depends on it.
    off = draw_recipe(with_probabilities(augment, fragment=0.0), "speech", "abc", 8.0, 1, Materials())
    assert off.draws == {name: draw for name, draw in cut.draws.items() if name not in ("fragment", "context")}


def test_places_are_spread_over_the_recording(params):
    block = params.augment.effects.fragment
    places = [Fragment().draw(rng_for(1, n), block, Materials()).position for n in range(400)]
    assert np.histogram(places, 4, (0, 1))[0] == pytest.approx([100] * 4, abs=40)
