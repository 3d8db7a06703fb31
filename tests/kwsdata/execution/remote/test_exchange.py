"""A worker that sees the store alone reads the stage's files, and its own come back in their places."""

import json
import os
import shutil
import uuid
from pathlib import Path

import pytest

from kwsdata.errors import WorkerError
from kwsdata.execution.cache import Step
from kwsdata.execution.remote import exchange
from kwsdata.execution.remote.exchange import Sender
from kwsdata.execution.remote.store import Store
from kwsdata.files.atomic import atomic_path, read_json, write_json
from kwsdata.files.site import reach

KEPT = Step("stage", "kwsdata.files.atomic", suffix=".json")


def told(task: Path) -> str:
    """Return what a file says, by its path in the project."""
    return reach(task).read_text()


def listed(task: Path) -> list[str]:
    """Return the names in a directory."""
    return sorted(path.name for path in reach(task).iterdir())


def kept(task: str) -> Path:
    """Return a file of the cache, made with something that no two runs would make alike."""
    return KEPT.get(lambda path: write_json(path, uuid.uuid4().hex), task=task)


def written(task: Path) -> str:
    """Write a directory of shards, as stages do, and a file next to it; return where this worker works."""
    with atomic_path(task) as scratch:
        scratch.mkdir()
        (scratch / ".dotted").write_text("dot")
        (scratch / "shar").mkdir()
        write_json(scratch / "shar" / "cuts.json", [1])
    write_json(task.with_name("beside.json"), [2])
    return str(Path.cwd())


@pytest.fixture(params=[".cache", "../elsewhere"], ids=["cache in the project", "cache outside"])
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """An empty project as the current directory; workers' disks are made beside it."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("KWSDATA_CACHE", str((tmp_path / "project" / request.param).resolve()))
    return tmp_path / "project"


@pytest.fixture
def run(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run one task on the worker with the disk of a name."""

    def run(function, task, reads=(), disk: str = "disk"):
        sender = Sender(function, f"file://{tmp_path}/store", reads)
        monkeypatch.setattr("kwsdata.execution.remote.exchange._own_disk", lambda: tmp_path / disk)
        answer = sender.work(sender.pack(task))
        os.chdir(project)
        return sender.unpack(answer)

    return run


@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_a_worker_reads_the_files_that_the_stage_names(run, tmp_path: Path, absolute: bool) -> None:
    Path("data").mkdir()
    for name in ("a", "b"):
        Path("data", name).write_text(name)
    (tmp_path / "far").write_text("of no project")
    data = Path("data").absolute() if absolute else Path("data")
    assert run(told, data / "a", [Path("data")]) == "a"
    assert run(listed, data, [Path("data")]) == ["a", "b"]
    assert run(told, tmp_path / "far", [tmp_path / "far"]) == "of no project"
    Path("data/a").write_text("new")
    assert run(told, data / "a", [Path("data")]) == "new"
    with pytest.raises(FileNotFoundError):
        run(told, data / "a", [Path("data/b")])  # not among what the stage says that its tasks read


def test_what_a_task_leaves_lies_where_it_would_lie_without_a_store(run, project: Path, tmp_path: Path) -> None:
    where = run(written, Path("data/out"))
    assert Path(where).is_relative_to(tmp_path / "disk")
    found = {path.relative_to(project).as_posix(): path.read_text() for path in (project / "data").rglob("*.*")}
    assert found == {
        "data/out/.dotted": "dot", "data/out/shar/cuts.json": "[\n  1\n]\n", "data/beside.json": "[\n  2\n]\n",
    }  # fmt: skip


def test_a_result_that_another_worker_made_is_not_made_again(run, project: Path) -> None:
    first = run(kept, "task")
    assert first == KEPT.path(task="task")
    value = read_json(first)
    shutil.rmtree(first.parent)  # the stage's own machine is another one, too
    assert read_json(run(kept, "task", disk="other")) == value
    assert read_json(run(kept, "another", disk="other")) != value
    assert "KWSDATA_CACHE" in os.environ
    assert Path(os.environ["KWSDATA_CACHE"]) in first.parents


def test_a_result_of_the_stages_own_cache_can_be_read(run) -> None:
    path = KEPT.get(lambda path: write_json(path, "here"), task="made here")
    assert run(told, path, [path]) == '"here"\n'


