"""Make one shard: the task that a worker gets. Its result depends on the task alone, and is kept in the cache."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE, Waveform, to_int16
from kwsdata.augment.chain import Rendered, Take, render
from kwsdata.augment.recipe import Materials, Recipe, draw_recipe
from kwsdata.draws import digest_of
from kwsdata.errors import AudioError
from kwsdata.files import atomic_path, read_json, write_json
from kwsdata.manifests import audio_sha256, cut_from_dict, cut_to_dict, make_cut
from kwsdata.memory import keep_freed_memory, leave_imports_uncollected
from kwsdata.params import AugmentParams
from kwsdata.reach import reach
from kwsdata.rirs import RirBank, load_bank
from kwsdata.shards import Clip, ahead, batches, read_place, write_shard
from kwsdata.sounds import Sound, SoundPool
from kwsdata.transforms.engine import Engine, engine_for

_DONE = "done.json"
_NOUNS = ("audio", "draws", "manifests", "ring", "rirs", "shards", "sounds")  # whose code a sample depends on


@dataclass(frozen=True)
class ShardTask:
    """One shard to make. Paths are absolute: a worker may have been started anywhere that sees the same disk."""

    rows: Path
    places: list[tuple[int, int]]  # [(offset, size), ...] of the parents' rows
    pools: Path
    rirs: Path
    cache: Path
    root: Path  # what relative paths in manifests are counted from
    params: AugmentParams


def make_shard(task: ShardTask) -> tuple[Path, dict[str, Any]]:
    """Return the directory that holds the shard (as shard 0), made now unless the cache has it; and its counts."""
    keep_freed_memory()
    materials = load_materials(task)
    leave_imports_uncollected()
    parents = list(_read_parents(task))
    recipes = [_recipes_of(parent, task.params, materials) for parent in parents]
    entry = task.cache / _key(task, parents, recipes, materials)
    if not is_whole(entry):
        counts: Counter[str] = Counter()
        with atomic_path(entry) as scratch:
            scratch.mkdir()
            write_shard(scratch, 0, _clips(task, parents, recipes, materials, counts))
            sizes = {path.name: path.stat().st_size for path in sorted(scratch.iterdir())}
            write_json(scratch / _DONE, {"sizes": sizes, "counts": dict(counts)})
    return entry, read_json(entry / _DONE)["counts"]


def shard_files(entry: Path) -> list[str]:
    """Return the names of the files of a finished cache entry."""
    return sorted(read_json(entry / _DONE)["sizes"])


def is_whole(entry: Path) -> bool:
    """Return whether the cache entry is there with all its files in full length."""
    entry = reach(entry)
    if not (entry / _DONE).is_file():
        return False
    sizes = read_json(entry / _DONE)["sizes"]
    return all((entry / name).is_file() and (entry / name).stat().st_size == size for name, size in sizes.items())


def load_materials(task: ShardTask) -> Materials:
    """Return what the task's clips draw from, kept from task to task in one process."""
    return _materials(task.pools, reach(task.pools).stat().st_mtime_ns, reach(task.rirs), task.root)


@lru_cache(maxsize=1)
def _materials(pools: Path, stamp: int, rirs: Path, root: Path) -> Materials:
    sounds = {
        kind: SoundPool({sound_id: Sound(**sound) for sound_id, sound in members.items()}, root)
        for kind, members in read_json(pools).items()
    }
    return Materials(load_bank(rirs) if rirs.is_dir() else None, sounds["noise"], sounds["speech"])


def _read_parents(task: ShardTask) -> Iterator[MonoCut]:
    with reach(task.rows).open("rb") as rows:
        for offset, size in task.places:
            rows.seek(offset)
            yield cut_from_dict(json.loads(rows.read(size)))


def _recipes_of(parent: MonoCut, params: AugmentParams, materials: Materials) -> list[Recipe]:
    custom: dict[str, Any] = parent.custom or {}
    copies = getattr(params.copies, custom["label"])
    kind = "noise" if custom.get("role") == "noise" else custom["label"]  # mined windows of noise are noise, too
    return [
        draw_recipe(params, kind, custom["audio_sha256"], parent.duration, copy, materials)
        for copy in range(copies + 1)
    ]


