"""One contract over every step of the cache: what an entry is made of, what becomes of a damaged one, who may write.

The worlds are in `cached_steps`; a step without one fails here.
"""

import ast
import re
import shutil
import threading
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from cached_steps import CASES, World
from imports import ROOT

from kwsdata.execution.cache import STEPS, Step, code, is_whole
from kwsdata.execution.cache.code import PACKAGES, closure

SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
DECLARED = {
    match[1]: ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in SOURCES
    for match in re.finditer(r'^[A-Z]+ = Step\(\s*"(\w+)"', path.read_text(), re.MULTILINE)
}
WORKSPACES = {
    "train",
    "train_teacher",
    "quantize",
    "pretrain",
}  # work under way, whose files are sealed by `kwstrain.stages.train`
KEPT = sorted(DECLARED.keys() - WORKSPACES)
# Where the cache may be touched other than through a step, and why.
ALLOWED = {
    "kwsdata/execution/executor.py": "tells workers where it lies",
    "kwsdata/execution/remote/exchange.py": "moves entries between machines",
    "kwsdata/execution/cache/pruning.py": "keeps it within its size",
}


class Watch:
    """What a step was asked for (`folders`) and what it made (`made`), in order."""

    def __init__(self, name: str, patch: pytest.MonkeyPatch) -> None:
        self.folders: list[Path] = []
        self.made = 0
        folder, check = Step._folder, Step._check

        def _folder(step: Step, key: dict) -> Path:
            found = folder(step, key)
            if step.name == name:
                self.folders.append(found)
            return found

        def _check(step: Step, make) -> None:
            check(step, make)
            self.made += step.name == name

        patch.setattr(Step, "_folder", _folder)
        patch.setattr(Step, "_check", _check)

    def new(self, world: World) -> set[Path]:
        """Ask, and return the folders that were not asked for before."""
        before = set(self.folders)
        world.ask()
        return set(self.folders) - before


@pytest.fixture
def world(step, project, params, monkeypatch) -> World:
    import_module(DECLARED[step])
    return CASES[step](params, monkeypatch)


@pytest.fixture
def watch(step, world, monkeypatch) -> Watch:
    return Watch(step, monkeypatch)


def same(one, other) -> bool:
    return np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) else one == other


def entries(project: Path, step: str) -> list[Path]:
    """The files of the entries of a step."""
    return sorted(path for path in (project / "cache" / step).rglob("*") if path.is_file())


def test_every_step_has_a_world():
    assert DECLARED.keys() == CASES.keys()


def test_nothing_else_touches_the_cache():
    for path in SOURCES:
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("kwsdata/execution/cache/") or name in ALLOWED:
            continue
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
        assert "cache_root" not in names, f"{name} reaches into the cache: declare a Step"
        assert "KWSDATA_CACHE" not in texts, name


def test_every_use_of_a_training_folder_names_its_step():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "work_directory":
                named = any(keyword.arg == "step" for keyword in node.keywords)
                assert named or path.match("kwstrain/training/job.py"), path


@pytest.mark.parametrize("step", sorted(DECLARED))
def test_it_is_made_once_and_found_by_what_it_is_made_of(step, world, watch, project):
    first = world.ask()
    asked, made = set(watch.folders), watch.made
    assert asked
    assert same(world.ask(), first)
    assert set(watch.folders) == asked
    assert watch.made == made
    if step in KEPT:
        assert made >= 1
        assert all(is_whole(found) for found in (project / "cache" / step).glob("*/*"))


@pytest.mark.parametrize("step", sorted(DECLARED))
def test_an_edit_of_anything_it_is_made_of_is_a_miss(step, world, watch, project):
    world.ask()
    for name, edit in world.edits.items():
        edit()
        assert watch.new(world), name
        after = world.ask()
        shutil.rmtree(project / "cache", ignore_errors=True)
        assert same(world.ask(), after), name  # the cache had nothing to do with it


@pytest.mark.parametrize("step", sorted(DECLARED))
def test_an_edit_of_its_code_is_a_miss(step, world, watch, monkeypatch, tmp_path):
    world.ask()
    copy = tmp_path / "copy of the code"
    files = closure(*STEPS[step].code)
    assert any(".".join(path.with_suffix("").parts).removesuffix(".__init__") in STEPS[step].code for path in files)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "ROOT", copy)
    monkeypatch.setattr(code, "_BEGAN_NS", time.time_ns() + 10**12)

    def forget() -> None:
        code._digest.cache_clear()
        code._closure.cache_clear()

    forget()
    assert not watch.new(world)  # the same code elsewhere
    for path in {files[0], files[-1], *(path for path in files if path.name in ("audio.py", "shards.py", "loss.py"))}:
        (copy / path).write_text((copy / path).read_text() + "\n# a line more\n")
        forget()
        assert watch.new(world), path
    (copy / "kwsdata/tools/review/server.py").write_text("")  # of another stage
    (copy / "docs.md").write_text("")
    forget()
    assert not watch.new(world)
    monkeypatch.undo()
    forget()


def flip(path: Path, at: float) -> None:
    data = bytearray(path.read_bytes())
    data[min(int(at * len(data)), len(data) - 1)] ^= 0x41
    path.write_bytes(data)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flip first": lambda path: flip(path, 0),
    "flip early": lambda path: flip(path, 0.2),
    "flip late": lambda path: flip(path, 0.67),
    "flip last": lambda path: flip(path, 1),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("step", KEPT)
def test_what_is_damaged_is_made_again(step, world, watch, project):
    wanted = world.ask()
    for name, damage in DAMAGES.items():
        for path in entries(project, step):
            made = watch.made
            damage(path)
            assert same(world.ask(), wanted), (name, path)
            assert watch.made > made, (name, path)
            made = watch.made
            assert same(world.ask(), wanted)
            assert watch.made == made, (name, path)


@pytest.mark.parametrize("step", KEPT)
def test_a_failure_is_not_kept(step, world, watch, project):
    if world.spoil is None:
        pytest.skip("nothing that it reads can be bad")
    wanted = world.ask()
    shutil.rmtree(project / "cache")
    world.spoil()
    for _ in range(2):
        with pytest.raises(Exception):  # noqa: B017 - each step has its own; it is no entry that counts here
            world.ask()
        assert not entries(project, step)
    world.mend()
    assert same(world.ask(), wanted)


@pytest.mark.parametrize("step", KEPT)
def test_two_writers_at_once(step, world, watch, project, monkeypatch):
    monkeypatch.setattr("os.getpid", lambda: 7)
    wanted = world.ask()
    shutil.rmtree(project / "cache" / step)
    both, check, results = threading.Barrier(2), Step._check, []

    def meet(self: Step, make) -> None:
        check(self, make)
        if self.name == step and not both.broken and len(met) < 2:
            met.append(1)
            both.wait(20)

    met: list[int] = []
    monkeypatch.setattr(Step, "_check", meet)
    threads = [threading.Thread(target=lambda: results.append(world.ask())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(met) == 2
    assert all(same(result, wanted) for result in results)
    assert len(results) == 2
    found = list((project / "cache" / step).glob("*/*"))
    assert found
    assert all(is_whole(path) for path in found)  # and no scratch beside them
