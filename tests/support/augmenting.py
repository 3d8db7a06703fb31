"""A small train manifest with rooms and noises, as the augment stage reads them."""

from pathlib import Path

import numpy as np
from sound import burst, white_noise

from kwsdata.corpus import CorpusInfo, Item, write_corpus
from kwsdata.files import sha256_of
from kwsdata.manifests import audio_sha256, make_cut, write_cuts
from kwsdata.params import Params
from kwsdata.rirs import BITS, align, to_stored
from kwsdata.shards import SHAR, Clip, shard_cuts, with_custom, write_shard

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
            with_custom(cut, label=label, partition="train", synthetic=False)
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
    often = {
        name: 0.5
        for name in params.augment.__class__.model_fields
        if name.endswith("_probability") and name != "lead_speech_probability"
    }
    copies = params.augment.copies.model_copy(update={"keyword": 3, "confusable": 2, "speech": 1, "noise": 1})
    augment = params.augment.model_copy(update=often | {"copies": copies, "clips_per_shard": 8} | changes)
    executor = params.executor.model_copy(update={"kind": "serial"})
    return params.model_copy(update={"augment": augment, "executor": executor})


def on(params: Params, kind: str, workers: int = 0, scheduler: str | None = None, store: str | None = None) -> Params:
    """Return `params` with another executor."""
    update = {"kind": kind, "workers": workers, "scheduler": scheduler, "store": store}
    return params.model_copy(update={"executor": params.executor.model_copy(update=update)})


def hashes(directory: Path) -> dict[str, str]:
    """Return {file name: SHA-256} of the shards of a stage's directory."""
    return {path.name: sha256_of(path) for path in sorted((directory / SHAR).iterdir())}
