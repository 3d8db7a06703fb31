"""The cache's folder, and what it holds beside entries: a tag, scratch folders, the log of timings."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

TAG = "CACHEDIR.TAG"  # https://bford.info/cachedir/: backup programs leave such a folder out
SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"


def cache_root() -> Path:
    """Return `$KWSDATA_CACHE`, or `data/.cache` under the current directory."""
    return Path(os.environ.get("KWSDATA_CACHE", "data/.cache"))


def tag(root: Path) -> Path:
    """Make the folder `root` and mark it as a cache, unless it is there and marked; return it."""
    if not (root / TAG).exists():
        root.resolve().mkdir(parents=True, exist_ok=True)  # a link to where it is to be, perhaps
        (root / TAG).write_text(f"{SIGNATURE}\n# Made by kwsdata. Deleting it costs time and nothing else.\n")
    return root


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """Yield an empty folder in the cache, which all workers of this project see; it goes when the block ends."""
    with TemporaryDirectory(prefix=f".{name}.", suffix=".part", dir=tag(cache_root().absolute())) as folder:
        yield Path(folder)


def note_timing(stage: str, timing: dict[str, float]) -> dict[str, float]:
    """Add a row to `timings.jsonl` in the cache and return `timing`: no output of a stage may hold how long it took."""
    row = {"stage": stage, "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **timing}
    with (tag(cache_root()) / "timings.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    return timing
