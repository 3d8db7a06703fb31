"""What the runs of an ablation missed, read from their `evaluate` directories.

Each test set is read at two thresholds: the one that `ships` (chosen on dev; its FAH on test differs from run to run),
and the lowest that keeps test/clean at the allowed FAH (`equal FAH`): no device has it, but it compares models fairly.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_json, read_jsonl_gz

SHIPS, EQUAL = "ships", "equal FAH"


@dataclass(frozen=True)
class Measured:
    """One test set at one kind of threshold: missed {arm: [seeds, keywords]}, fah {arm: mean FAH on test/clean}."""

    set: str
    kind: str
    missed: dict[str, np.ndarray]
    fah: dict[str, float]


def read_runs(root: Path, arms: list[str], seeds: list[int]) -> list[Measured]:
    """Return what `arms` missed on each test set, at each kind of threshold.

    Raises:
        StageInputError: a run is missing, or was measured on other keywords than the rest.
    """
    runs = {(arm, seed): Path(root) / f"{arm}-s{seed}" / "evaluate" for arm in arms for seed in seeds}
    metrics = {key: read_json(path / "metrics.json") for key, path in runs.items()}
    peaks = {key: _peaks(path) for key, path in runs.items()}
    found = []
    for name in sorted(next(iter(metrics.values()))["test"]):
        keywords = sorted(peaks[arms[0], seeds[0]][name])
        for kind in (SHIPS, EQUAL):
            missed, fah = {}, {}
            for arm in arms:
                rows = []
                for seed in seeds:
                    own = peaks[arm, seed][name]
                    if sorted(own) != keywords:
                        raise StageInputError(
                            f"{runs[arm, seed]} was measured on other keywords of test/{name} than "
                            f"{runs[arms[0], seeds[0]]}: type `dvc repro ablation/dvc.yaml`."
                        )
                    threshold = _point(metrics[arm, seed], kind)["threshold"]
                    rows.append([float(np.mean(np.asarray(own[word]) < threshold)) for word in keywords])
                missed[arm] = np.asarray(rows)
                fah[arm] = float(np.mean([_point(metrics[arm, seed], kind)["fah"] for seed in seeds]))
            found.append(Measured(name, kind, missed, fah))
    return found


def _point(metrics: dict[str, Any], kind: str) -> dict[str, float]:
    clean = metrics["test"]["clean"]
    return {"threshold": metrics["threshold"], "fah": clean["fah"]} if kind == SHIPS else clean["oracle"]


def _peaks(evaluate: Path) -> dict[str, dict[str, list[float]]]:
    """Return {test set: {keyword clip: highest vote in each of its events}}."""
    peaks: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in read_jsonl_gz(evaluate / "events.jsonl.gz"):
        if event["partition"] == "test":
            peaks[event["set"]][event["source"]].append(event["peak"])
    return peaks
