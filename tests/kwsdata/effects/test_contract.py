"""What every effect keeps, the ones that are added later too."""

import json

import numpy as np
import pytest
from augmenting import applied, applied_take, toy_materials, with_probabilities
from sound import burst

from kwsdata.draws import rng_for
from kwsdata.effects.base import Copy
from kwsdata.effects.chain import EFFECTS, effect_named
from kwsdata.effects.recipe import Recipe, draw_recipe
from kwsdata.params.effects import EffectsParams
from kwsdata.pools.materials import Materials

NAMES = [effect.name for effect in EFFECTS]


@pytest.fixture(scope="module")
def materials(tmp_path_factory, params) -> Materials:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("project"))
        return toy_materials(params)


def draws_of(name: str, params, materials: Materials, count: int = 20):
    effect = effect_named(name)
    block = getattr(params.augment.effects, name)
    return [effect.draw(rng_for(1, name, number), block, materials) for number in range(count)]


def test_the_chain_and_params_have_the_same_effects_in_the_same_order() -> None:
    assert list(EffectsParams.model_fields) == NAMES
    assert [effect.params for effect in EFFECTS] == [field.annotation for field in EffectsParams.model_fields.values()]
    assert len({effect.draw_type for effect in EFFECTS}) == len(EFFECTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_draw_is_its_generator_and_survives_json(name: str, params, materials) -> None:
    draws = draws_of(name, params, materials)
    assert draws == draws_of(name, params, materials)
    for draw in draws:
        recipe = Recipe(1, {name: draw})
        assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe == Recipe.of(1, draw)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_another_and_the_wave_it_was_is_left_alone(name: str, params, materials) -> None:
    wave = burst(2, 0.2, 0.6, 0.2)
    before = wave.copy()
    for draw in draws_of(name, params, materials, 3):
        take = applied_take(draw, wave, (3200, wave.size - 3200), materials)
        assert np.array_equal(wave, before)
        assert take.wave.dtype == np.float32
        assert 0 <= take.span[0] < take.span[1] <= take.wave.size
        assert take.wave.size != wave.size or np.max(np.abs(take.wave - wave)) > 1e-4
        assert np.array_equal(take.wave, applied(draw, wave, (3200, wave.size - 3200), materials))


@pytest.mark.parametrize("name", NAMES)
def test_what_it_reads_is_among_its_sources(name: str, params, materials) -> None:
    wave = burst(3)
    for draw in draws_of(name, params, materials, 8):
        sources = effect_named(name).sources(draw)
        alone = applied(draw, wave, None, materials.only(sources))
        assert np.array_equal(alone, applied(draw, wave, None, materials))
        assert all(materials.sha256_of(source) for source in sources)


@pytest.mark.parametrize("name", NAMES)
def test_a_draw_is_told_as_a_sentence_with_its_sources(name: str, params, materials) -> None:
    told = {effect_named(name).describe(draw) for draw in draws_of(name, params, materials)}
    assert all(text[0].isupper() or text[0].isdigit() for text in told)
    assert all(text.endswith(".") for text in told)
    assert len(told) > 1  # the numbers are in it
    for draw in draws_of(name, params, materials):
        assert all(source in effect_named(name).describe(draw) for source in effect_named(name).sources(draw))


@pytest.mark.parametrize("name", NAMES)
def test_switching_an_effect_off_changes_no_other_draw(name: str, params, materials) -> None:
    likely = with_probabilities(params.augment, **dict.fromkeys(NAMES, 0.5))
    off = with_probabilities(likely, **{name: 0.0})
    for copy in range(1, 8):
        with_it = draw_recipe(likely, "keyword", "b" * 64, 1.0, copy, materials)
        rest = {effect: draw for effect, draw in with_it.draws.items() if effect != name}
        assert draw_recipe(off, "keyword", "b" * 64, 1.0, copy, materials).draws == rest


@pytest.mark.parametrize("name", NAMES)
def test_what_it_needs_decides_whether_it_is_drawn(name: str, params, materials) -> None:
    effect, block = effect_named(name), getattr(params.augment.effects, name)
    copy = Copy(1, "speech", 1.0)
    assert effect.suits(copy, block, materials)
    assert effect.suits(copy, block, Materials()) == (effect.needs is None)
    if not effect.for_noise:
        assert not effect.suits(Copy(1, "noise", 1.0), block, materials)
