"""What the cache costs: the digest of each step's code, hashing of sound, entries written and found.

python benchmarks/cache.py [FOLDER]     on the file system of FOLDER (default: a temporary folder)
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from kwsdata.clips.content import Contents, file_hash
from kwsdata.execution.cache import STEPS, Step
from kwsdata.execution.cache.code import closure, code_digest

MODULES = (
    "kwsdata.stages.augment.shard",
    "kwsdata.stages.check.facts",
    "kwsdata.vectors.fill",
    "kwsdata.stages.synthesize.render",
)
SIZES_MB = (0.01, 1, 20, 100)
TOY = Step("benchmark", "kwsdata.consistent_hash", suffix=".bin")


def main(folder: Path) -> None:
    """Print one line a measurement."""
    os.environ["KWSDATA_CACHE"] = str(folder / "cache")
    for module in MODULES:
        print(f"code of {module}: {milliseconds(partial(code_digest, module)):.1f} ms, {len(closure(module))} files")
    for size_mb in SIZES_MB:
        data = np.random.default_rng(0).bytes(int(size_mb * 1e6))
        made = [milliseconds(partial(TOY.get, partial(write, data), number=n, size=size_mb)) for n in range(5)]
        found = [milliseconds(partial(TOY.get, partial(write, data), number=n, size=size_mb)) for n in range(5)]
        path = folder / "sound"
        path.write_bytes(data)
        hashed = milliseconds(partial(file_hash, path))
        print(
            f"{size_mb:g} MB: written {np.median(made):.1f} ms, found and checked {np.median(found):.2f} ms, "
            f"content hashed {hashed:.1f} ms"
        )
    time.sleep(2.5)  # so that the file has rested
    Contents()(str(folder / "sound"))
    print(f"content remembered: {milliseconds(partial(file_hash, folder / 'sound')):.2f} ms")
    print(f"steps: {', '.join(sorted(STEPS))}")


def write(data: bytes, path: Path) -> None:
    path.write_bytes(data)


def milliseconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
