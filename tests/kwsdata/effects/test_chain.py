"""A recipe is all there is to know about a clip: drawn once, applied to the same samples, the word where it says."""

import json

import numpy as np
import pytest
from acoustics import tone_hz
from augmenting import eventful, toy_materials, with_effects, with_probabilities
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sound import burst, tone

from kwsdata.effects.amplifier import LoudnessDraw
from kwsdata.effects.base import Take
from kwsdata.effects.chain import EFFECTS
from kwsdata.effects.recipe import Recipe, draw_recipe
from kwsdata.effects.render import render as render_all
from kwsdata.effects.scene import ContextDraw, ShiftDraw
from kwsdata.effects.voice import PitchDraw, SpeedDraw, TempoDraw
from kwsdata.errors import AudioError, StageInputError
from kwsdata.params.base import Range
from kwsdata.pools.materials import Materials
from kwsdata.transforms.engine import engine_for
from kwsdata.transforms.levels import active_level

FAST = engine_for("fast", "cpu")


def render(wave, span, recipe, materials, early_ms=None) -> Take:
    """Return one take alone."""
    (made,) = render_all([Take.of(wave, span, FAST)], [recipe], materials, [early_ms])
    return made


def without(recipe: Recipe, *effects: str) -> Recipe:
    """Return the recipe without these effects."""
    return Recipe(recipe.copy, {name: draw for name, draw in recipe.draws.items() if name not in effects})


NAMES = [effect.name for effect in EFFECTS]
LABELS = ["keyword", "confusable", "speech", "noise"]


@pytest.fixture(scope="module")
def materials(tmp_path_factory, params) -> Materials:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("project"))
        return toy_materials(params)


@pytest.fixture(scope="module")
def block(params):
    return eventful(params).augment


def everything(params, materials: Materials, sha: str = "f" * 64) -> Recipe:
    """Return a recipe in which every effect happens."""
    return draw_recipe(with_probabilities(params, **dict.fromkeys(NAMES, 1.0)), "speech", sha, 1.0, 1, materials)


def test_a_recipe_survives_json(block, materials) -> None:
    for copy in range(40):
        recipe = draw_recipe(block, "keyword", f"{copy:064d}", 1.0, copy, materials)
        assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert everything(block, materials).effects == NAMES


def test_a_recipe_of_an_effect_that_is_gone_says_so() -> None:
    with pytest.raises(StageInputError, match="names the effect 'echo', which this version does not have"):
        Recipe.from_dict({"copy": 1, "echo": {"delay_s": 0.1}})


def test_copy_zero_is_the_clip_in_its_context(block, materials) -> None:
    wave = burst(1)
    recipe = draw_recipe(block, "keyword", "a" * 64, 1.0, 0, materials)
    assert recipe.effects == ["context"]
    made = render(wave, (0, wave.size), recipe, materials)
    assert np.array_equal(made.wave[made.span[0] : made.span[1]], wave)


def test_effects_happen_as_often_as_they_shall(block, materials) -> None:
    some = with_probabilities(block, reverb=0.3)
    drawn = [draw_recipe(some, "keyword", f"{n:064d}", 1.0, 1, materials) for n in range(1500)]
    assert np.mean(["reverb" in recipe.draws for recipe in drawn]) == pytest.approx(0.3, abs=0.05)  # 4 sigma
    snr = [recipe.draws["noise"].snr_db for recipe in drawn if "noise" in recipe.draws]
    wanted = block.effects.noise.snr_db
    assert wanted.low <= min(snr) < wanted.low + 1
    assert wanted.high - 1 < max(snr) <= wanted.high


def test_noise_gets_no_room_no_noise_and_no_lead(block, materials) -> None:
    drawn = [draw_recipe(block, "noise", f"{n:064d}", 1.0, 1, materials) for n in range(50)]
    done = {effect for recipe in drawn for effect in recipe.effects}
    assert not done & {"context", "shift", "pitch", "reverb", "noise", "babble"}
    assert done >= {"speed", "equalizer", "loudness", "clipping"}


@settings(max_examples=60, deadline=None)
@given(
    wave=st.one_of(
        arrays(np.float32, st.integers(1, 400), elements=st.floats(-(2.0**127), 2.0**127, width=32)),
        arrays(np.float32, st.integers(1, 4000), elements=st.floats(-1, 1, width=32)),
        st.integers(0, 9).map(lambda seed: burst(seed)),
        st.sampled_from([np.zeros(1, np.float32), np.ones(1, np.float32), np.zeros(8000, np.float32)]),
    ),
    number=st.integers(0, 10**6),
    label=st.sampled_from(LABELS),
)
def test_any_finite_sound_comes_out_finite_and_in_range(wave, number, label, block, materials) -> None:
    recipe = draw_recipe(block, label, f"{number:064d}", 0.5, 1, materials)
    before = wave.copy()
    made = render(wave, (0, wave.size), recipe, materials, early_ms=50)
    assert np.array_equal(wave, before)
    for heard in (made.wave, made.early):
        assert heard.dtype == np.float32
        assert heard.size > 0
        assert np.isfinite(heard).all()
        assert np.max(np.abs(heard)) <= 1.0
    assert 0 <= made.span[0] <= made.span[1] <= made.wave.size == made.early.size


