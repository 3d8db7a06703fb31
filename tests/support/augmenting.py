"""A small train manifest with rooms and noises, as the augment stage reads them."""

from pathlib import Path
from typing import Any

import numpy as np
from sound import burst, white_noise

from kwsdata.audio import Waveform
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.manifests import audio_sha256, make_cut, with_fields, write_cuts
from kwsdata.clips.shards import SHAR, Clip, shard_cuts, write_shard
from kwsdata.effects.base import Take
from kwsdata.effects.chain import EFFECTS
from kwsdata.files.atomic import sha256_of
from kwsdata.params import AugmentParams, Params
from kwsdata.pools.materials import Materials
from kwsdata.rooms.bank import BITS, align, to_stored
from kwsdata.transforms.engine import engine_for

TRAIN = Path("data/split/train.jsonl.gz")
RIRS = Path("data/rirs/train")


def write_rirs(directory: Path, count: int = 3) -> None:
    """Write a bank of decaying noises."""
    clips = []
    for number in range(count):
        wave = white_noise(number, 0.2, 0.05) * np.exp(-np.arange(3200) / 800).astype(np.float32)
        wave[40] = 1.0
        stored, gain = to_stored(align(wave, 40))
        custom = {"speaker": f"room:{number:04d}", "label": "rir", "gain": gain, "audio_sha256": audio_sha256(stored)}
        custom |= {"corpus": "simulated", "licence": "CC0-1.0"}
        clips.append(Clip(make_cut(f"room_{number:04d}-0", stored.size, custom=custom), stored))
    write_shard(directory, 0, clips, BITS)


def write_toy_corpus(name: str, label: str, count: int, seed: int, seconds: float = 0.5) -> None:
    """Write `data/corpora/NAME`: words or sentences (`burst`), or noises."""
    role = {"keyword": "keyword", "noise": "noise"}.get(label, "speech")
    items = []
    for number in range(count):
        if label == "noise":
            items.append(Item(f"n{number}", white_noise(seed + number, seconds), speaker=f"s{number}"))
        else:
            wave = burst(seed + number, 0.1, seconds, 0.1)
            span = (1600, wave.size - 1600)
            items.append(Item(f"w{number}", wave, text="computer", speaker=f"s{number}", span=span))
    info = CorpusInfo(name, "folder", role, "CC0", "none", "made here", "known")
    write_corpus(Path("data/corpora") / name, info, items, 50, 0.0)


def write_train(labels: dict[str, str]) -> None:
    """Write the train manifest of the corpora in `labels` ({name: label}), in the order given."""
    TRAIN.parent.mkdir(parents=True, exist_ok=True)
    write_cuts(
        TRAIN,
        (
            with_fields(cut, label=label, partition="train", synthetic=False)
            for name, label in labels.items()
            for cut in shard_cuts(Path("data/corpora") / name)
        ),
    )


def toy_project() -> dict[str, str]:
    """Write four corpora, their manifest and a bank of rooms below the current directory; return {corpus: label}."""
    labels = {"words": "keyword", "others": "confusable", "talk": "speech", "street": "noise"}
    write_toy_corpus("words", "keyword", 6, 0)
    write_toy_corpus("others", "confusable", 5, 100)
    write_toy_corpus("talk", "speech", 4, 200, seconds=5.0)
    write_toy_corpus("street", "noise", 4, 300, seconds=2.0)
    write_train(labels)
    write_rirs(RIRS)
    return labels


def eventful(params: Params, **changes: object) -> Params:
    """Return `params` with every effect likely, small shards, one process, and `changes` to the augment block."""
    block = params.augment
    copies = block.copies.model_copy(update={"keyword": 3, "confusable": 2, "speech": 1, "noise": 1})
    often = {name: 0.5 for name in type(block.effects).model_fields if name not in ("context", "loudness")}
    often_enough = with_probabilities(block, **often).effects
    augment = block.model_copy(update={"copies": copies, "clips_per_shard": 8, "effects": often_enough} | changes)
    executor = params.executor.model_copy(update={"kind": "serial"})
    return params.model_copy(update={"augment": augment, "executor": executor})


def with_probabilities(block: AugmentParams, **probabilities: float) -> AugmentParams:
    """Return `block` with these probabilities of effects."""
    return with_effects(block, **{name: {"probability": value} for name, value in probabilities.items()})


def with_effects(block: AugmentParams, **changes: dict[str, object]) -> AugmentParams:
    """Return `block` with `changes` to the blocks of effects: {effect: {key: value}}."""
    blocks = {name: getattr(block.effects, name).model_copy(update=values) for name, values in changes.items()}
    return block.model_copy(update={"effects": block.effects.model_copy(update=blocks)})


def quiet(params: Params, *effects: str, **changes: object) -> Params:
    """Return `params` with every effect likely but these, which never happen, and `changes` to the augment block."""
    likely = eventful(params, **changes)
    augment = with_probabilities(likely.augment, **dict.fromkeys(effects, 0.0))
    return likely.model_copy(update={"augment": augment})


def toy_materials(params: Params) -> Materials:
    """Make the toy project below the current directory; return what its clips draw from."""
    from kwsdata.stages.augment.plan import make_plan
    from kwsdata.stages.augment.shard import ShardTask, load_materials

    toy_project()
    block = eventful(params).augment
    plan = make_plan(TRAIN, block, Path.cwd())
    return load_materials(ShardTask(plan.rows, [], "", plan.pools, RIRS.absolute(), Path.cwd(), block))


def applied_take(
    draw: Any, wave: Waveform, span: tuple[int, int] | None = None, materials: Materials | None = None
) -> Take:
    """Return `wave` [samples] after the one effect that makes draws of this type; `span`: its word, by default all."""
    (effect,) = [effect for effect in EFFECTS if effect.draw_type is type(draw)]
    take = Take.of(wave, span or (0, wave.size), engine_for("fast", "cpu"))
    return effect.apply(take, draw, materials or Materials()).settled()


def applied(
    draw: Any, wave: Waveform, span: tuple[int, int] | None = None, materials: Materials | None = None
) -> Waveform:
    """Return the wave [samples] of `applied_take`."""
    return applied_take(draw, wave, span, materials).wave


def on(params: Params, kind: str, workers: int = 0, scheduler: str | None = None, store: str | None = None) -> Params:
    """Return `params` with another executor."""
    update = {"kind": kind, "workers": workers, "scheduler": scheduler, "store": store}
    return params.model_copy(update={"executor": params.executor.model_copy(update=update)})


def hashes(directory: Path) -> dict[str, str]:
    """Return {file name: SHA-256} of the shards of a stage's directory."""
    return {path.name: sha256_of(path) for path in sorted((directory / SHAR).iterdir())}
