"""Work that outlives an interrupted stage: results stored under the hash of everything that made them.

A stage asks for `entry(stage, key)`; if the path exists, the work is done. DVC never sees this directory; deleting it
costs time and nothing else.
"""

import os
from pathlib import Path

from kwsdata.draws import digest_of


def cache_root() -> Path:
    """Return `$KWSDATA_CACHE`, or `data/.cache` under the current directory."""
    return Path(os.environ.get("KWSDATA_CACHE", "data/.cache"))


def entry(stage: str, *key: object, suffix: str = "") -> Path:
    """Return the path where the result of (`stage`, `key`) is kept; it may not exist yet."""
    digest = digest_of(stage, *key)
    return cache_root() / stage / digest[:2] / f"{digest[2:40]}{suffix}"
