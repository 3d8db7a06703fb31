"""Make one shard: the task that a worker gets. Its result depends on the task alone, and is kept in the cache."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import Waveform, to_int16
from kwsdata.clips.content import Contents
from kwsdata.clips.fields import ClipFields, with_row_fields
from kwsdata.clips.manifests import audio_sha256, cut_from_dict, cut_to_dict, make_cut
from kwsdata.clips.shards import SHAR, Clip, ahead, batches, read_place, write_shard
from kwsdata.clips.sources import SourceId
from kwsdata.clips.view import ClipView
from kwsdata.effects.base import Take
from kwsdata.effects.recipe import Recipe, draw_recipe
from kwsdata.effects.render import render
from kwsdata.errors import AudioError
from kwsdata.execution.cache import Step
from kwsdata.execution.memory import keep_freed_memory, leave_imports_uncollected
from kwsdata.files.atomic import FileState, read_json, state_of, write_json
from kwsdata.files.site import reach
from kwsdata.params import AugmentParams
from kwsdata.pools.materials import Materials
from kwsdata.pools.sounds import Sound, SoundPool
from kwsdata.rooms.bank import RirBank, load_bank
from kwsdata.transforms.engine import Engine, engine_for

SHARD = Step("augment", __name__)
_PARENTS_OWN = ("elsewhere", "shard")  # fields of a parent that are not true of its copies
_COUNTS = "counts.json"


@dataclass(frozen=True)
class ShardTask:
    """One shard to make. Paths are absolute: a worker may have been started anywhere that sees the same disk."""

    rows: Path
    places: list[tuple[int, int]]  # [(offset, size), ...] of the parents' rows
    sound: str  # a digest of the parents' sound
    pools: Path
    rirs: Path
    root: Path  # what relative paths in manifests are counted from
    params: AugmentParams


def make_shard(task: ShardTask) -> tuple[Path, dict[str, Any]]:
    """Return the directory that holds the shard (as shard 0), made now unless the cache has it; and its counts."""
    keep_freed_memory()
    materials = load_materials(task)
    leave_imports_uncollected()
    parents = list(_read_parents(task))
    recipes = [_recipes_of(parent, task.params, materials) for parent in parents]
    make = partial(_write, task, parents, recipes, materials)
    made = SHARD.get(make, sound=task.sound, **_key(task, parents, recipes, materials))
    return made / SHAR, read_json(made / _COUNTS)


def _write(
    task: ShardTask, parents: list[MonoCut], recipes: list[list[Recipe]], materials: Materials, out: Path
) -> None:
    counts: Counter[str] = Counter()
    (out / SHAR).mkdir(parents=True)
    write_shard(out / SHAR, 0, _clips(task, parents, recipes, materials, counts))
    write_json(out / _COUNTS, dict(counts))


def load_materials(task: ShardTask) -> Materials:
    """Return what the task's clips draw from, kept from task to task in one process."""
    return _materials(task.pools, state_of(reach(task.pools)), reach(task.rirs), task.root)


@lru_cache(maxsize=1)
def _materials(pools: Path, state: FileState, rirs: Path, root: Path) -> Materials:
    sounds = {
        kind: SoundPool({sound_id: Sound(**sound) for sound_id, sound in members.items()}, root)
        for kind, members in read_json(pools).items()
    }
    bank = load_bank(rirs) if rirs.is_dir() else RirBank({})
    return Materials(bank, sounds["noise"], sounds["speech"], sounds["recordings"])


def _read_parents(task: ShardTask) -> Iterator[MonoCut]:
    with reach(task.rows).open("rb") as rows:
        for offset, size in task.places:
            rows.seek(offset)
            yield cut_from_dict(json.loads(rows.read(size)))


def _recipes_of(parent: MonoCut, params: AugmentParams, materials: Materials) -> list[Recipe]:
    clip = ClipView(parent)
    copies = getattr(params.copies, clip.label)
    kind = "noise" if clip.role == "noise" else clip.label  # mined windows of noise are noise, too
    return [
        draw_recipe(params, kind, clip.audio_sha256, clip.duration_s, copy, materials) for copy in range(copies + 1)
    ]


