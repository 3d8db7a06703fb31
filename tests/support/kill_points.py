"""Kill a piece of work before each of its steps on the file system, and look at what readers find after each kill.

A step is whatever makes, names, flushes or removes a file or directory, or exchanges two names. The work runs in a fork
of this process: what it needs is imported once.
"""

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from file_hashes import hashes

from kwsdata.tools.dataset.repair import repair

_STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass
class Result:
    """What came of killing at every `every`-th step: states counted, and what was wrong, in words."""

    steps: int = 0
    states: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def kill_everywhere(
    base: Path, scratch: Path, work: Callable[[], object], look: Callable[[], str], every: int = 1
) -> Result:
    """Run `work` in copies of the directory `base`, killed before its first step, its second, ...

    After each kill `look` says in the same directory what a reader finds: "old", "new", or what is wrong. Then `work`
    runs again, and `kwsdata repair`: all files must then be those of a run that nobody disturbed, and no scratch may be
    left.
    """
    result = Result()
    whole = _copy(base, scratch / "whole")
    steps = list(_trace(whole, work))
    result.steps = len(steps)
    wanted = _files(whole)
    for number in range(1, len(steps) + 1, every):
        root = _copy(base, scratch / "killed")
        status = _fork(root, work, number)
        if status != -signal.SIGKILL:
            result.wrong.append(f"step {number} ({steps[number - 1]}): ended with {status}, not killed")
            continue
        found = _inside(root, look)
        result.states[found] += 1
        if found not in ("old", "new"):
            result.wrong.append(f"step {number} ({steps[number - 1]}): {found}")
        if status := _fork(root, work, 0):
            result.wrong.append(f"step {number} ({steps[number - 1]}): the next run ended with {status}")
            continue
        repair(root)  # work that found nothing left to do has swept nothing
        if (left := _files(root)) != wanted:
            differing = sorted(name for name in wanted.keys() | left.keys() if wanted.get(name) != left.get(name))
            result.wrong.append(f"step {number} ({steps[number - 1]}): then {differing[:5]} differ")
    return result


def _copy(base: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(base, target, symlinks=True)
    return target


def _files(root: Path) -> dict[str, str]:
    """Return {path: hash} of every file, and of every directory with a hidden name: scratch that is left."""
    scratch = {path.relative_to(root).as_posix(): "left" for path in root.rglob(".*.part")}
    return hashes(root) | scratch


def _trace(root: Path, work: Callable[[], object]) -> Iterator[str]:
    log = root.with_name("steps")
    log.unlink(missing_ok=True)
    assert _fork(root, work, 0, log) == 0
    yield from log.read_text().splitlines()


def _inside(root: Path, look: Callable[[], str]) -> str:
    before = Path.cwd()
    os.chdir(root)
    try:
        return look()
    finally:
        os.chdir(before)


def _fork(root: Path, work: Callable[[], object], at: int, log: Path | None = None) -> int:
    """Run `work` in `root` in another process, killed before step `at` (0: never); return how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.chdir(root)
            _arm(root, at, log)
            work()
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _arm(root: Path, at: int, log: Path | None) -> None:
    """Count steps below `root` from now on; at the one with number `at` this process ends."""
    from kwsdata.files import scratch

    count = 0
    notes = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log is not None else None

    def step(what: str) -> None:
        nonlocal count
        count += 1
        if notes is not None:
            os.write(notes, f"{what}\n".encode())
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and flags & _WRITES and _below(path, root):
                step(f"open {os.fsdecode(path)}")
        elif event in _STEPS and _below(arguments[0], root):  # a bare name: of a tree that is removed
            step(f"{event} {os.fsdecode(arguments[0])}")

    def around(function: Callable, name: str) -> Callable:
        def stepped(*arguments):  # before it, and right after it
            step(f"before {name}")
            answer = function(*arguments)
            step(f"after {name}")
            return answer

        return stepped

    scratch.swap = around(scratch.swap, "swap")
    os.fsync = around(os.fsync, "fsync")
    sys.addaudithook(heard)


def _below(path: str | bytes, root: Path) -> bool:
    return (Path.cwd() / os.fsdecode(path)).is_relative_to(root)
