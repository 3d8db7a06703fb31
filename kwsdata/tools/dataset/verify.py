"""Decode every clip and compare its samples with the hash in the manifest."""

from pathlib import Path

from kwsdata.clips.manifests import audio_sha256, read_cuts
from kwsdata.clips.shards import load_audio, one_shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.execution.executor import run_tasks
from kwsdata.params import ExecutorParams
from kwsdata.tools.dataset.lock import LockError
from kwsdata.tools.dataset.members import manifests_of
from kwsdata.tools.dataset.trees import open_tree

_LISTED = 10


def verify_sound(executor: ExecutorParams) -> int:
    """Decode every clip of every part but the rooms' (24 bits: their manifests hash those); return how many.

    Raises:
        LockError: the samples of a clip are not those that its manifest names.
        StageInputError, AudioError: a shard is missing or damaged.
    """
    tasks = [
        (part, Path(path))
        for part, paths in manifests_of(open_tree()).items()
        if not part.startswith("rirs/")
        for path in paths
    ]
    heard, wrong = 0, []
    for count, others in run_tasks(_hear, tasks, executor, "lock --sound"):
        heard += count
        wrong += others
    if wrong:
        raise LockError(
            f"{len(wrong)} of {heard} clips hold other samples than their manifest says, for example "
            f"{', '.join(wrong[:_LISTED])}: remake them with `dvc repro -f`, or fetch them with `dvc checkout --force`."
        )
    return heard


def _hear(task: tuple[str, Path]) -> tuple[int, list[str]]:
    part, path = task
    count, wrong = 0, []
    for cut in read_cuts(path) if part.startswith("split/") else one_shard_cuts(path):
        count += 1
        if audio_sha256(load_audio(cut)) != ClipView(cut).audio_sha256_if_any:
            wrong.append(cut.id)
    return count, wrong
