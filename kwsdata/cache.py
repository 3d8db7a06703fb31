"""Work that outlives an interrupted stage: results stored under the hash of everything that made them.

A stage asks for `entry(stage, key)`; if the path exists, the work is done. DVC never sees this directory; deleting it
costs time and nothing else.
"""

import json
import os
import time
from pathlib import Path

from kwsdata.draws import digest_of


def cache_root() -> Path:
    """Return `$KWSDATA_CACHE`, or `data/.cache` under the current directory."""
    return Path(os.environ.get("KWSDATA_CACHE", "data/.cache"))


def entry(stage: str, *key: object, suffix: str = "") -> Path:
    """Return the path where the result of (`stage`, `key`) is kept; it may not exist yet."""
    digest = digest_of(stage, *key)
    return cache_root() / stage / digest[:2] / f"{digest[2:40]}{suffix}"


def note_timing(stage: str, timing: dict[str, float]) -> dict[str, float]:
    """Add a row to `timings.jsonl` in the cache and return `timing`: no output of a stage may hold how long it took."""
    path = cache_root() / "timings.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {"stage": stage, "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **timing}
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    return timing
