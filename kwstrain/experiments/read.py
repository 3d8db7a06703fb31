"""Read DVC's experiments: which params each changed, and what it measured."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kwsdata.errors import StageInputError
from kwsdata.params.files import FILES

METRICS = "data/report/metrics.json"


@dataclass(frozen=True)
class Experiment:
    """One experiment, or the commit that experiments began with.

    name: its own, or a branch's, or "workspace". rev: of its commit, "" for the workspace. base: the name of the commit
    it began with, "" for such a commit. state: of an experiment that has no numbers yet ("Queued", "Running",
    "Failed"). changed: {param: (value in base, value here)}, None where there is none. metrics: metrics.json, or {}.
    """

    name: str
    rev: str
    base: str = ""
    state: str = ""
    changed: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)


def read_experiments(root: Path, commits: int) -> list[Experiment]:
    """Return the last `commits` commits of the repository `root`, each followed by its experiments, newest first.

    The workspace comes first where its params or numbers are neither those of its commit nor of an experiment.

    Raises:
        StageInputError: `root` is no DVC repository, or DVC says something else than is expected here.
    """
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json", "--num", str(commits)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise StageInputError(f"`dvc exp show` failed: {done.stderr.strip() or done.stdout.strip()}")
    try:
        return list(_experiments(json.loads(done.stdout)))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise StageInputError(
            f"`dvc exp show --json` says what this version does not understand ({error!r}): use the DVC of "
            "constraints.txt."
        ) from None


def _experiments(rows: list[dict[str, Any]]) -> Iterator[Experiment]:
    workspace, *commits = rows
    found: list[Experiment] = []
    for commit in commits:
        base = commit["name"] or commit["rev"][:7]
        params = _params(commit)
        found.append(Experiment(base, commit["rev"][:7], metrics=_metrics(commit)))
        for experiment in commit["experiments"] or []:
            tip = experiment["revs"][0]
            name = experiment["name"] or tip["name"] or tip["rev"][:7]
            found.append(_experiment(name, tip, base, params, _state(experiment, tip)))
    if commits:
        here = _experiment("workspace", workspace | {"rev": ""}, found[0].name, _params(commits[0]), "")
        if not any(here.metrics == one.metrics and here.changed == one.changed for one in found):
            yield here
    yield from found


def _experiment(name: str, row: dict[str, Any], base: str, params: dict[str, Any], state: str) -> Experiment:
    own = _params(row)
    changed = {
        key: (params.get(key), own.get(key)) for key in sorted(params | own) if own and params.get(key) != own.get(key)
    }
    return Experiment(name, row["rev"][:7], base, state, changed, _metrics(row))


def _state(experiment: dict[str, Any], tip: dict[str, Any]) -> str:
    state = str((experiment.get("executor") or {}).get("state") or "success")
    return "Failed" if tip.get("error") and state == "success" else "" if state == "success" else state.capitalize()


def _metrics(row: dict[str, Any]) -> dict[str, Any]:
    found = (row.get("data") or {}).get("metrics") or {}
    return dict((found.get(METRICS) or {}).get("data") or {})


def _params(row: dict[str, Any]) -> dict[str, Any]:
    """Return {"loss.gamma": 2, ...} of all params files; a key stands in one of them."""
    found = (row.get("data") or {}).get("params") or {}
    return {name: value for file in FILES for name, value in _flat((found.get(file) or {}).get("data") or {}, "")}


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and (value or not name):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
