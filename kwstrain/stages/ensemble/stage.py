"""Train students with other seeds, and keep the mean of their answers and their false alarms for `train` to hear.

Writes to `out`:
    teach.json, log_odds.npy, first.npy    the mean of their log-odds at each decision (see `kwstrain.answers`);
                                           `teacher: null` where there are no members
    alarms.npy                             where they take a negative for the keyword (see `kwstrain.training.alarms`)
Each member learns from the same clips and the same trunk as the student will, and from the same teacher's answers, but
to the copies alone, without their early targets: a student that was taught to hear keywords in noise takes much noise
for them, and one that hears these alarms again unlearns it. The errors of members differ where those of one student are
luck, so their mean is right more often (Hinton et al. 2015, arXiv:1503.02531, section 5). A killed run goes on from the
checkpoints of its members.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.draws import digest_of
from kwsdata.errors import ParamsError
from kwsdata.execution.executor import run_tasks
from kwsdata.features.store import FeatureStore
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwstrain.answers import PLAIN, clips_digest, read_info
from kwstrain.models import build_model
from kwstrain.training.alarms import FILE as ALARMS
from kwstrain.training.alarms import find_alarms
from kwstrain.training.checkpoint import Weights, load_progress, weights_digest
from kwstrain.training.hear import mean_log_odds
from kwstrain.training.job import student_job
from kwstrain.training.launch import complete
from kwstrain.training.loop import Job, TrainingError, build_student


def run(
    params: Params,
    features: Path = Path("data/features"),
    taught: Path = Path("data/teach"),
    trunk: Path | None = None,
    out: Path = Path("data/ensemble"),
) -> dict[str, Any]:
    """Train `params.ensemble.members` students, write their mean answers and their alarms to `out`; return teach.json.

    Args:
        params: what `train` uses, and `ensemble`.
        features: directory with the stores `train` and `dev`.
        taught: the teacher's answers to the train clips.
        trunk: where stage `pretrain` left the trunk to start from, if any.
        out: replaced whole.

    Raises:
        ParamsError: see `distill.feature_weight`.
        StageInputError, TrainingError: as `kwstrain.stages.train.stage.run` raises them.
    """
    if (taught / PLAIN).is_dir():
        taught = taught / PLAIN
    info: dict[str, Any] = {"teacher": None, "dim": 0, "unlabelled": read_info(taught)["unlabelled"]}
    jobs = [_job(params, features, taught, trunk, number) for number in range(_wanted(params))]
    with atomic_path(out) as scratch:
        scratch.mkdir()
        if jobs:
            list(run_tasks(_train, jobs, params.executor, "ensemble"))
            members = [load_progress(job.checkpoint) for job in jobs]
            if None in members:
                raise TrainingError(f"a member left no checkpoint below {jobs[0].work.parent}: is the disk full?")
            whole = [member for member in members if member is not None]
            store = FeatureStore(Path(features) / "train")
            info |= {"teacher": "ensemble"} | _answers(
                params, store, [member.best for member in whole], info["unlabelled"], scratch
            )
            info["members"] = [
                {"seed": job.params.train.seed} | {name: member.best_row[name] for name in ("step", "dev_fnr")}
                for job, member in zip(jobs, whole, strict=True)
            ]
        write_json(scratch / "teach.json", info)
    for job in jobs:
        shutil.rmtree(job.work)
    return info


def _wanted(params: Params) -> int:
    """Return how many members to train: none where the student will not hear of them.

    Raises:
        ParamsError: the student is to learn a layer's embeddings, and an ensemble has none.
    """
    own = params.ensemble
    if own.members and own.teach and params.distill.feature_weight > 0:
        raise ParamsError(
            f"distill.feature_weight = {params.distill.feature_weight:g} needs a teacher's embeddings, and an ensemble "
            "has none: set ensemble.teach to false to learn from the teacher, or feature_weight to 0."
        )
    return own.members if own.alarms_per_clip or (own.teach and params.distill.alpha > 0) else 0


def _job(params: Params, features: Path, taught: Path, trunk: Path | None, number: int) -> Job:
    """Return the job of member `number`: the student's, with a seed that no student's is likely to have."""
    seed = int(digest_of(params.train.seed, "ensemble", number)[:7], 16)
    train = params.train.model_copy(update={"seed": seed})
    job = student_job(params.model_copy(update={"train": train}), features, taught, trunk)
    return job._replace(name=f"ensemble, member {number + 1} of {params.ensemble.members}")


def _train(job: Job) -> None:
    complete(job)


def _answers(
    params: Params, store: FeatureStore, members: list[Weights], unlabelled: list[str], out: Path
) -> dict[str, Any]:
    """Write the mean answers of `members` to the clips of `store`, and the alarms; return what teach.json says."""
    model = build_model(params.model, store.silence)
    frame_hop, frame_window = int(store.info["hop_samples"]), int(store.info["window_samples"])
    parts = list(mean_log_odds(params, build_student, members, store, "ensemble, answers"))
    first = np.cumsum([0, *(len(said) for said in parts)])
    np.save(out / "first.npy", first, allow_pickle=False)
    np.save(out / "log_odds.npy", np.concatenate(parts), allow_pickle=False)
    own, hop_s = params.ensemble, frame_hop / SAMPLE_RATE
    alarms = find_alarms(store.clips, parts, model.stride, hop_s, unlabelled, own.min_log_odds, own.alarms_per_clip)
    np.save(out / ALARMS, alarms, allow_pickle=False)
    return {
        "clips": len(first) - 1,
        "answers": int(first[-1]),
        "alarms": len(alarms),
        "hop_samples": model.stride * frame_hop,
        "window_samples": (model.stride - 1) * frame_hop + frame_window,
        "context_samples": (model.receptive_field - 1) * frame_hop + int(store.info["context_samples"]),
        "identity": digest_of("ensemble", *(weights_digest(weights) for weights in members)),
        "clips_sha256": clips_digest(store),
    }
