"""Rounds of mining: round r mines with the model of round r - 1, which is frozen so that the pipeline stays acyclic.

    data/rounds/1/model.onnx, model.json    what training gave before the first round that mines with a model
    data/rounds/2/...                       what round 1 gave, and so on

A frozen model is a copy that DVC tracks; `mine_negatives.model` in params.yaml names it. The stage that mines depends
on data/rounds, never on the model that its own output trains.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from kwsdata.errors import KwsError
from kwsdata.files import atomic_path, read_json
from kwsdata.tracking import track

ROUNDS = Path("data/rounds")
_FILES = ("model.onnx", "model.json")


def freeze_round(model: Path = Path("data/models/export"), rounds: Path = ROUNDS) -> Path:
    """Copy an exported model to the next number below `rounds`, under DVC; one that is there already stays where it is.

    Returns:
        The directory, for `mine_negatives.model`.

    Raises:
        StageInputError: there is no exported model.
    """
    model, rounds = Path(model), Path(rounds)
    identity = read_json(model / "model.json")["sha256"]
    there = sorted((path for path in rounds.glob("*") if path.name.isdigit()), key=lambda path: int(path.name))
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


def run_rounds(count: int, rounds: Path = ROUNDS) -> list[str]:
    """Run the pipeline, then `count` rounds of mining, each a DVC experiment; return the experiments' names.

    `dvc exp show` then compares them, `dvc exp apply round-2` goes back to one. What is up to date is not run again, so
    that an interrupted loop goes on where it was.

    Raises:
        KwsError: `dvc` failed; its own message is above.
    """
    _dvc("repro")
    names = []
    for number in range(1, count + 1):
        frozen = freeze_round(rounds=rounds)
        names.append(f"round-{number}")
        _dvc("exp", "run", "--force", "--name", names[-1], "--set-param", f"mine_negatives.model={frozen.as_posix()}")
    return names


def _dvc(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "dvc", *words], check=False)
    if done.returncode != 0:
        raise KwsError(f"`dvc {' '.join(words)}` failed: see above.")
