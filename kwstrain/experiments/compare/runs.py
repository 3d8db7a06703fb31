"""What the runs of an ablation missed, read from their `evaluate` directories.

Each test set is read at three kinds of threshold:
    ships        the one that was chosen on dev; its FAH on test differs from run to run
    equal FAH    the lowest that keeps test/clean at the allowed FAH: no device has it, but it compares models
    mean         the mean of those at `RATES` times the allowed FAH. A rate of three alarms is three alarms' luck; six
                 rates say more of the model

dev/clean is read at the mean of its own rates: that is what recipes may be chosen by. Of a set that has conditions, the
events with an SNR of `AUDIBLE_DB` and more are read as a set of their own, too.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_json, read_jsonl_gz

SHIPS, EQUAL, MEAN = "ships", "equal FAH", "mean of rates"
RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # times `evaluate.max_fah`
CLEAN = ("test", "clean")
AUDIBLE_DB = 5.0
Points = list[dict[str, float]]  # of a DET curve: threshold, fah, fnr


@dataclass(frozen=True)
class Measured:
    """One set at one kind of threshold: missed {arm: [seeds, keywords]}, fah {arm: mean FAH on test/clean}.

    The FAH of dev/clean is dev's.
    """

    set: str
    kind: str
    missed: dict[str, np.ndarray]
    fah: dict[str, float]


def read_runs(root: Path, arms: list[str], seeds: list[int]) -> list[Measured]:
    """Return what `arms` missed on each test set, at each kind of threshold.

    Raises:
        StageInputError: a run is missing, or was measured on other keywords than the rest.
    """
    runs = [_read(Path(root) / f"{arm}-s{seed}" / "evaluate") for arm in arms for seed in seeds]
    tests = sorted(name for part, name in runs[0].peaks if part == "test")
    wanted = [(("test", name), kind) for name in tests for kind in (SHIPS, EQUAL, MEAN)]
    found = []
    for where, kind in [*wanted, (("dev", "clean"), MEAN)]:
        keywords = sorted(runs[0].peaks[where])
        rows = [_missed(run, where, kind, keywords, runs[0]) for run in runs]
        alarms = [float(np.mean([point["fah"] for point in run.points(where, kind)])) for run in runs]
        missed = dict(zip(arms, np.asarray(rows).reshape(len(arms), len(seeds), -1), strict=True))
        fah = dict(zip(arms, np.asarray(alarms).reshape(len(arms), -1).mean(axis=1).tolist(), strict=True))
        found.append(Measured(where[1] if where[0] == "test" else "/".join(where), kind, missed, fah))
    return found


@dataclass(frozen=True)
class _Run:
    """One run's peaks, {(partition, set): {keyword clip: highest vote in each of its events}}, and its thresholds."""

    evaluate: Path
    metrics: dict[str, Any]
    peaks: dict[tuple[str, str], dict[str, list[float]]]
    curves: dict[tuple[str, str], Points]

    def points(self, where: tuple[str, str], kind: str) -> Points:
        """Return the points of the curve over clean sound whose thresholds `kind` reads the set `where` at."""
        clean = self.metrics["test"]["clean"]
        if kind == SHIPS:
            return [{"threshold": self.metrics["threshold"], "fah": clean["fah"]}]
        if kind == EQUAL:
            return [clean["oracle"]]
        curve = self.curves["dev", "clean"] if where[0] == "dev" else self.curves[CLEAN]
        return [_lowest(curve, rate * self.metrics["max_fah"]) for rate in RATES]


def _read(evaluate: Path) -> _Run:
    metrics = read_json(evaluate / "metrics.json")
    peaks: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in read_jsonl_gz(evaluate / "events.jsonl.gz"):
        for name in _sets_of(event):
            peaks[event["partition"], name][event["source"]].append(event["peak"])
    curves: dict[tuple[str, str], Points] = defaultdict(list)
    for row in read_json(evaluate / "det.json"):
        curves[row["partition"], row["set"]].append(row)
    return _Run(evaluate, metrics, peaks, curves)


def _sets_of(event: dict[str, Any]) -> list[str]:
    snr_db = (event.get("conditions") or {}).get("snr_db")
    audible = snr_db is not None and snr_db >= AUDIBLE_DB
    return [event["set"], f"{event['set']}, SNR \u2265 {AUDIBLE_DB:g} dB"] if audible else [event["set"]]


def _lowest(curve: Points, max_fah: float) -> dict[str, float]:
    """Return the point of `curve` with the fewest misses at no more than `max_fah`, and of such the fewest alarms."""
    return min((one for one in curve if one["fah"] <= max_fah), key=lambda one: (one["fnr"], one["fah"]))


def _missed(run: _Run, where: tuple[str, str], kind: str, keywords: Sequence[str], first: _Run) -> list[float]:
    """Return the share of each keyword's events that `run` missed, over the thresholds of `kind`.

    Raises:
        StageInputError: it was measured on other keywords.
    """
    own = run.peaks[where]
    if sorted(own) != keywords:
        raise StageInputError(
            f"{run.evaluate} was measured on other keywords of {'/'.join(where)} than {first.evaluate}: type `dvc "
            "repro ablation/dvc.yaml`."
        )
    thresholds = np.asarray([point["threshold"] for point in run.points(where, kind)])
    return [float(np.mean(np.asarray(own[word])[:, None] < thresholds)) for word in keywords]
