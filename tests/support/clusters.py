"""A Dask cluster of real processes on the loopback interface."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Cluster:
    """A scheduler and two workers, each a process of its own that was started elsewhere and talks over TCP.

    Each worker has a local directory of its own. Those of a cluster that must not see `hidden` fail at the first look
    into that directory.
    """

    def __init__(self, folder: Path, hidden: Path | None = None) -> None:
        self.file = folder / "scheduler.json"
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/tests/support"}
        environment |= {} if hidden is None else {"HIDDEN": str(hidden)}
        environment.pop("KWSDATA_CACHE", None)
        dask, local = [sys.executable, "-m", "dask"], ["--host", "127.0.0.1", "--scheduler-file", str(self.file)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": (folder / "log").open("w"), "cwd": folder, "env": environment}
        work = [*dask, "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", *local]
        work += [] if hidden is None else ["--preload", "hidden_project"]
        self.disks = [folder / f"disk{number}" for number in range(2)]
        commands = [[*dask, "scheduler", "--port", "0", "--no-dashboard", *local]]
        commands += [[*work, "--local-directory", str(disk)] for disk in self.disks]
        self.processes = [subprocess.Popen(command, **quiet) for command in commands]
        quiet["stderr"].close()

    @property
    def address(self) -> str:
        """Where the scheduler listens, once it does."""
        for _ in range(600):
            if self.file.exists() and self.file.stat().st_size:
                return str(json.loads(self.file.read_text())["address"])
            time.sleep(0.1)
        raise TimeoutError("no Dask scheduler came up in a minute")

    def close(self) -> None:
        """End all that is left."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()
