"""Put the trunk of a finished project into the package: `python scripts/ship_trunk.py PROJECT [TRUNK]`.

PROJECT has run `dvc repro pretrain` with `pretrain.trunk: own`. What the trunk learned from, with licences, goes into
its description; so does the command that makes it again. TRUNK is its directory in PROJECT: data/models/trunk.
"""

import os
import sys
from pathlib import Path

from kwsdata.errors import StageInputError
from kwsdata.tools.dataset.trees import open_tree
from kwstrain.models.trunk import SHIPPED, Trunk, load_trunk
from kwstrain.stages.bundle.origins import sources_of

COMMAND = "scripts/import_people.sh DIR && dvc exp run -S pretrain.trunk=own pretrain"
FIELDS = ("name", "licences", "clips", "hours")


def main(project: str, directory: str = "data/models/trunk") -> None:
    """Write `kwstrain/models/trunks/FRONTEND`."""
    os.chdir(project)
    trunk = load_trunk(Path(directory))
    if trunk is None or trunk.info["trunk"] != "own":
        raise StageInputError(f"{project} has trained no trunk: set pretrain.trunk to own, then `dvc repro pretrain`.")
    sources = [{field: source[field] for field in FIELDS} for source in sources_of(open_tree())]
    features = trunk.info["features"]
    changed = "" if features["frontend"] == "logmel" else f" -S features.frontend={features['frontend']}"
    changed += "" if features["window_ms"] == 25 else f" -S features.window_ms={features['window_ms']:g}"
    info = trunk.info | {"trunk": "shipped", "licence": "Apache-2.0", "command": COMMAND + changed, "sources": sources}
    out = SHIPPED / features["frontend"]
    out.mkdir(parents=True, exist_ok=True)
    Trunk(trunk.weights, info).write(out)
    print(f"wrote {out}: {sum(path.stat().st_size for path in out.iterdir())} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
