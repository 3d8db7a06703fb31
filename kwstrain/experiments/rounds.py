"""Rounds of mining: round r mines with the model of round r - 1, which is frozen so that the pipeline stays acyclic.

    data/rounds/1/model.onnx, model.json    an exported model, frozen: `mine_negatives.model` names it
    data/rounds/2/...                       the next one, and so on
    data/runs/round1-s1/                    of round 1, seed 1: what `keep` copies, mined.json, and round.json: the
                                            model it mined with, and the one it led to

Round 0 mines without a model, as the pipeline does by itself. The stage that mines depends on data/rounds, never on
the model that its own output trains.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kwsdata.execution.dvc import track
from kwsdata.files.atomic import atomic_path, read_json, write_json
from kwsdata.files.scratch import list_visible
from kwstrain.experiments.keep import RUNS, keep, run_experiment

ROUNDS = Path("data/rounds")
_LAST_STAGE = "evaluate"  # nothing after it is kept
_FILES = ("model.onnx", "model.json")
_MINED = {"mined.json": "data/mined/mined.json"}


def freeze_round(model: Path = Path("data/models/export"), rounds: Path = ROUNDS) -> Path:
    """Copy an exported model to the next number below `rounds`, under DVC; one that is there already stays where it is.

    Returns:
        The directory, for `mine_negatives.model`.

    Raises:
        StageInputError: there is no exported model.
    """
    model, rounds = Path(model), Path(rounds)
    identity = read_json(model / "model.json")["sha256"]
    there = sorted((path for path in list_visible(rounds, "*") if path.name.isdigit()), key=lambda path: int(path.name))
    for frozen in there:
        if read_json(frozen / "model.json")["sha256"] == identity:
            return frozen
    place = rounds / str(int(there[-1].name) + 1 if there else 1)
    with atomic_path(place) as scratch:
        scratch.mkdir()
        for name in _FILES:
            shutil.copyfile(model / name, scratch / name)
    track(place)
    return place


def run_rounds(
    count: int, seeds: Sequence[int], name: str, settings: Sequence[str] = (), runs: Path = RUNS
) -> list[dict[str, Any]]:
    """Run round 0 and `count` rounds that mine with a model, for each seed of training, as DVC experiments.

    Experiment NAMEr-sSEED is round r; what is kept of it lies in `runs`, for `compare`. A round that is
    there is not run again, so that an interrupted loop goes on where it was.

    Args:
        count: rounds that mine with a model.
        seeds: of `train.seed`; each has models of its own.
        name: of the experiments.
        settings: further `block.key=value`, the same in every round.
        runs: where results are kept.

    Returns:
        A row an experiment: name, the model it mined with (None in round 0), the model it led to, how many were mined.

    Raises:
        KwsError: `dvc` failed; its own message is above.
        StageInputError: the pipeline left no model or no metrics.
    """
    rows = []
    for seed in seeds:
        model = None
        for number in range(count + 1):
            run = f"{name}{number}-s{seed}"
            kept = runs / run / "round.json"
            if not kept.exists():
                _run_round(run, model, (f"train.seed={seed}", *settings), kept.parent)
            rows.append(read_json(kept))
            model = rows[-1]["model"]
    return rows


def _run_round(run: str, mined_with: str | None, settings: Sequence[str], kept: Path) -> None:
    run_experiment(run, (*settings, f"mine_negatives.model={mined_with or 'null'}"), _LAST_STAGE)
    model = freeze_round()
    with atomic_path(kept) as scratch:
        keep(scratch, _MINED)
        mined = read_json(scratch / "mined.json")["mined"]
        row = {"experiment": run, "mined_with": mined_with, "mined": mined, "model": model.as_posix()}
        write_json(scratch / "round.json", row)
