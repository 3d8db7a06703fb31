"""One change with several seeds of training: a DVC experiment a seed, its numbers kept for `compare`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kwsdata.files.atomic import atomic_path, read_json
from kwstrain.experiments.keep import RUNS, keep, run_experiment


def run_seeds(name: str, seeds: Sequence[int], settings: Sequence[str] = (), runs: Path = RUNS) -> list[dict[str, Any]]:
    """Run the pipeline with `settings` once a seed, as the DVC experiments NAME-s1, NAME-s2 ...

    One that is there is not run again, so that an interrupted loop goes on where it was.

    Args:
        name: of the experiments.
        seeds: of `train.seed`.
        settings: further "block.key=value", the same for every seed.
        runs: where results are kept.

    Returns:
        A row a seed: experiment, and the FNR on each test set.

    Raises:
        KwsError: `dvc` failed; its own message is above.
        FileNotFoundError: the pipeline left no metrics.
    """
    rows = []
    for seed in seeds:
        run = f"{name}-s{seed}"
        kept = runs / run
        if not kept.exists():
            run_experiment(run, (f"train.seed={seed}", *settings))
            with atomic_path(kept) as scratch:
                keep(scratch)
        test = read_json(kept / "evaluate" / "metrics.json")["test"]
        rows.append({"experiment": run, "fnr": {part: numbers["fnr"] for part, numbers in test.items()}})
    return rows