@settings(max_examples=30, deadline=None)
@given(speed=st.floats(0.8, 1.25), tempo=st.floats(0.8, 1.25), lead=st.floats(0, 1.5), shift=st.floats(-0.3, 0.3))
def test_the_span_follows_the_word(speed: float, tempo: float, lead: float, shift: float) -> None:
    word = tone(1000, 0.4)
    wave = np.concatenate((np.zeros(4800), word, np.zeros(6400))).astype(np.float32)
    recipe = Recipe.of(1, SpeedDraw(speed), TempoDraw(tempo), ContextDraw(lead, 0.4), ShiftDraw(shift))
    made = render(wave, (4800, 4800 + word.size), recipe, Materials())
    loud = np.flatnonzero(np.abs(made.wave) > 0.05)
    # a segment of the tempo effect finds its place within 7.5 ms either way; its joint is 10 ms long
    assert made.span[0] == pytest.approx(loud[0], abs=0.02 * 16_000)
    assert made.span[1] == pytest.approx(loud[-1], abs=0.02 * 16_000)


def test_pitch_leaves_the_word_where_it_was() -> None:
    wave = tone(500, 1.0)
    made = render(wave, (2000, 9000), Recipe.of(1, PitchDraw(2.0)), Materials())
    assert made.span == (2000, 9000)
    assert tone_hz(made.wave) == pytest.approx(500 * 2 ** (2 / 12), rel=0.003)


def test_the_level_is_the_words_not_the_leads() -> None:
    wave = tone(500, 0.5, level=0.01)
    wave[:4000] *= 10
    made = render(wave, (4000, 8000), Recipe.of(1, LoudnessDraw(-30.0)), Materials())
    assert 20 * np.log10(active_level(made.wave[4000:8000])) == pytest.approx(-30, abs=0.05)


def test_the_early_target_is_dry_where_there_is_no_room(block, materials) -> None:
    recipe = everything(block, materials)
    wave = burst(3)
    dry = render(wave, (0, wave.size), without(recipe, "reverb"), materials, early_ms=50).early
    scene = render(wave, (0, wave.size), without(recipe, *NAMES[NAMES.index("reverb") :]), materials)
    assert np.array_equal(dry, scene.wave)


def test_sound_that_is_not_finite_is_refused() -> None:
    with pytest.raises(AudioError, match="not finite"):
        render(np.array([0, np.nan], dtype=np.float32), (0, 2), Recipe(1), Materials())


def test_a_take_is_the_same_whatever_is_made_beside_it(block, materials) -> None:
    whole = everything(block, materials)
    recipes = [Recipe(1), whole, without(whole, "reverb"), without(whole, NAMES[0], *NAMES[2:])]
    takes = [Take.of(burst(seed), (3200, 6400), FAST) for seed in range(len(recipes))]
    early_ms = [50, None, 50, 20]
    everyone = render_all(takes, recipes, materials, early_ms)
    for take, recipe, most, made in zip(takes, recipes, early_ms, everyone, strict=True):
        alone = render(take.wave, take.span, recipe, materials, most)
        assert made.span == alone.span
        assert np.array_equal(made.wave, alone.wave)
        assert np.array_equal(made.early, alone.early)
    assert render_all([], [], materials) == []


def test_other_sound_is_drawn_where_there_is_some(block) -> None:
    certain = with_effects(block, context={"speech_probability": 1.0}, noise={"probability": 1.0})
    recipe = draw_recipe(certain, "keyword", "c" * 64, 1.0, 1, Materials())
    assert recipe.draws["context"].speech is None
    assert not {"reverb", "noise", "babble"} & set(recipe.draws)


def test_babble_has_the_snr_of_the_word_without_the_noise(block, materials) -> None:
    whole = everything(with_effects(block, noise={"snr_db": Range(low=-20, high=-20)}), materials)
    both, alone = without(whole, *set(NAMES) - {"noise", "babble"}), without(whole, *set(NAMES) - {"babble"})
    wave = 0.001 * burst(4)
    span = (0, wave.size)
    under_noise = render(wave, span, both, materials).wave - render(wave, span, without(both, "babble"), materials).wave
    babble = render(wave, span, alone, materials).wave - wave
    assert np.max(np.abs(babble)) > 1e-5
    assert np.allclose(under_noise, babble, atol=1e-7)  # float32 rounding of the sum
