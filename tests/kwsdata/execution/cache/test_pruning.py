"""The cache stays within its size: the oldest goes first, what runs keeps its own, and nothing else is touched."""

import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from params_files import copy_params
from typer.testing import CliRunner

from kwsdata.cli import app
from kwsdata.errors import ParamsError
from kwsdata.execution.cache import Step, is_whole
from kwsdata.execution.cache.entries import LIST
from kwsdata.execution.cache.pruning import in_use, prune, summary, survey

SOME = Step("toy_some", "kwsdata.consistent_hash", suffix=".bin")
OTHER = Step("toy_other", "kwsdata.consistent_hash")
VALUES = Step("toy_values", "kwsdata.consistent_hash")
MB = 1_000_000
HOUR_S = 3600.0


def make(step: Step, number: int, age_s: float = 0.0, size: int = MB) -> Path:
    """Make an entry that was last used `age_s` ago; return its folder."""

    def write(path: Path) -> None:
        if step is OTHER:
            path.mkdir()
            path /= "a"
        path.write_bytes(bytes(size))

    folder = step.get(write, number=number).parent
    used(folder / LIST, age_s)
    return folder


def used(path: Path, age_s: float) -> None:
    at = time.time() - age_s
    os.utime(path, (at, at))


@pytest.fixture
def cache(project) -> Path:
    return project / "cache"


def there(*folders: Path) -> list[bool]:
    return [is_whole(folder) for folder in folders]


def test_what_was_not_used_for_longest_goes_first(cache):
    entries = [make(SOME, number, age_s=HOUR_S * (10 - number)) for number in range(5)]
    done = prune(0.0031)
    assert there(*entries) == [False, False, True, True, True]
    assert (done["removed"], done["in_use"]) == (2, 0)
    assert done["freed_gb"] == pytest.approx(0.002, abs=1e-4)
    assert prune(0.0031)["removed"] == 0


def test_using_an_entry_makes_it_young(cache):
    old, young = make(SOME, 1, 5 * HOUR_S), make(SOME, 2, HOUR_S)
    make(SOME, 1)
    used(old / LIST, 0)
    prune(0.0015)
    assert there(old, young) == [True, False]


@pytest.mark.parametrize(("max_gb", "stay"), [(0, 0), (0.0011, 1), (0.0022, 2), (0.005, 3), (1000, 3)])
def test_the_limit_counts_all_steps(cache, max_gb, stay):
    entries = [make(SOME, 1, 3 * HOUR_S), make(OTHER, 1, 2 * HOUR_S), make(SOME, 2, HOUR_S)]
    prune(max_gb)
    assert sum(there(*entries)) == stay
    assert there(*entries) == [False] * (3 - stay) + [True] * stay


def test_of_one_step_alone(cache):
    one, other = make(SOME, 1, HOUR_S), make(OTHER, 1, 2 * HOUR_S)
    prune(0, "toy_some")
    assert there(one, other) == [False, True]
    with pytest.raises(ParamsError, match=r"holds nothing of 'augmemt', but of: toy_other"):
        prune(0, "augmemt")


def test_values_and_work_under_way_are_counted_and_go(cache):
    VALUES.value(lambda: [1] * 1000, x=1)
    work = SOME.workspace(x="under way")
    (work / "dvclive").mkdir(parents=True)
    (work / "checkpoint.pt").write_bytes(bytes(MB))
    assert sorted(one.size // 1000 for one in survey()) == [3, 1000]
    prune(0)
    assert not survey()
    assert not work.exists()


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt", "timings.jsonl", "toy_some/notes.txt", "toy_some/ab/notes.txt", f"toy_some/ab/{'c' * 38}",
        f"toy_some/ab/{'c' * 62}.txt", f"objects/ab/{'c' * 38}", f"objects/ab/{'c' * 62}.file", f"blobs/ab/{'c' * 62}",
        f"md5/ab/{'c' * 30}", f".git/objects/ab/{'c' * 38}", f"toy_some/AB/{'c' * 62}/a", f"toy_some/ab/{'c' * 63}/a",
        f"toy_some/abc/{'c' * 62}/a", f".hidden/ab/{'c' * 62}/a",
    ],
)  # fmt: skip
def test_what_has_not_the_shape_of_an_entry_stays(cache, path):
    make(SOME, 1)
    (cache / path).parent.mkdir(parents=True, exist_ok=True)
    (cache / path).write_text("mine")
    prune(0)
    assert (cache / path).read_text() == "mine"


