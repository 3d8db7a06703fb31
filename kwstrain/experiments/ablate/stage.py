"""Train, export and measure one arm with one seed, on the features that the main pipeline made.

Writes to `out`, as the stages of these names write theirs:
    student/    the weights and their history
    export/     the streaming ONNX file
    evaluate/   metrics and every event
    arm.json    which arm, its changes to params.yaml, the seed
"""

from pathlib import Path
from typing import Any

from kwsdata.errors import ParamsError
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwsdata.params.ablation import AblationParams, with_changes
from kwstrain.stages.evaluate.stage import run as evaluate
from kwstrain.stages.export.stage import run as export
from kwstrain.stages.train.stage import run as train
from kwstrain.training.job import alarms_of


def run(
    params: Params,
    ablation: AblationParams,
    arm: str,
    seed: int,
    features: Path = Path("data/features"),
    teach: Path = Path("data/teach"),
    scout: Path = Path("data/scout"),
    trunk: Path = Path("data/models/trunk"),
    testsets: Path = Path("data/testsets"),
    root: Path = Path("data/ablation/runs"),
) -> dict[str, Any]:
    """Write `root`/`arm`-s`seed`; return what evaluate found.

    Raises:
        ParamsError: no such arm, or what it changes does not exist.
        KwsError: as the stages train, export and evaluate do.
    """
    if arm not in ablation.arms:
        raise ParamsError(f"--arm {arm}: it must be one of {', '.join(ablation.arms)} (ablation/params.yaml).")
    changes = ablation.changes[arm] | {"train.seed": seed}
    own = with_changes(params, changes)
    with atomic_path(root / f"{arm}-s{seed}") as scratch:
        scratch.mkdir()
        write_json(scratch / "arm.json", {"arm": arm, "seed": seed, "changes": changes})
        start = trunk if own.pretrain.trunk else None
        alarms = alarms_of(own, scout)
        train(own, features, scratch / "student", taught=teach, trunk=start, alarms=alarms)
        export(own, scratch / "student", scratch / "export")
        metrics = evaluate(own, scratch / "export", testsets, scratch / "evaluate")
    return {"arm": arm, "seed": seed} | {name: metrics[name] for name in ("threshold", "dev", "test")}
