"""Compare experiments over seeds: `python scripts/compare_runs.py data/runs baseline no-augment ...`.

Each test set is compared at two thresholds: the one that ships (chosen on dev; its FAH differs from run to run), and
the lowest with FAH at most the limit on test/clean ("at equal FAH"): no device has it, but it compares models fairly.

For each experiment: the mean FNR over its seeds, the range of the seeds, and a 95 % interval from resampling the
keywords (the same ones in every run, drawn with replacement, 2,000 times: B. Efron, 1979); then its difference from
the first experiment over the same resampled keywords. The interval says how sure the keywords are for these seeds;
the range says how much seeds matter.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from kwsdata.draws import rng_for
from kwsdata.files import read_json, read_jsonl_gz

RESAMPLES = 2000
HEAD = ["set", "threshold", "experiment", "seeds", "FNR", "seeds from-to", "95 %", "FAH", "change, points", "change"]


def misses_of(run: Path, test_set: str, threshold: float) -> dict[str, float]:
    """Return {keyword clip: share of its events whose highest vote stays below `threshold`} of one run."""
    misses: dict[str, list[bool]] = defaultdict(list)
    for event in read_jsonl_gz(run / "events.jsonl.gz"):
        if event["partition"] == "test" and event["set"] == test_set:
            misses[event["source"]].append(event["peak"] < threshold)
    return {source: float(np.mean(missed)) for source, missed in misses.items()}


def table(root: Path, names: list[str]) -> list[list[str]]:
    """Return the rows of the comparison, a head first."""
    runs = {name: sorted(root.glob(f"{name}-s*")) for name in names}
    if empty := [name for name in names if not runs[name]]:
        raise SystemExit(f"{root} has no run of {', '.join(empty)}: make them with scripts/run_seeds.sh.")
    metrics = {run: read_json(run / "metrics.json") for name in names for run in runs[name]}
    rows = [HEAD]
    for test_set in sorted(metrics[runs[names[0]][0]]["test"]):
        for kind in ("ships", "equal FAH"):
            first = np.zeros(0)
            for name in names:
                thresholds = [
                    metrics[run]["threshold"]
                    if kind == "ships"
                    else metrics[run]["test"]["clean"]["oracle"]["threshold"]
                    for run in runs[name]
                ]
                per_run = [misses_of(run, test_set, at) for run, at in zip(runs[name], thresholds, strict=True)]
                sources = sorted(per_run[0])
                missed = np.array([[misses[source] for source in sources] for misses in per_run])
                picks = rng_for(1, "compare_runs", test_set).integers(len(sources), size=(RESAMPLES, len(sources)))
                resampled = missed.mean(axis=0)[picks].mean(axis=1)
                first = resampled if not first.size else first
                clean = [metrics[run]["test"]["clean"] for run in runs[name]]
                fah = np.mean([m["fah"] if kind == "ships" else m["oracle"]["fah"] for m in clean])
                rows.append([test_set, kind, name, *_numbers(missed.mean(axis=1), resampled), f"{fah:.2f}"])
                rows[-1] += _change(resampled, first) if name != names[0] else ["-", "-"]
    return rows


def _numbers(seeds: np.ndarray, resampled: np.ndarray) -> list[str]:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return [str(len(seeds)), f"{seeds.mean():.1%}", f"{seeds.min():.1%}-{seeds.max():.1%}", f"{low:.1%}-{high:.1%}"]


def _change(resampled: np.ndarray, first: np.ndarray) -> list[str]:
    down, up = np.percentile(resampled - first, [2.5, 97.5])
    fewest, middle, most = np.percentile((resampled - first) / first, [2.5, 50, 97.5])
    return [f"{100 * down:+.1f} to {100 * up:+.1f}", f"{middle:+.0%} ({fewest:+.0%} to {most:+.0%})"]


def main(root: str, *names: str) -> None:
    """Print the comparison as a Markdown table; FAH is that of test/clean."""
    head, *rows = table(Path(root), list(names))
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main(*sys.argv[1:])