@pytest.mark.parametrize(
    "path",
    [
        f"embed/ab/{'c' * 38}.npy", f"files/ab/{'c' * 38}.json", f"augment/{'c' * 40}/recording.000000.tar",
        f"pools/{'c' * 24}/clean", f"fetched/ab/{'c' * 38}/words/a.wav", f"train/ab/{'c' * 38}/checkpoint.pt",
    ],
)  # fmt: skip
def test_entries_of_before_go(cache, path):
    (cache / path).parent.mkdir(parents=True)
    (cache / path).write_text("of before")
    used(cache / path, 1000 * HOUR_S)
    new = make(SOME, 1, HOUR_S)
    prune((1 + sum(one.size for one in survey() if one.step == "toy_some")) / 1e9)
    assert not (cache / path).exists()
    assert there(new) == [True]


def test_what_a_running_command_uses_stays(cache):
    old, used_now, own = make(SOME, 1, 5 * HOUR_S), make(SOME, 2, 4 * HOUR_S), make(SOME, 3, 3 * HOUR_S)
    with in_use(None):
        used(used_now / LIST, 0)
        shutil.rmtree(own)
        own = make(SOME, 3)
        done = prune(0)
        assert there(old, used_now, own) == [False, True, True]
        assert done["in_use"] == 2
    prune(0)
    assert there(used_now, own) == [False, False]


def _hold(root: str, ready: str) -> None:
    os.environ["KWSDATA_CACHE"] = root
    with in_use(0):
        Path(ready).touch()
        time.sleep(60)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_another_process_is_heeded_until_it_is_killed(cache, tmp_path):
    process = multiprocessing.get_context("fork").Process(target=_hold, args=(str(cache), str(tmp_path / "ready")))
    process.start()
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    entry = make(SOME, 1)
    assert prune(0)["in_use"] == 1
    assert there(entry) == [True]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert prune(0)["in_use"] == 0
    assert there(entry) == [False]
    assert not list((cache / ".in_use").iterdir())


def test_a_command_that_ends_well_prunes_and_says_so(cache, caplog):
    old, young = make(SOME, 1, 2 * HOUR_S), make(SOME, 2, HOUR_S)
    with in_use(0.0015):
        pass
    assert there(old, young) == [False, True]
    assert "cache.max_gb = 0.0015: 1 entries (0.00 GB)" in caplog.text
    with pytest.raises(ValueError, match="of the stage"), in_use(0):
        raise ValueError("of the stage")
    assert there(young) == [True]  # a run that failed goes on from what it has
    with in_use(None):
        pass
    assert there(young) == [True]


def test_a_stage_finds_its_own_although_they_pass_the_limit(cache):
    """Pruned between stages, not within: a stage whose work is larger than the limit still goes on from it."""
    with in_use(0.001):
        entries = [make(SOME, number) for number in range(3)]
        prune(0.001)
        assert all(there(*entries))


def test_a_cache_that_may_only_be_read_is_used_without_a_lease(project, monkeypatch):
    def closed(self, *args, **kwargs):
        raise OSError(30, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", closed)
    ran = []
    with in_use(0):
        ran.append(1)
    assert ran


def test_entries_may_go_while_they_are_counted(cache, monkeypatch):
    folders = [make(SOME, number) for number in range(4)]
    real = os.walk

    def walk(path):
        shutil.rmtree(path, ignore_errors=True)
        return real(path)

    monkeypatch.setattr(os, "walk", walk)
    assert [one.size for one in survey()] == [0] * len(folders)


def test_no_cache_at_all(project):
    assert survey() == []
    assert prune(0) == {"removed": 0, "freed_gb": 0.0, "gb": 0.0, "in_use": 0}
    assert summary(50)["steps"] == {}


def test_the_command(cache, monkeypatch):
    copy_params(Path())
    make(SOME, 1, 2 * HOUR_S)
    make(OTHER, 1, HOUR_S)

    def said(*args: str) -> dict:
        found = CliRunner().invoke(app, ["cache", *args])
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    shown = said()
    assert shown["max_gb"] == 50
    assert {name: step["entries"] for name, step in shown["steps"].items()} == {"toy_some": 1, "toy_other": 1}
    assert said("--prune")["removed"] == 0
    assert said("--prune", "--step", "toy_some")["removed"] == 1
    assert list(said()["steps"]) == ["toy_other"]
    assert said("--prune", "--max-gb", "0")["removed"] == 1
    assert said()["gb"] == 0
    for wrong, line in (
        (["--max-gb", "1"], "belong to --prune"),
        (["--step", "augment"], "belong to --prune"),
        (["--prune", "--step", "augment"], "holds nothing of 'augment'"),
        (["--prune", "--max-gb", "-1"], "max-gb"),
    ):
        failed = CliRunner().invoke(app, ["cache", *wrong])
        assert failed.exit_code != 0
        assert line in failed.output
