"""A recipe is all there is to know about a clip: drawn once, applied to the same samples, the word where it says."""

import json
from dataclasses import replace

import numpy as np
import pytest
from acoustics import tone_hz
from augmenting import RIRS, TRAIN, eventful, toy_project
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sound import burst, tone

from kwsdata.augment.chain import Rendered, Take, word_level
from kwsdata.augment.chain import render as render_all
from kwsdata.augment.plan import make_plan
from kwsdata.augment.recipe import Materials, Recipe, draw_recipe
from kwsdata.augment.shard import ShardTask, load_materials
from kwsdata.errors import AudioError
from kwsdata.transforms.context import ContextDraw
from kwsdata.transforms.engine import engine_for
from kwsdata.transforms.loudness import LoudnessDraw
from kwsdata.transforms.pitch import PitchDraw
from kwsdata.transforms.shift import ShiftDraw
from kwsdata.transforms.speed import SpeedDraw
from kwsdata.transforms.tempo import TempoDraw

FAST = engine_for("fast", "cpu")


def render(wave, span, recipe, materials, engine, early_ms=None) -> Rendered:
    """Return one take alone."""
    (made,) = render_all([Take(wave, span, recipe)], materials, engine, early_ms)
    return made


EFFECTS = list(Recipe.__dataclass_fields__)[1:]
LABELS = ["keyword", "confusable", "speech", "noise"]


@pytest.fixture(scope="module")
def materials(tmp_path_factory, params) -> Materials:
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("project")
        patch.chdir(root)
        toy_project()
        block = eventful(params).augment
        plan = make_plan(TRAIN, block, root)
        return load_materials(ShardTask(plan.rows, [], "", plan.pools, RIRS.absolute(), root, block))


@pytest.fixture(scope="module")
def block(params):
    return eventful(params).augment


def everything(params, materials: Materials, sha: str = "f" * 64) -> Recipe:
    """Return a recipe in which every effect happens."""
    names = [name for name in type(params).model_fields if name.endswith("_probability")]
    return draw_recipe(params.model_copy(update=dict.fromkeys(names, 1.0)), "speech", sha, 1.0, 1, materials)


def test_a_recipe_survives_json(block, materials) -> None:
    for copy in range(40):
        recipe = draw_recipe(block, "keyword", f"{copy:064d}", 1.0, copy, materials)
        assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert everything(block, materials).effects == EFFECTS


def test_copy_zero_is_the_clip_in_its_context(block, materials) -> None:
    wave = burst(1)
    recipe = draw_recipe(block, "keyword", "a" * 64, 1.0, 0, materials)
    assert recipe.effects == ["context"]
    made = render(wave, (0, wave.size), recipe, materials, FAST)
    assert np.array_equal(made.wave[made.span[0] : made.span[1]], wave)


@pytest.mark.parametrize("effect", [name for name in EFFECTS if name != "loudness"])
def test_switching_an_effect_off_changes_no_other_draw(effect: str, block, materials) -> None:
    if f"{effect}_probability" not in type(block).model_fields:
        off = block.model_copy(update={"context_below_s": 0.0})
    else:
        off = block.model_copy(update={f"{effect}_probability": 0.0})
    for copy in range(1, 8):
        with_it = draw_recipe(block, "keyword", "b" * 64, 1.0, copy, materials)
        without = draw_recipe(off, "keyword", "b" * 64, 1.0, copy, materials)
        assert without == replace(with_it, **{effect: None})


