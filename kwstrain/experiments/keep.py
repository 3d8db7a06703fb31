"""Run DVC experiments, and keep their numbers where `kwstrain experiments compare` reads them.

data/runs/NAME-s1/evaluate/     metrics.json and events.jsonl.gz of the experiment NAME-s1
data/runs/NAME-s1/params.yaml   and params/: the numbers it ran with
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kwsdata.errors import KwsError
from kwsdata.params.files import FILES

RUNS = Path("data/runs")
_MEASURED = {  # name: where the pipeline left it
    "evaluate/metrics.json": "data/evaluate/metrics.json",
    "evaluate/events.jsonl.gz": "data/evaluate/events.jsonl.gz",
}


def run_experiment(name: str, settings: Sequence[str], target: str | None = None) -> None:
    """Run the DVC experiment `name`.

    Args:
        name: its own.
        settings: what it changes, as `dvc exp run -S` takes it: "block.key=value", "FILE:block.key=value".
        target: the last stage; by default all.

    Raises:
        KwsError: `dvc` failed; its own message is above.
    """
    changes = [word for setting in settings for word in ("--set-param", setting)]
    dvc("exp", "run", *([target] if target else []), "--name", name, *changes)


def keep(directory: Path, others: Mapping[str, str] | None = None) -> None:
    """Copy what the last experiment measured into `directory`, with its params, and `others` ({name: where it is}).

    Raises:
        FileNotFoundError: the pipeline left no metrics.
    """
    params = {file: file for file in FILES if Path(file).exists()}
    for name, found in (_MEASURED | params | dict(others or {})).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, directory / name)


def dvc(*words: str) -> None:
    """Run a command of DVC; raise KwsError where it fails."""
    done = subprocess.run([sys.executable, "-m", "dvc", *words], check=False)
    if done.returncode != 0:
        raise KwsError(f"`dvc {' '.join(words)}` failed: see above.")