@pytest.mark.parametrize(
    "name",
    ["../../../../evil.txt", "/tmp/evil.txt", "a/../../evil.txt", "./a", "a//b", "a/", "C:/evil.txt", "a\\..\\b", "..",
     "file:///tmp/evil.txt", "a\0b", "\\\\server\\share", "~/../evil"],
)  # fmt: skip
def test_a_record_that_names_a_path_outside_is_refused_before_anything_is_brought(tmp_path, name):
    (tmp_path / "x").write_text("owned")
    store = Store(f"file://{tmp_path}/store")
    blob = store.put(tmp_path / "x")
    store.name("embed/ab/cd", {"ok.npy": blob, name: blob})
    target = tmp_path / "a/b/c/d/result"
    with pytest.raises(WorkerError, match=r"the record of result in executor.store names .* none that kwsdata wrote"):
        exchange._bring(store, store.named("embed/ab/cd"), target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "x"]


@pytest.mark.parametrize(
    "record",
    [
        b"[" * 100_000,
        b"[]",
        b'{"a": "b"}',
        b'{"a": ["../../secret", 5]}',
        b'{"a": ["' + b"0" * 64 + b'", -1]}',
        b'{"a": ["' + b"0" * 64 + b'", true]}',
        b'{"a": ["' + b"0" * 64 + b'", 1e400]}',
        b'{"a": [7, 7]}',
        b'{"a": {}}',
        b"\xff",
    ],
    ids=lambda record: str(record[:30]),
)
def test_a_record_that_is_none_is_as_good_as_missing(tmp_path, record):
    (tmp_path / "store/names/embed").mkdir(parents=True)
    (tmp_path / "store/names/embed/cd.json").write_bytes(record)
    assert Store(f"file://{tmp_path}/store").named("embed/cd") is None


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x41
    path.unlink()  # links to it stay as they are
    path.write_bytes(data)


@pytest.mark.parametrize("where", ["blobs", "projects", "both"])
def test_a_file_that_is_damaged_on_a_workers_disk_is_brought_again(run, tmp_path: Path, where: str) -> None:
    Path("data").mkdir()
    Path("data/a").write_text("as it was sent")
    reads = [Path("data/a")]
    assert run(told, Path("data/a"), reads) == "as it was sent"
    exchange._copies.cache_clear()  # another process of the machine
    for folder in ("blobs", "projects") if where == "both" else (where,):
        for path in (tmp_path / "disk" / folder).rglob("*"):
            if path.is_file() and path.read_text() == "as it was sent":
                _flip(path)
    assert run(told, Path("data/a"), reads) == "as it was sent"


def test_a_result_that_is_damaged_on_a_workers_disk_is_brought_again(run, tmp_path: Path) -> None:
    first = run(kept, "task")
    value = read_json(first)
    for path in (tmp_path / "disk/results").rglob("*.json"):
        _flip(path)
    shutil.rmtree(first.parent)
    assert read_json(run(kept, "task")) == value


def test_a_result_that_is_damaged_in_the_stages_cache_is_brought_again(run) -> None:
    first = run(kept, "task")
    value = read_json(first)
    _flip(first)
    assert read_json(run(kept, "task")) == value
    _flip(first.with_name("entry.json"))
    assert read_json(run(kept, "task")) == value


def test_a_result_that_is_damaged_in_the_store_is_made_again(run, tmp_path: Path) -> None:
    first = run(kept, "task")
    value = read_json(first)
    for path in (tmp_path / "store/names").rglob("*.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({name: blob for name, blob in record.items() if name != "entry.json"}))
    shutil.rmtree(first.parent)
    again = read_json(run(kept, "task", disk="other"))
    assert again != value  # made anew, for half of it was not there
    assert read_json(run(kept, "task", disk="third")) == again


@pytest.mark.parametrize("there", ["another digest", None])
def test_a_worker_of_other_code_says_so(run, monkeypatch: pytest.MonkeyPatch, there: str | None) -> None:
    here = iter(["the stage's", there])
    monkeypatch.setattr(exchange, "code_of", lambda function: next(here))
    with pytest.raises(WorkerError, match=r"worker on .* runs other code than this stage.*start the worker again"):
        run(kept, "task")
