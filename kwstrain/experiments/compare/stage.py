"""Compare the arms of the ablation with their baseline: a table, a figure, and the numbers.

Writes to `out`:
    metrics.json    per test set and kind of threshold (see `runs`), each arm's FNR, interval, change; FAH on test/clean
    table.md        the same as Markdown
    fnr.svg         the same as a picture: one row an arm, its interval, and each seed's range
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from kwsdata.draws import rng_for
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.markdown import cell
from kwsdata.params.ablation import AblationParams
from kwstrain.experiments.compare.bootstrap import Contrast, Estimate, contrasts
from kwstrain.experiments.compare.figure import figure
from kwstrain.experiments.compare.runs import Measured, read_runs

HEAD = ["set", "threshold", "arm", "FNR", "95 %", "seeds", "FAH", "change, points", "change"]


def run(
    ablation: AblationParams,
    runs: Path = Path("data/ablation/runs"),
    out: Path = Path("data/ablation/compare"),
) -> dict[str, Any]:
    """Write `out`; return metrics.json.

    Raises:
        StageInputError: a run is missing, or was measured on other keywords than the rest.
    """
    baseline, resamples = ablation.compare.baseline, ablation.compare.resamples
    measured = read_runs(runs, ablation.arms, ablation.seeds)
    # The same resamples at both thresholds of a set.
    found = [(m, contrasts(m.missed, baseline, resamples, rng_for(1, "compare", m.set))) for m in measured]
    rows = [row for one, contrast in found for row in _rows(one, contrast)]
    metrics: dict[str, Any] = {"baseline": baseline, "seeds": ablation.seeds, "sets": {}}
    for one, contrast in found:
        arms = {
            arm: asdict(c) | {"fah": one.fah[arm], "keywords": one.missed[arm].shape[1]}
            for arm, c in zip(one.missed, contrast, strict=True)
        }
        metrics["sets"].setdefault(one.set, {})[one.kind] = arms
    with atomic_path(out) as scratch:
        scratch.mkdir(parents=True)
        write_json(scratch / "metrics.json", metrics)
        table = "".join("| " + " | ".join(map(cell, row)) + " |\n" for row in (HEAD, ["---"] * len(HEAD), *rows))
        (scratch / "table.md").write_text(table, encoding="utf-8")
        figure(scratch / "fnr.svg", found, baseline)
    return metrics


def _rows(measured: Measured, found: list[Contrast]) -> list[list[str]]:
    rows = []
    for arm, one in zip(measured.missed, found, strict=True):
        rows.append(
            [
                measured.set,
                measured.kind,
                arm,
                f"{one.fnr.value:.1%}",
                f"{one.fnr.low95:.1%} to {one.fnr.high95:.1%}",
                f"{one.lowest_seed:.1%} to {one.highest_seed:.1%}",
                f"{measured.fah[arm]:.2f}",
                _points(one.difference),
                _share(one.relative),
            ]
        )
    return rows


def _points(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{100 * estimate.value:+.1f} ({100 * estimate.low95:+.1f} to {100 * estimate.high95:+.1f})"


def _share(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:+.0%} ({estimate.low95:+.0%} to {estimate.high95:+.0%})"
