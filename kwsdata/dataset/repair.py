"""After kill -9 or a power cut: put right what DVC writes in place and may have left half-written.

The stages' own outputs appear whole or not at all. DVC's are another matter: it truncates `dvc.lock` and
`.dvc/tmp/rwlock`, then writes them, so that a kill in those milliseconds leaves a file that no later command can read.
Nothing is lost by it: what a stage made is in DVC's cache and run cache.
"""

import json
from pathlib import Path

import yaml

from kwsdata.dataset.trees import LOCK, git
from kwsdata.files import atomic_path

RWLOCK = Path(".dvc/tmp/rwlock")


def repair(root: Path = Path()) -> dict[str, str]:
    """Mend what is broken at `root`; return {file: what was done}, empty where all was well.

    A broken dvc.lock becomes the one of the last commit, or none: `dvc repro` then takes what it records no more from
    the run cache, without running it again.
    """
    done = {}
    lock = Path(root) / LOCK
    if lock.exists() and not _whole_lock(lock):
        committed = git(root, "show", f"HEAD:./{LOCK}")
        if committed:
            with atomic_path(lock) as scratch:
                scratch.write_text(committed + "\n")
            done[LOCK] = "was half-written; is that of the last commit again"
        else:
            lock.unlink()
            done[LOCK] = "was half-written and never committed; removed"
    rwlock = Path(root) / RWLOCK
    if rwlock.exists() and not _is_json(rwlock):
        rwlock.unlink()
        done[str(RWLOCK)] = "was half-written; removed"
    return done


def _whole_lock(path: Path) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # what DVC itself refuses
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(path.read_bytes()))
    except (yaml.YAMLError, Invalid):
        return False
    return True


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
