"""Compare experiments over seeds: `python scripts/compare_runs.py data/runs baseline no-augment ...`.

For each named experiment and test set: the mean FNR over its seeds, the range of the seeds, and a 95 % interval from
resampling the keywords (the same ones in every run, drawn with replacement, 2,000 times: B. Efron, 1979); then each
experiment's difference from the first, over the same resampled keywords and the same seeds. The interval speaks of
these seeds: with three of them it says how sure the keywords are, and the range says how much seeds matter.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from kwsdata.draws import rng_for
from kwsdata.files import read_json, read_jsonl_gz

RESAMPLES = 2000


def misses_of(run: Path, test_set: str) -> dict[str, float]:
    """Return {keyword clip: share of its events missed} of one run."""
    misses: dict[str, list[bool]] = defaultdict(list)
    for event in read_jsonl_gz(run / "events.jsonl.gz"):
        if event["partition"] == "test" and event["set"] == test_set:
            misses[event["source"]].append(not event["hit"])
    return {source: float(np.mean(missed)) for source, missed in misses.items()}


def table(root: Path, names: list[str]) -> list[list[str]]:
    """Return the rows of the comparison, a head first."""
    rows = [
        [
            "set",
            "experiment",
            "seeds",
            "FNR",
            "seeds from-to",
            "95 % (keywords)",
            "FAH",
            "against first, points",
            "relative",
        ]
    ]
    runs = {name: sorted(root.glob(f"{name}-s*")) for name in names}
    sets = sorted(read_json(runs[names[0]][0] / "metrics.json")["test"])
    for test_set in sets:
        sources = sorted(misses_of(runs[names[0]][0], test_set))
        picks = rng_for(1, "compare_runs", test_set).integers(len(sources), size=(RESAMPLES, len(sources)))
        first = np.zeros(0)
        for name in names:
            missed = np.array([[misses_of(run, test_set)[source] for source in sources] for run in runs[name]])
            resampled = missed.mean(axis=0)[picks].mean(axis=1)
            metrics = [read_json(run / "metrics.json")["test"][test_set] for run in runs[name]]
            seeds = missed.mean(axis=1)
            first = resampled if not first.size else first
            change = resampled - first
            low, high = np.percentile(resampled, [2.5, 97.5])
            down, up = np.percentile(change, [2.5, 97.5])
            fewest, middle, most = np.percentile(change / first, [2.5, 50, 97.5])
            fah = np.mean([m["fah"] for m in metrics])
            against = [f"{100 * down:+.1f} to {100 * up:+.1f}", f"{middle:+.0%} ({fewest:+.0%} to {most:+.0%})"]
            rows.append(
                [
                    *(test_set, name, str(len(seeds)), f"{seeds.mean():.1%}", f"{seeds.min():.1%}-{seeds.max():.1%}"),
                    *(f"{low:.1%}-{high:.1%}", f"{fah:.2f}", *(against if name != names[0] else ["-", "-"])),
                ]
            )
    return rows


def main(root: str, *names: str) -> None:
    """Print the comparison as a Markdown table."""
    head, *rows = table(Path(root), list(names))
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main(*sys.argv[1:])
