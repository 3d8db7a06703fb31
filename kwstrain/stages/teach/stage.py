"""Ask the teacher about every augmented clip, once: what `train` distils from (see `store` for the files).

A teacher hears a word worse in noise and rooms than before them, and what it does not hear it teaches a student not to
hear. So where a copy has an early target (`augment.early_target_ms`: the copy before its noise and most of its room),
the answer to the copy is a mean with the answer to the target (J. Li et al., 2017, "Large-scale domain adaptation via
teacher-student learning", Interspeech: the teacher hears clean speech, the student the same speech in noise). The
answers to the copies alone are in `plain`, a directory of the same kind.

A shard's answers are kept in the cache under the teacher and its sound: an interrupted run asks only what is missing.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.clips.pieces import tars_of
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.execution.executor import run_tasks
from kwsdata.features.store import FeatureStore
from kwsdata.files.atomic import atomic_path, read_json, write_json
from kwsdata.params import Params
from kwstrain.answers import PLAIN, clips_digest
from kwstrain.stages.teach.ask import Shard, ask, early_shards, shards_of
from kwstrain.teachers.listeners import load_listener


def run(
    params: Params,
    teacher: Path = Path("data/models/teacher"),
    features: Path = Path("data/features"),
    embedded: Path = Path("data/embedded"),
    augmented: Path = Path("data/augmented"),
    out: Path = Path("data/teach"),
) -> dict[str, Any]:
    """Write the answers of `teacher` to the clips of `features`/train to `out`; return teach.json.

    Raises:
        ParamsError: `teach.early` is set, and no clip has an early target that the teacher can hear.
        StageInputError: the teacher, a store or a clip's sound is missing, or they are not of the same clips; or the
            teacher's directory names code that params.yaml does not.
    """
    info: dict[str, Any] = {"teacher": read_json(Path(teacher) / "teacher.json")["teacher"], "dim": 0}
    info["unlabelled"] = params.teach.unlabelled
    with atomic_path(out) as scratch:
        scratch.mkdir()
        if info["teacher"] is not None:
            place, trusted = Path(teacher).resolve(), params.teacher.path
            listener = load_listener(place, trusted)
            store = FeatureStore(features / "train")
            sources = {"features": features / "train", "embedded": embedded / "train", "wave": augmented}
            keep = params.teach.embedding and listener.dim > 0
            shards = shards_of(listener, place, trusted, Path(sources[listener.hears]), store, keep)
            info |= {"hop_samples": listener.hop, "window_samples": listener.window, "identity": listener.identity}
            info |= {"context_samples": listener.context}
            info |= {"dim": listener.dim if keep else 0, "clips_sha256": clips_digest(store)}
            reads = {Path(teacher), *({sources["features"], sources["embedded"]} & {shard.frames for shard in shards})}
            reads |= tars_of(cut for shard in shards for cut in shard.cuts)
            made = list(run_tasks(ask, shards, params.executor, "teach", reads))
            info |= _join(made, shards, scratch)
            if params.teach.early > 0:
                ids, easier = early_shards(listener, place, trusted, augmented, embedded, params.featurize)
                if not ids:
                    raise ParamsError(
                        f"teach.early = {params.teach.early:g}, but no clip has an early target that a teacher of "
                        f"{listener.hears!r} can hear: set augment.early_target_ms to 50, for example (and have a "
                        "teacher that hears embeddings or waves), or teach.early to 0."
                    )
                reads = {Path(teacher), *(shard.frames for shard in easier if not shard.cuts)}
                reads |= tars_of(cut for shard in easier for cut in shard.cuts)
                said = run_tasks(ask, easier, params.executor, "teach early targets", reads)
                shutil.copytree(scratch, scratch / PLAIN)
                write_json(scratch / PLAIN / "teach.json", info)
                info["early_clips"] = _blend(said, ids, store, params.teach.early, scratch)
        write_json(scratch / "teach.json", info)
    return info


def _join(made: Sequence[Path], shards: Sequence[Shard], out: Path) -> dict[str, Any]:
    """Write the shards' answers end to end; return counts."""
    counts = np.concatenate([np.zeros(1, np.int64), *(np.load(path)["counts"] for path in made)])
    first = np.cumsum(counts)
    np.save(out / "first.npy", first, allow_pickle=False)
    names = ["log_odds", *(["embedding"] if shards and shards[0].keep_embedding else [])]
    for name in names:
        _concatenate(out / f"{name}.npy", (np.load(path)[name] for path in made), int(first[-1]))
    return {"clips": len(first) - 1, "answers": int(first[-1])}


def _blend(made: Iterable[Path], ids: Sequence[str], store: FeatureStore, weight: float, out: Path) -> int:
    """Give `weight` to the answers `made` to the clips `ids` in those that `out` holds of `store`; return their number.

    Raises:
        StageInputError: an early target is of no clip of `store`, or not as long.
    """
    first = np.load(out / "first.npy")
    place = {clip.id: number for number, clip in enumerate(store.clips)}
    log_odds = np.load(out / "log_odds.npy", mmap_mode="r+")
    names = iter(ids)
    for path in made:
        with np.load(path) as said:
            counts = said["counts"]
            answers = np.split(said["log_odds"], np.cumsum(counts)[:-1])
            for name, answer in zip(islice(names, counts.size), answers, strict=True):
                number = place.get(name, -1)
                held = log_odds[first[number] : first[number + 1]] if number >= 0 else log_odds[:0]
                if len(held) != len(answer):
                    raise StageInputError(
                        f"the early target of {name} has {len(answer)} answers, and the clip {len(held)}: type "
                        "`dvc repro`."
                    )
                held[:] = (1 - weight) * held.astype(np.float32) + weight * answer.astype(np.float32)
    log_odds.flush()
    return len(ids)


def _concatenate(path: Path, arrays: Iterator[np.ndarray], rows: int) -> None:
    """Write `arrays` [n, ...] end to end as one .npy file of `rows` rows; holds one in memory."""
    start, whole = 0, None
    for array in arrays:
        if whole is None:
            shape = (rows, *array.shape[1:])
            whole = np.lib.format.open_memmap(path, mode="w+", dtype=array.dtype, shape=shape)
        whole[start : start + len(array)] = array
        start += len(array)
    if whole is not None:
        whole.flush()