def _key(task: ShardTask, parents: list[MonoCut], recipes: list[list[Recipe]], materials: Materials) -> str:
    """Return the name of the shard's cache entry: a hash of its parents, recipes, the sounds they use and the code."""
    used: dict[str, str] = {}
    for recipe in (recipe for group in recipes for recipe in group):
        if recipe.reverb and materials.rirs:
            used[recipe.reverb.rir] = _rir_identity(materials.rirs, recipe.reverb.rir)
        if recipe.noise and materials.noises:
            used[recipe.noise.noise] = materials.noises.sounds[recipe.noise.noise].sha256
        spoken = recipe.babble.voices if recipe.babble else []
        if recipe.context and recipe.context.speech:
            spoken = [*spoken, recipe.context.speech]
        if materials.speech:
            used.update({voice: materials.speech.sounds[voice].sha256 for voice in spoken})
    rows = []
    for parent in parents:
        row = cut_to_dict(parent)
        row["custom"] = {key: value for key, value in row["custom"].items() if key != "shard"}
        rows.append(row)
    content = [rows, [[recipe.to_dict() for recipe in group] for group in recipes], used]
    settings = (task.params.engine, task.params.device, task.params.early_target_ms)
    return digest_of(json.dumps(content, sort_keys=True), *settings, code_version())[:40]


def _rir_identity(bank: RirBank, rir_id: str) -> str:
    custom = bank.cuts[rir_id].custom or {}
    return f"{custom['audio_sha256']} {custom['gain']!r}"


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return a hash of the code that makes samples, so that a changed transform finds no old result in the cache."""
    package = Path(__file__).parents[1]
    sources = [*(package / "transforms").glob("*.py"), *(package / "augment").glob("*.py")]
    sources += [package / f"{name}.py" for name in _NOUNS]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    for name in ("numpy", "scipy", "soxr", "soundfile", "miniaudio"):
        digest.update(f"{name} {version(name)}".encode())
    return digest.hexdigest()


def _clips(
    task: ShardTask,
    parents: list[MonoCut],
    recipes: list[list[Recipe]],
    materials: Materials,
    counts: Counter[str],
) -> Iterator[Clip]:
    engine = engine_for(task.params.engine, task.params.device)
    waves = ahead(read_place((parent.custom or {})["shard"], parent.id, task.root) for parent in parents)
    copies = (
        (parent, wave, recipe) for parent, wave, group in zip(parents, waves, recipes, strict=True) for recipe in group
    )
    for batch in batches(copies):
        clips = make_clips(batch, materials, engine, task.params.early_target_ms)
        for (parent, _, recipe), clip in zip(batch, clips, strict=True):
            counts["clips"] += 1
            counts["samples"] += clip.wave.size
            counts[f"label {(parent.custom or {})['label']}"] += 1
            counts.update(f"effect {effect}" for effect in recipe.effects)
            yield clip


def make_clips(
    copies: Sequence[tuple[MonoCut, Waveform, Recipe]],
    materials: Materials,
    engine: Engine,
    early_ms: float | None = None,
) -> list[Clip]:
    """Return the copies that are described by (parent, its sound [samples], recipe), made together.

    Raises:
        AudioError: a parent has a sample that is not finite.
    """
    takes = [_take(*copy) for copy in copies]
    made = render(takes, materials, engine, early_ms)
    stored = [to_int16(one.wave) for one in made]
    hashes = [audio_sha256(wave) for wave in stored]
    return [
        _clip(parent, recipe, one, wave, sha256)
        for (parent, _, recipe), one, wave, sha256 in zip(copies, made, stored, hashes, strict=True)
    ]


def _take(parent: MonoCut, wave: Waveform, recipe: Recipe) -> Take:
    said = parent.supervisions[0] if parent.supervisions else None
    span = (round(said.start * SAMPLE_RATE), round(said.end * SAMPLE_RATE)) if said else (0, wave.size)
    try:
        return Take(wave, span, recipe)
    except AudioError as error:
        raise AudioError(f"{parent.id} {error}") from None


def _clip(parent: MonoCut, recipe: Recipe, made: Rendered, stored: np.ndarray, sha256: str) -> Clip:
    said = parent.supervisions[0] if parent.supervisions else None
    custom = {key: value for key, value in (parent.custom or {}).items() if key != "shard"}
    custom |= {
        "parent": parent.id,
        "parent_sha256": custom["audio_sha256"],
        "audio_sha256": sha256,
        "recipe": recipe.to_dict(),
    }
    cut = make_cut(
        f"{parent.id}-a{recipe.copy:02d}",
        stored.size,
        text=said.text if said and not recipe.fragment else None,  # which words a fragment kept is not known
        speaker=said.speaker if said else None,
        language=said.language if said else None,
        gender=said.gender if said else None,
        span=made.span,
        custom=custom,
    )
    return Clip(cut, stored, {} if made.early is None else {"early": made.early})
