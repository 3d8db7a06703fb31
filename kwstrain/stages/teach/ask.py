"""Run the teacher on one shard of clips."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from lhotse import MonoCut

from kwsdata.clips.content import file_hash
from kwsdata.clips.pieces import digest_of_places
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.errors import StageInputError
from kwsdata.execution.cache import PACKAGES, Step
from kwsdata.features.rows import group_cuts
from kwsdata.features.store import FeatureStore
from kwsdata.files.site import reach
from kwsdata.params.data import FeaturizeParams
from kwstrain.teachers.listeners import Listener, load_listener

ANSWERS = Step("teach", __name__, suffix=".npz")


@dataclass(frozen=True)
class Shard:
    """Clips of one shard of the feature store, in order, and a digest of what the teacher hears of them.

    `cuts`: with their sound, for a teacher that hears waves; else clips [first, end) of the store `frames`. `trusted`:
    see `load_listener`.
    """

    teacher: Path
    trusted: str | None
    heard: str
    keep_embedding: bool
    frames: Path
    first: int
    end: int
    cuts: tuple[MonoCut, ...] = ()


def shards_of(
    listener: Listener, teacher: Path, trusted: str | None, source: Path, store: FeatureStore, keep: bool
) -> list[Shard]:
    """Return the shards of `store`, the clips as `listener` hears them coming from `source`.

    Raises:
        StageInputError: `source` does not hold the clips of `store`, in the same order.
    """
    shard = np.asarray([clip.shard for clip in store.clips])
    spans = list(pairwise([0, *(np.flatnonzero(np.diff(shard)) + 1).tolist(), len(shard)])) if len(shard) else []
    if listener.hears == "wave":
        cuts = list(shard_cuts(source))
        _check([cut.id for cut in cuts], store, source)
        parts = [tuple(cuts[first:end]) for first, end in spans]
        keys = [digest_of_places(part) for part in parts]
    else:
        heard = FeatureStore(source)
        _check([clip.id for clip in heard.clips], store, source)
        parts = [()] * len(spans)
        hashes = [file_hash(source / f"features.{number:06d}.npy") for number in range(int(heard.info["shards"]))]
        keys = [
            "".join(f"{hashes[clip.shard]}:{clip.offset}:{clip.frames} " for clip in heard.clips[first:end])
            for first, end in spans
        ]
    return [
        Shard(teacher, trusted, key, keep, source, *span, part)
        for key, span, part in zip(keys, spans, parts, strict=True)
    ]


def early_shards(
    listener: Listener, teacher: Path, trusted: str | None, augmented: Path, embedded: Path, params: FeaturizeParams
) -> tuple[list[str], list[Shard]]:
    """Return the ids of the clips whose early target `listener` can hear, and shards of these targets.

    A teacher hears them as waves, or as the embeddings in `embedded`/early; none as features.
    """
    if listener.hears == "wave":
        groups = list(group_cuts(shard_cuts(augmented, "early"), params))
        shards = [Shard(teacher, trusted, digest_of_places(cuts), False, augmented, 0, 0, cuts) for cuts in groups]
        return [cut.id for cuts in groups for cut in cuts], shards
    if listener.hears == "embedded" and (embedded / "early").is_dir():
        store = FeatureStore(embedded / "early")
        return [clip.id for clip in store.clips], shards_of(listener, teacher, trusted, store.directory, store, False)
    return [], []


def _check(ids: list[str], store: FeatureStore, source: Path) -> None:
    if ids != [clip.id for clip in store.clips]:
        raise StageInputError(
            f"{source} holds {len(ids)} clips, not the {len(store.clips)} of {store.directory} in the same order: type "
            "`dvc repro`."
        )


def ask(shard: Shard) -> Path:
    """Return the file with the answers to `shard`, made now unless the cache has it.

    Arrays: counts int64 [clips], log_odds float16 [answers], and embedding float16 [answers, dim] if it is kept.
    """
    listener = load_listener(reach(shard.teacher), shard.trusted)
    key = {"teacher": listener.identity, "files": _contents(shard.teacher), "code": _own_code(listener)}
    make = partial(_answer, shard, listener)
    return ANSWERS.get(make, heard=shard.heard, embedding=shard.keep_embedding, **key)


def _contents(teacher: Path) -> dict[str, str]:
    """Return {name: SHA-256} of the files that describe a teacher; its history is of no consequence."""
    here = reach(teacher)
    files = sorted(path for path in here.rglob("*") if path.is_file() and path.name != "history.jsonl")
    return {path.relative_to(here).as_posix(): file_hash(path) for path in files}


def _own_code(listener: Listener) -> str | None:
    """Return the SHA-256 of the file of a teacher's class that is none of this project's."""
    module = sys.modules[type(listener).__module__]
    own = None if module.__name__.split(".")[0] in PACKAGES else getattr(module, "__file__", None)
    return None if own is None else file_hash(Path(own))


def _answer(shard: Shard, listener: Listener, path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        said = [listener(heard) for heard in _heard(shard)]
    finally:
        torch.set_num_threads(threads)
    arrays = {"counts": np.asarray([len(answer.log_odds) for answer in said], np.int64)}
    arrays["log_odds"] = np.concatenate([answer.log_odds for answer in said]).astype(np.float16)
    if shard.keep_embedding:
        arrays["embedding"] = np.concatenate([answer.embedding for answer in said]).astype(np.float16)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _heard(shard: Shard) -> Iterator[np.ndarray]:
    if shard.cuts:
        yield from map(load_audio, shard.cuts)
    else:
        store = FeatureStore(reach(shard.frames))
        for clip in store.clips[shard.first : shard.end]:
            yield store.frames(clip)