def _key(task: ShardTask, parents: list[MonoCut], recipes: list[list[Recipe]], materials: Materials) -> dict[str, Any]:
    """Return what decides the shard beside the parents' sound: rows, recipes, the sounds they name, settings."""
    rows = [with_row_fields(cut_to_dict(parent), ClipView(parent).without(("shard",))) for parent in parents]
    named = {source for group in recipes for recipe in group for source in recipe.sources}
    return {
        "parents": rows,
        "recipes": [[recipe.to_dict() for recipe in group] for group in recipes],
        "drawn": _contents_of(named, materials, task.root),
        "settings": [task.params.engine, task.params.device, task.params.early_target_ms, task.params.early_target_of],
    }


def _contents_of(names: set[SourceId], materials: Materials, root: Path) -> dict[str, list[Any]]:
    """Return {name: its bytes, and what is written of it} of the noises, voices and rooms among `names`."""
    found: dict[str, list[Any]] = {}
    pools = {"noise": materials.noises, "speech": materials.speech, "recording": materials.recordings}
    for kind, pool in pools.items():
        for name in names & pool.sounds.keys():
            sound = pool.sounds[name]
            found[f"{kind} {name}"] = [sound.content, sound.samples, sound.audio_sha256]
    contents = Contents(root)
    rooms = materials.rirs.cuts
    for name in names & rooms.keys():
        room = ClipView(rooms[name])
        found[f"room {name}"] = [contents(room.place), room.gain, room.audio_sha256]
    return found


def _clips(
    task: ShardTask,
    parents: list[MonoCut],
    recipes: list[list[Recipe]],
    materials: Materials,
    counts: Counter[str],
) -> Iterator[Clip]:
    engine = engine_for(task.params.engine, task.params.device)
    waves = ahead(read_place(ClipView(parent).place, parent.id, task.root) for parent in parents)
    copies = (
        (parent, wave, recipe) for parent, wave, group in zip(parents, waves, recipes, strict=True) for recipe in group
    )
    for batch in batches(copies):
        clips = make_clips(batch, materials, engine, task.params.early_target_ms, task.params.early_target_of)
        for (parent, _, recipe), clip in zip(batch, clips, strict=True):
            counts["clips"] += 1
            counts["samples"] += clip.wave.size
            counts[f"label {ClipView(parent).label}"] += 1
            counts.update(f"effect {effect}" for effect in recipe.effects)
            yield clip


def make_clips(
    copies: Sequence[tuple[MonoCut, Waveform, Recipe]],
    materials: Materials,
    engine: Engine,
    early_ms: float | None = None,
    early_of: Collection[str] = (),
) -> list[Clip]:
    """Return the copies that are described by (parent, its sound [samples], recipe), made together.

    With `early_ms`, those whose label is in `early_of` have an early target with this much of the room.

    Raises:
        AudioError: a parent has a sample that is not finite.
    """
    takes = [_take(parent, wave, engine) for parent, wave, _ in copies]
    early = [early_ms if ClipView(parent).label in early_of else None for parent, _, _ in copies]
    made = render(takes, [recipe for _, _, recipe in copies], materials, early)
    stored = [to_int16(one.wave) for one in made]
    hashes = [audio_sha256(wave) for wave in stored]
    return [
        _clip(parent, recipe, materials, one, wave, sha256, {} if early_ms is None else {"early": one.early})
        for (parent, _, recipe), one, wave, sha256 in zip(copies, made, stored, hashes, strict=True)
    ]


def _take(parent: MonoCut, wave: Waveform, engine: Engine) -> Take:
    try:
        return Take.of(wave, ClipView(parent).span or (0, wave.size), engine)
    except AudioError as error:
        raise AudioError(f"{parent.id} {error}") from None


def _clip(
    parent: MonoCut,
    recipe: Recipe,
    materials: Materials,
    made: Take,
    stored: np.ndarray,
    sha256: str,
    extras: Mapping[str, Waveform | None],
) -> Clip:
    clip = ClipView(parent)
    said = clip.said
    fields = cast(ClipFields, clip.without(_PARENTS_OWN)) | ClipFields(
        parent=clip.id,
        parent_sha256=clip.audio_sha256,
        audio_sha256=sha256,
        recipe=recipe.to_dict(),
        sources=[[source, sound] for source in recipe.sources for sound in materials.sha256_of(source)],
    )
    cut = make_cut(
        f"{parent.id}-a{recipe.copy:02d}",
        stored.size,
        text=said.text if said and recipe.keeps_text else None,
        speaker=said.speaker if said else None,
        language=said.language if said else None,
        gender=said.gender if said else None,
        span=made.span,
        custom=fields,
    )
    return Clip(cut, stored, extras)
