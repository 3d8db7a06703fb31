"""Scratch of killed writers: no reader sees it, the next writer sweeps it, and what is still being written stays."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kwsdata.clips.corpus import corpus_dirs
from kwsdata.files import scratch
from kwsdata.files.atomic import atomic_path
from kwsdata.files.scratch import SILENT_S, list_visible, scratch_beside, sweep
from kwsdata.tools.dataset.repair import repair
from kwsdata.tools.dataset.trees import open_tree

KILLED = """
import os, signal, sys
from pathlib import Path
from kwsdata.files.atomic import atomic_path
with atomic_path(Path(sys.argv[1])) as made:
    made.mkdir()
    (made / "corpus.json").write_text("{}")
    os.kill(os.getpid(), int(sys.argv[2]))
    sys.stdin.read()
"""


def writer(target: Path, sig: int = signal.SIGKILL) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", KILLED, target, str(int(sig))], stdin=subprocess.PIPE)


@pytest.fixture
def left(tmp_path):
    """A folder with what a killed writer left of `crowd`."""
    writer(tmp_path / "crowd").wait()
    (found,) = tmp_path.iterdir()
    assert (found / "crowd" / "corpus.json").exists()
    return found


@pytest.fixture(autouse=True)
def not_swept_yet(monkeypatch):
    monkeypatch.setattr(scratch, "_swept", set())


def test_what_a_killed_writer_left_is_invisible_and_swept_by_the_next(tmp_path, left):
    assert list(corpus_dirs(tmp_path)) == []
    assert list_visible(tmp_path, "*") == list_visible(tmp_path, "**/corpus.json") == []
    with atomic_path(tmp_path / "another") as made:
        made.write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["another"]


@pytest.mark.parametrize(
    "name", [".crowd.4711.part", ".crowd.4711.old", ".crowd.0123456789ab.part", ".crowd", ".crowd.x.part/crowd"]
)
def test_hidden_directories_are_no_corpora(tmp_path, name):
    for place in (name, "crowd"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "corpus.json").write_text("{}")
    assert [path.name for path in corpus_dirs(tmp_path)] == ["crowd"]


def test_hidden_manifests_are_no_parts_of_a_dataset(project):
    for place in ("data/testsets/dev/clean", "data/testsets/dev/.clean.4711.part"):
        Path(place).mkdir(parents=True)
        (Path(place) / "cuts.000000.jsonl.gz").touch()
    assert open_tree().find("data/testsets/*/*/cuts.*.jsonl.gz") == ["data/testsets/dev/clean/cuts.000000.jsonl.gz"]


def test_a_writer_that_lives_is_not_swept_though_it_is_stopped(tmp_path):
    stopped = writer(tmp_path / "crowd", signal.SIGSTOP)
    os.waitid(os.P_PID, stopped.pid, os.WSTOPPED)
    assert sweep(tmp_path) == []
    stopped.send_signal(signal.SIGCONT)
    stopped.communicate()
    assert stopped.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["crowd"]


def test_writers_of_one_process_do_not_sweep_each_other(tmp_path):
    with scratch_beside(tmp_path / "a") as first:
        assert sweep(tmp_path) == []
        assert first.exists()


def test_scratch_that_was_killed_before_its_lock_is_swept(tmp_path):
    (tmp_path / ".crowd.0123456789ab.part").mkdir()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_between_making_scratch_and_locking_it_only_makes_it_begin_again(tmp_path, monkeypatch):
    take, taken = scratch.take, []

    def take_after_a_sweep(path):
        if not taken:
            taken.append(sweep(tmp_path))
        return take(path)

    monkeypatch.setattr(scratch, "take", take_after_a_sweep)
    with atomic_path(tmp_path / "a") as made:
        made.write_text("x")
    assert len(taken[0]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(("age_s", "gone"), [(0, False), (SILENT_S - 60, False), (SILENT_S + 60, True)])
def test_where_there_are_no_locks_age_decides(tmp_path, left, monkeypatch, age_s, gone):
    monkeypatch.setattr("kwsdata.files.locks.fcntl", None)
    for path in (left, *left.rglob("*")):
        os.utime(path, (time.time() - age_s,) * 2)
    sweep(tmp_path)
    assert left.exists() is not gone


OTHERS = [".bashrc.old", ".config.0123456789ab.old", ".x.part", "crowd.0123456789ab.part", ".a.0123456789ag.part",
          ".0123456789ab.part"]  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_programs_files_are_never_swept(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "x").touch()
    os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path)
    assert (tmp_path / name / "x").exists()


def test_a_file_with_the_name_of_scratch_is_not_swept(tmp_path):
    (tmp_path / ".crowd.0123456789ab.part").touch()
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("new", ["file", "directory"])
@pytest.mark.parametrize("old", ["nothing", "file", "directory", "empty", "link", "dangling"])
def test_whatever_was_there_is_replaced_whole(tmp_path, monkeypatch, exchange, old, new):
    if not exchange:
        monkeypatch.setattr(scratch, "swap", lambda first, second: False)
    folder, target = tmp_path / "folder", tmp_path / "folder" / "target"
    folder.mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "precious").touch()
    if old == "file":
        target.write_text("old")
    elif old in ("directory", "empty"):
        target.mkdir()
        if old == "directory":
            (target / "old").touch()
    elif old != "nothing":
        target.symlink_to("../linked" if old == "link" else "../nowhere")
    with atomic_path(target) as made:
        if new == "file":
            made.write_text("new")
        else:
            made.mkdir()
            (made / "new").touch()
    assert not target.is_symlink()
    assert (target.read_text() == "new") if new == "file" else [path.name for path in target.iterdir()] == ["new"]
    assert list(folder.iterdir()) == [target]
    assert (tmp_path / "linked" / "precious").exists()


def test_a_directory_is_there_and_whole_at_every_moment_of_being_replaced(tmp_path):
    """A reader that looks all the time, while a writer replaces a directory 200 times."""
    target = tmp_path / "target"

    def write(number):
        with atomic_path(target) as made:
            made.mkdir()
            for name in "ab":
                (made / name).write_text(str(number))

    write(0)
    done, wrong, looks = threading.Event(), [], 0

    def look():
        nonlocal looks
        while not done.is_set():
            looks += 1
            if not target.exists():
                wrong.append("missing")
            elif {path.name for path in list_visible(tmp_path, "*")} != {"target"}:
                wrong.append("more than one is seen")

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(1, 200):
        write(number)
    done.set()
    reader.join()
    assert (wrong, looks > 200) == ([], True)
    assert (target / "a").read_text() == "199"


def test_without_an_exchange_a_kill_between_two_renames_is_mended_by_the_next_sweep(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").touch()
    code = (
        "import os, signal, sys; from pathlib import Path; import kwsdata.files.scratch as s; "
        "from kwsdata.files.atomic import *\n"
        "s.swap = lambda first, second: False\n"
        "rename = Path.rename\n"
        "def killed(self, other):\n"
        "    rename(self, other)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Path.rename = killed\n"
        "with atomic_path(Path(sys.argv[1])) as made: made.mkdir()\n"
    )
    subprocess.run([sys.executable, "-c", code, target], check=False)
    assert not target.exists()
    sweep(tmp_path)
    assert (target / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_repair_sweeps_the_project_also_of_what_earlier_versions_left(project):
    for place in ("data/corpora", "data/.cache/embed/ab", "review", "elsewhere"):
        Path(place).mkdir(parents=True)
    for place in ("data/corpora/crowd", "data/.cache/embed/ab/x", "elsewhere/x"):
        writer(project / place).wait()
    for name, days in ((".crowd.4711.old", 8), (".village.4711.part", 8), (".town.4711.import", 6)):
        (project / "data/corpora" / name).mkdir()
        os.utime(project / "data/corpora" / name, (time.time() - days * 86400,) * 2)
    done = repair(project)
    assert set(done) == {"data/corpora", "data/.cache/embed/ab"}
    assert "3 killed" in done["data/corpora"]
    assert [path.name for path in Path("data/corpora").iterdir()] == [".town.4711.import"]
    assert len(list(Path("elsewhere").iterdir())) == 1
    assert list(repair(project)) == []
