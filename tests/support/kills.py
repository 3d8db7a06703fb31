"""Run a command and kill it with all its processes (SIGKILL: no chance to tidy up) at given moments."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml


@dataclass(frozen=True)
class Kill:
    """One kill: seconds after its start, and the stage that ran (None: DVC itself was at work)."""

    after_s: float
    stage: str | None


def killed(command: Sequence[str], root: Path, environment: Mapping[str, str], after_s: float, log: Path) -> Kill | int:
    """Run `command` for `after_s` and kill it; return the kill, or the exit code where it ended before."""
    with log.open("ab") as out:
        begun = out.tell()
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=out, stderr=out)
        try:
            return process.wait(after_s)
        except subprocess.TimeoutExpired:
            stage = running_stage(log.read_bytes()[begun:].decode(errors="replace"))
            kill_tree(process.pid)
            process.wait()
            return Kill(after_s, stage)


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants, the parent first so that it sees none of them die."""
    try:
        parent = psutil.Process(pid)
        tree = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(tree, timeout=10)


def running_stage(said: str) -> str | None:
    """Return the stage that `dvc repro` was running when it had said this."""
    lines = [line for line in said.splitlines() if "Running stage" in line or "Updating lock file" in line]
    return lines[-1].split("'")[1] if lines and "Running stage" in lines[-1] else None


def recorded(root: Path) -> dict[str, str]:
    """Return {stage output: hash} of dvc.lock."""
    stages = yaml.safe_load((root / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}