def test_effects_happen_as_often_as_they_shall(block, materials) -> None:
    some = block.model_copy(update={"reverb_probability": 0.3})
    drawn = [draw_recipe(some, "keyword", f"{n:064d}", 1.0, 1, materials) for n in range(1500)]
    assert np.mean([recipe.reverb is not None for recipe in drawn]) == pytest.approx(0.3, abs=0.05)  # 4 sigma
    snr = [recipe.noise.snr_db for recipe in drawn if recipe.noise]
    assert block.snr_db.low <= min(snr) < block.snr_db.low + 1
    assert block.snr_db.high - 1 < max(snr) <= block.snr_db.high


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
    made = render(wave, (0, wave.size), recipe, materials, FAST, early_ms=50)
    assert np.array_equal(wave, before)
    for heard in (made.wave, made.early):
        assert heard.dtype == np.float32
        assert heard.size > 0
        assert np.isfinite(heard).all()
        assert np.max(np.abs(heard)) <= 1.0
    assert 0 <= made.span[0] <= made.span[1] <= made.wave.size == made.early.size


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_alone_changes_the_sound_and_twice_the_same(effect: str, block, materials) -> None:
    recipe = Recipe(copy=1, **{effect: getattr(everything(block, materials), effect)})
    wave = burst(2, 0.2, 0.6, 0.2)
    made = render(wave, (3200, wave.size - 3200), recipe, materials, FAST)
    assert made.wave.size != wave.size or np.max(np.abs(made.wave - wave)) > 1e-3
    assert np.array_equal(made.wave, render(wave, (3200, wave.size - 3200), recipe, materials, FAST).wave)


@settings(max_examples=30, deadline=None)
@given(speed=st.floats(0.8, 1.25), tempo=st.floats(0.8, 1.25), lead=st.floats(0, 1.5), shift=st.floats(-0.3, 0.3))
def test_the_span_follows_the_word(speed: float, tempo: float, lead: float, shift: float) -> None:
    word = tone(1000, 0.4)
    wave = np.concatenate((np.zeros(4800), word, np.zeros(6400))).astype(np.float32)
    recipe = Recipe(
        1,
        speed=SpeedDraw(speed),
        tempo=TempoDraw(tempo),
        context=ContextDraw(lead, 0.4),
        shift=ShiftDraw(shift),
    )
    made = render(wave, (4800, 4800 + word.size), recipe, Materials(), FAST)
    loud = np.flatnonzero(np.abs(made.wave) > 0.05)
    # a segment of the tempo effect finds its place within 7.5 ms either way; its joint is 10 ms long
    assert made.span[0] == pytest.approx(loud[0], abs=0.02 * 16_000)
    assert made.span[1] == pytest.approx(loud[-1], abs=0.02 * 16_000)


def test_pitch_leaves_the_word_where_it_was() -> None:
    wave = tone(500, 1.0)
    made = render(wave, (2000, 9000), Recipe(1, pitch=PitchDraw(2.0)), Materials(), FAST)
    assert made.span == (2000, 9000)
    assert tone_hz(made.wave) == pytest.approx(500 * 2 ** (2 / 12), rel=0.003)


def test_the_level_is_the_words_not_the_leads() -> None:
    wave = tone(500, 0.5, level=0.01)
    wave[:4000] *= 10
    made = render(wave, (4000, 8000), Recipe(1, loudness=LoudnessDraw(-30.0)), Materials(), FAST)
    assert 20 * np.log10(word_level(made.wave, (4000, 8000))) == pytest.approx(-30, abs=0.05)


def test_the_early_target_is_dry_where_there_is_no_room(block, materials) -> None:
    recipe = everything(block, materials)
    wave = burst(3)
    dry = render(wave, (0, wave.size), replace(recipe, reverb=None), materials, FAST, early_ms=50).early
    scene = render(wave, (0, wave.size), Recipe(1, *[getattr(recipe, name) for name in EFFECTS[:6]]), materials, FAST)
    assert np.array_equal(dry, scene.wave)


def test_sound_that_is_not_finite_is_refused() -> None:
    with pytest.raises(AudioError, match="not finite"):
        render(np.array([0, np.nan], dtype=np.float32), (0, 2), Recipe(1), Materials(), FAST)


def test_a_take_is_the_same_whatever_is_made_beside_it(block, materials) -> None:
    whole = everything(block, materials)
    recipes = [Recipe(1), whole, replace(whole, reverb=None), Recipe(1, **{EFFECTS[1]: getattr(whole, EFFECTS[1])})]
    takes = [Take(burst(seed), (3200, 6400), recipe) for seed, recipe in enumerate(recipes)]
    for take, made in zip(takes, render_all(takes, materials, FAST, 50), strict=True):
        alone = render(take.wave, take.span, take.recipe, materials, FAST, 50)
        assert made.span == alone.span
        assert np.array_equal(made.wave, alone.wave)
        assert np.array_equal(made.early, alone.early)
    assert render_all([], materials, FAST) == []
