"""Run a tiny pipeline on Dask workers that see an S3 server alone, and compare: the same hashes as without them?

    python scripts/store_test.py REFERENCE [--keep DIR]

REFERENCE is a run of the same code and numbers on one machine: `undisturbed` of `scripts/kill_test.py --keep DIR`. The
scheduler, two workers and the S3 server (moto) are processes of this machine on its loopback interface; the workers
were started elsewhere, have disks of their own, and fail at the first look into the project.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from clusters import Cluster
from kill_test import REPRO, snapshot
from kills import recorded
from remotes import s3_remote


def main() -> None:
    """Run, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("--keep", type=Path, help="work here, and keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="store_test.") as scratch:
        work = options.keep or Path(scratch)
        root = work / "far"
        snapshot(root)
        with s3_remote(work / "shards") as remote:
            os.environ.update(remote.environment | {"DVC_TEST": "true", "DVC_SITE_CACHE_DIR": str(work / "dvc")})
            os.environ.pop("KWSDATA_CACHE", None)
            (elsewhere := work / "elsewhere").mkdir()
            cluster = Cluster(elsewhere, hidden=root)
            try:
                executor = {"kind": "dask", "workers": 0, "scheduler": cluster.address, "store": remote.url}
                (root / "far.yaml").write_text(json.dumps({"executor": executor}))
                environment = os.environ | {"PYTHONPATH": str(root)}
                environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
                subprocess.run(
                    [sys.executable, "scripts/overlay.py", "far.yaml"], cwd=root, env=environment, check=True
                )
                began = time.perf_counter()
                subprocess.run(REPRO, cwd=root, env=environment, check=True)
                seconds = time.perf_counter() - began
            finally:
                cluster.close()
            objects = remote.names()
        wanted, found = recorded(options.reference), recorded(root)
    differing = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    print(
        json.dumps({"seconds": round(seconds), "outputs": len(wanted), "objects": len(objects), "differing": differing})
    )
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main()
