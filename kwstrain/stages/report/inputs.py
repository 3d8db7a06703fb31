"""Read everything that the report is made of from the outputs of other stages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.files.arrays import arrays_in
from kwsdata.files.atomic import read_json, read_jsonl_gz


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` wrote."""

    metrics: dict[str, Any]
    operating_point: dict[str, Any]
    curves: dict[str, list[dict[str, Any]]]  # rows of det.json by "partition/set"
    events: list[dict[str, Any]]
    false_alarms: list[dict[str, Any]]
    near_alarms: list[dict[str, Any]]
    peaks: dict[str, np.ndarray]  # "partition/set/events", "partition/set/negatives"
    traces: dict[str, np.ndarray]  # scores by "partition/set/cut"
    first_s: float
    step_s: float


def read_evaluation(directory: Path) -> Evaluation:
    """Return the outputs of `evaluate` in `directory`.

    Raises:
        StageInputError: a file is missing or damaged.
    """
    metrics = read_json(directory / "metrics.json")
    curves: dict[str, list[dict[str, Any]]] = {}
    for row in read_json(directory / "det.json"):
        curves.setdefault(f"{row['partition']}/{row['set']}", []).append(row)
    peaks = arrays_in(directory / "peaks.npz", "dvc repro evaluate")
    traces = arrays_in(directory / "traces.npz", "dvc repro evaluate")
    return Evaluation(
        metrics,
        read_json(directory / "operating_point.json"),
        curves,
        list(read_jsonl_gz(directory / "events.jsonl.gz")),
        list(read_jsonl_gz(directory / "false_alarms.jsonl.gz")),
        list(read_jsonl_gz(directory / "near_alarms.jsonl.gz")),
        peaks,
        traces,
        float(traces.pop("first_s")),
        float(traces.pop("step_s")),
    )


def read_optional(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`, {} where there is no such file."""
    return read_json(path) if path.exists() else {}


def read_history(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON-lines file, [] where there is no such file."""
    return list(read_jsonl_gz(path)) if path.exists() else []
