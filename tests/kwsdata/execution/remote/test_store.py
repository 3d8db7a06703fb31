"""The store: what is sent comes back or fails by name, and a transfer that fails is tried again."""

from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from kwsdata.errors import WorkerError
from kwsdata.execution.remote.store import Blob, Store, blob_of


class Flaky(LocalFileSystem):
    """A disk whose transfers fail as often as `failures` says, and come short as often as `short` says."""

    protocol = ("flaky", "file")
    failures = short = 0

    def put_file(self, path1, path2, **kwargs):
        self._fail()
        super().put_file(path1, path2, **kwargs)

    def get_file(self, path1, path2, **kwargs):
        self._fail()
        super().get_file(path1, path2, **kwargs)
        if Flaky.short:
            Flaky.short -= 1
            Path(path2).write_bytes(Path(path2).read_bytes()[:-1])

    def _fail(self):
        if Flaky.failures:
            Flaky.failures -= 1
            raise ConnectionError("the line is dead")

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("flaky://"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store on a disk that can be made to fail."""
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    monkeypatch.setattr("kwsdata.execution.remote.store._PAUSE_S", 0.001)
    monkeypatch.setattr(Flaky, "failures", 0)
    monkeypatch.setattr(Flaky, "short", 0)
    return Store(f"flaky://{tmp_path}/store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "sound").write_bytes(b"some sound")
    return tmp_path / "sound"


@pytest.mark.parametrize("fault", ["failures", "short"])
def test_a_transfer_that_fails_twice_succeeds(store, file, tmp_path, monkeypatch, fault) -> None:
    if fault == "failures":
        monkeypatch.setattr(Flaky, "failures", 2)
    blob = store.put(file)
    assert Flaky.failures == 0
    monkeypatch.setattr(Flaky, fault, 2)
    store.get(blob, tmp_path / "back")
    assert getattr(Flaky, fault) == 0
    assert (tmp_path / "back").read_bytes() == b"some sound"


@pytest.mark.parametrize("fault", ["failures", "short"])
def test_a_transfer_that_fails_three_times_is_named_and_leaves_nothing(store, file, tmp_path, monkeypatch, fault):
    blob = store.put(file)
    monkeypatch.setattr(Flaky, fault, 3)
    with pytest.raises(WorkerError, match=rf"blobs/{blob.sha256[:2]}/.* failed 3 times .*store"):
        store.get(blob, tmp_path / "back")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sound", "store"]


def test_what_is_there_is_not_sent_again_and_half_a_file_is(store, file, tmp_path, monkeypatch) -> None:
    blob = store.put(file)
    monkeypatch.setattr(Flaky, "failures", 3)
    for look in (lambda: None, store.look):
        look()
        assert store.put(file) == blob == blob_of(file)
    assert Flaky.failures == 3
    monkeypatch.setattr(Flaky, "failures", 0)
    (there,) = (path for path in (tmp_path / "store" / "blobs").rglob("*") if path.is_file())
    there.write_bytes(b"some")  # an upload that was cut short
    again = Store(store.url)
    again.look()
    again.put(file)
    again.get(blob, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"some sound"


def test_a_file_that_is_gone_from_the_store_says_so(store, tmp_path) -> None:
    with pytest.raises(WorkerError, match="not in the store any more: run the stage again"):
        store.get(Blob("0" * 64, 3), tmp_path / "back")


def test_a_name_stands_for_its_files_once_it_is_whole(store, file, tmp_path) -> None:
    assert store.named("augment/ab/cd") is None
    files = {"recording.tar": store.put(file)}
    store.name("augment/ab/cd", files)
    assert store.named("augment/ab/cd") == files
    (tmp_path / "store" / "names" / "augment" / "ab" / "cd.json").write_text('{"recording.tar": ["ab')
    assert store.named("augment/ab/cd") is None


def test_a_protocol_that_nobody_speaks_is_named() -> None:
    with pytest.raises(WorkerError, match="executor.store = gopher://"):
        Store("gopher://hole")
