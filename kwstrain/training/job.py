"""Make a student's training job from params: its answers, the alarms it hears, its trunk and its work directory."""

from pathlib import Path

from kwsdata.errors import StageInputError
from kwsdata.params import Params
from kwstrain.answers import read_info
from kwstrain.models.trunk import load_trunk
from kwstrain.training.checkpoint import work_directory
from kwstrain.training.loop import Job


def alarms_of(params: Params, scout: Path) -> Path | None:
    """Return where the false alarms lie that the student hears for mined windows: `scout`, if there are any."""
    return scout if params.scout.alarms_per_clip else None


def student_job(
    params: Params, features: Path, taught: Path | None, trunk: Path | None, alarms: Path | None = None
) -> Job:
    """Return the job of training the student that `params` describe.

    Args:
        params: blocks model, loss, distill, train, mining, streaming, warm_up and evaluate decide.
        features: directory with the stores `train` and `dev`.
        taught: a teacher's answers to the train clips, if there are any to learn from.
        trunk: where stage `pretrain` left the trunk to start from, if any.
        alarms: where stage `scout` left false alarms (see `alarms_of`), if any are to be heard.

    Raises:
        StageInputError: an input is missing, or holds no embeddings where `distill.feature_weight` asks for them.
    """
    features = Path(features).resolve()
    info = read_info(taught) if taught else {"teacher": None, "unlabelled": [], "dim": 0}
    distill = params.distill
    if distill.feature_weight > 0 and info["teacher"] and not info["dim"]:
        raise StageInputError(
            f"distill.feature_weight = {distill.feature_weight:g}, but {taught} holds no embeddings: set "
            "teach.embedding to true (a teacher of your own has none: set feature_weight to 0), then "
            "`dvc repro`."
        )
    learns = info["teacher"] is not None and (distill.alpha > 0 or distill.feature_weight > 0)
    source = Path(taught).resolve() if taught and learns else None
    start = load_trunk(trunk) if trunk else None
    heard = Path(alarms).resolve() if alarms else None
    work = work_directory(
        params, features, source, *info["unlabelled"], trunk=trunk if start else None, alarms=heard
    ).resolve()
    return Job(params, features, work, taught=source, unlabelled=tuple(info["unlabelled"]), trunk=start, alarms=heard)
