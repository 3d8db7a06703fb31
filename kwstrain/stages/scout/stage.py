"""Train a student before the one that ships, to find what it takes for the keyword; `train` draws these windows.

Writes to `out`:
    alarms.npy    where the scout takes a negative of train for the keyword (see `kwstrain.training.alarms`)
    scout.json    its seed, the step that was kept, its FNR on dev, and the number of alarms; `alarms: null`, and no
                  alarms.npy, where none are wanted
The scout learns from the same clips and the same trunk as the student will, and from the same teacher's answers, but to
the copies alone, without their early targets: a student that was taught to hear keywords in noise takes much noise for
them, and one that hears these alarms again unlearns it. A killed run goes on from the scout's checkpoint.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.draws import digest_of
from kwsdata.execution.cache import note_timing
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwstrain.answers import PLAIN
from kwstrain.training.alarms import FILE
from kwstrain.training.hear import alarms_raised
from kwstrain.training.job import student_job
from kwstrain.training.launch import complete
from kwstrain.training.loop import Job


def run(
    params: Params,
    features: Path = Path("data/features"),
    taught: Path = Path("data/teach"),
    trunk: Path | None = None,
    out: Path = Path("data/scout"),
) -> dict[str, Any]:
    """Train the scout that `params.scout` asks for, write its false alarms to `out`; return scout.json and `timing`.

    Args:
        params: what `train` uses, and `scout`.
        features: directory with the stores `train` and `dev`.
        taught: the teacher's answers to the train clips.
        trunk: where stage `pretrain` left the trunk to start from, if any.
        out: replaced whole.

    Raises:
        ParamsError, StageInputError, TrainingError: as `kwstrain.stages.train.stage.run` raises them.
    """
    own = params.scout
    if not own.alarms_per_clip:
        with atomic_path(out) as scratch:
            scratch.mkdir()
            write_json(scratch / "scout.json", {"alarms": None})
        return {"alarms": None}
    job = _job(params, features, taught, trunk)
    progress = complete(job)
    alarms = alarms_raised(job, progress.best, own.min_log_odds, own.alarms_per_clip)
    told = {name: progress.best_row[name] for name in ("step", "dev_fnr")}
    info: dict[str, Any] = {"seed": job.params.train.seed, "alarms": len(alarms)} | told
    with atomic_path(out) as scratch:
        scratch.mkdir()
        np.save(scratch / FILE, alarms, allow_pickle=False)
        write_json(scratch / "scout.json", info)
    shutil.rmtree(job.work)
    return info | {"timing": note_timing("scout", progress.timing())}


def _job(params: Params, features: Path, taught: Path, trunk: Path | None) -> Job:
    """Return the scout's job: the student's, with a seed that no student's is likely to have."""
    seed = int(digest_of(params.train.seed, "scout")[:7], 16)
    train = params.train.model_copy(update={"seed": seed})
    answers = taught / PLAIN if (taught / PLAIN).is_dir() else taught
    job = student_job(params.model_copy(update={"train": train}), features, answers, trunk)
    return job._replace(name="scout")
