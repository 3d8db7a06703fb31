"""Kill import, exclude, decisions, lock, publish, ... before each of their steps on the disk; count what is found.

    python scripts/kill_points.py [NAME ...]

For each: how many steps were killed at, whether readers then found the old or the new state, and what was neither, or
did not end as an undisturbed run after a repetition. Exits with 1 if anything was.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from kill_points import kill_everywhere
from kill_scenarios import SCENARIOS


def main(names: list[str]) -> None:
    """Kill, look, print."""
    told = {}
    for name in names or SCENARIOS:
        scenario = SCENARIOS[name]
        with tempfile.TemporaryDirectory(prefix="kill_points.") as folder:
            os.environ["KWSDATA_CACHE"] = f"{folder}/cache"
            base = Path(folder) / "base"
            base.mkdir()
            os.chdir(base)
            scenario.prepare()
            found = kill_everywhere(base, Path(folder), scenario.work, scenario.look)
            os.chdir("/")
        told[name] = {"kills": found.steps, **found.states, "wrong": found.wrong}
        print(name, json.dumps(told[name]), flush=True)
    raise SystemExit(1 if any(row["wrong"] for row in told.values()) else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
