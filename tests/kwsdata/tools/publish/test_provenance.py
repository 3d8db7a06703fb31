"""No sound is mixed in that the gate does not see: not by an effect made for the test, nor by any of the project's."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from augmenting import TRAIN, quiet, toy_project

from kwsdata.clips.manifests import (
    audio_sha256,
    cut_from_dict,
    cut_to_dict,
    make_cut,
    read_cuts,
    with_fields,
    write_cuts,
)
from kwsdata.clips.shards import Clip, load_audio, shard_cuts, write_shards
from kwsdata.clips.sources import SourceId, UnnamedSourceError
from kwsdata.effects import chain
from kwsdata.effects.base import Effect
from kwsdata.params import Params
from kwsdata.params.effects import EffectParams, EffectsParams
from kwsdata.stages.augment.stage import run as augment
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.trees import open_tree
from kwsdata.tools.publish.gate import refusals
from kwsdata.tools.publish.heard import Hearing, own_share
from kwsdata.tools.publish.survey import survey


@dataclass(frozen=True)
class SirenDraw:
    siren: SourceId
    gain: float


@dataclass(frozen=True)
class ForgetfulDraw:
    siren: str
    gain: float


class SirenEffects(EffectsParams):
    siren: EffectParams


class Siren(Effect[EffectParams, SirenDraw]):
    """A noise as it is, under half of the copies: an effect that the project does not know."""

    name = "siren"
    params = EffectParams
    draw_type = SirenDraw
    needs = "noises"
    for_noise = False

    def draw(self, rng, params, materials):
        return self.draw_type(materials.noises.choose(float(rng.random())), 0.1)

    def apply(self, take, draw, materials):
        noise = materials.noises.stretch(draw.siren, take.wave.size, 0.0)
        return take.with_wave(take.wave + np.float32(draw.gain) * noise)

    def describe(self, draw):
        return f"A siren: {draw.siren}."


class ForgetfulSiren(Siren):
    draw_type = ForgetfulDraw


def with_siren(params: Params, siren: Effect, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.setattr(chain, "EFFECTS", (*chain.EFFECTS, siren))
    effects = SirenEffects(**dict(params.augment.effects), siren=EffectParams(probability=0.5))
    return params.model_copy(update={"augment": params.augment.model_copy(update={"effects": effects})})


@pytest.fixture
def silent(project: Path, params):
    """Params of a project that mixes nothing into its copies."""
    toy_project()
    return quiet(params, "noise", "babble", "reverb", "context", "channel")


def test_the_gate_sees_what_an_effect_made_for_the_test_mixes_in(silent, monkeypatch):
    augment(with_siren(silent, Siren(), monkeypatch))
    tree = open_tree()
    hearing = Hearing(tree)
    heard = {one.id: {share.source for share in hearing.shares(one)} for one in members_of(tree, ["augmented/train"])}
    drawn = {one.id: one.recipe["recipe"].get("siren") for one in members_of(tree, ["augmented/train"])}
    words = [clip for clip in heard if clip.startswith("words-")]
    assert {clip for clip in words if drawn[clip]} == {clip for clip in words if "street" in heard[clip]}
    assert 0 < sum(drawn[clip] is not None for clip in words) < len(words)


def test_without_it_the_same_clips_hold_nothing_of_the_noises(silent):
    augment(silent)
    tree = open_tree()
    hearing = Hearing(tree)
    for one in members_of(tree, ["augmented/train"]):
        assert [share.source for share in hearing.shares(one)] == [one.corpus]
        assert one.sources == ()


def test_an_effect_that_forgets_to_name_its_sound_ends_the_stage(silent, monkeypatch):
    params = with_siren(silent, ForgetfulSiren(), monkeypatch)
    with pytest.raises(UnnamedSourceError, match=r"an effect reads street-n\d, which no draw .*SourceId"):
        augment(params)
    assert not Path("data/augmented").exists()


def strings(value: Any) -> Iterator[str]:
    """Yield every string in a recipe, wherever it stands; what a window is near to is not heard in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, held in value.items():
            yield from () if key == "nearest" else strings(held)
    elif isinstance(value, list):
        for held in value:
            yield from strings(held)


def unseen(tree) -> tuple[int, list[tuple[str, str]]]:
    """Return how many sounds recipes name, and (clip, sound) of those whose source the gate does not see."""
    origins = [one for one in members_of(tree) if one.part.startswith(("split/", "rirs/", "mined/"))]
    own = {one.id: own_share(one) for one in origins}
    hearing = Hearing(tree)
    named = [
        (one.id, sound, own[sound] in hearing.shares(one), sound in dict(one.sources or ()))
        for one in members_of(tree)
        if one.part.startswith(("augmented/", "testsets/"))
        for sound in set(strings(one.recipe)) & own.keys()
    ]
    return len(named), [(clip, sound) for clip, sound, heard, listed in named if not (heard and listed)]


def test_every_clip_that_a_recipe_names_is_among_the_sources(built):
    count, missing = unseen(open_tree())
    assert count > 40
    assert missing == []


def test_an_augmented_window_of_a_voice_is_refused_where_its_recording_is(project: Path, params):
    """What `split` refuses, `augmented` and `mined` do not permit."""
    toy_project()
    voice = {"corpus": "speech", "licence": "Apache-2.0", "engine": "piper", "request": {"voice": "de_DE-x-low"}}
    cuts = [with_fields(cut, **voice) if cut.custom["corpus"] == "talk" else cut for cut in read_cuts(TRAIN)]
    write_cuts(TRAIN, cuts)
    mined = []
    for cut in (cut for cut in cuts if cut.custom["corpus"] == "speech"):
        wave = load_audio(cut)[:16_000]
        custom = {"corpus": "mined", "parent_corpus": "speech", "licence": "Apache-2.0", "label": "mined"}
        custom |= {"role": "speech", "parent": cut.id, "parent_sha256": cut.custom["audio_sha256"]}
        custom |= {"audio_sha256": audio_sha256(wave), "partition": "train"}
        mined.append(Clip(make_cut(f"mined-{cut.id}", wave.size, text="", custom=custom), wave))
    Path("data/mined/shar").mkdir(parents=True)
    write_shards(Path("data/mined/shar"), mined, 50)
    augment(quiet(params, "noise", "babble", "context"))
    tree = open_tree()
    hearing = Hearing(tree)
    for part in ("split/train", "mined/train", "augmented/train"):
        (reason,) = refusals(survey(tree, [part], hearing, [], {}).sources)
        assert reason.startswith("speech:piper:de_DE-x-low: its licence is 'unknown'"), part
    copies = [one for one in members_of(tree, ["augmented/train"]) if one.corpus == "mined"]
    assert len(copies) >= 8
    for one in copies:
        assert hearing.shares(one)[0].source == "speech:piper:de_DE-x-low"


def test_the_cuts_that_lhotse_reads_keep_their_sources(built):
    for cut in shard_cuts(Path("data/augmented")):
        assert cut_from_dict(cut_to_dict(cut)).custom["sources"] == cut.custom["sources"]
