"""What lies behind a URL is copied once, whole, and read as if it lay here."""

from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
import soundfile
from file_hashes import hashes
from fsspec.implementations.memory import MemoryFileSystem
from sound import tone

from kwsdata.errors import StageInputError
from kwsdata.execution.download import local_copy
from kwsdata.importers.run import run_import
from kwsdata.params import DownloadParams
from kwsdata.stages.mine_negatives.pools import pieces_at

LIMITS = DownloadParams(max_gb=1, timeout_s=5)


@pytest.fixture
def bucket(project):
    """A folder of sounds, here and behind a URL."""
    here = project / "raw"
    for number in range(3):
        path = here / f"s{number}" / "yes.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, tone(300 + 50 * number, 0.5), 16_000)
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.put(f"{here}/", "/bucket/words/", recursive=True)
    yield memory, here
    memory.store.clear()


def test_a_path_of_this_machine_is_itself(tmp_path):
    assert local_copy(tmp_path / "absent", LIMITS) == tmp_path / "absent"


def test_a_folder_is_copied_once_and_again_when_it_changes(bucket, monkeypatch):
    memory, here = bucket
    copy = local_copy("memory://bucket/words", LIMITS)
    assert copy.name == "words"
    assert hashes(copy) == hashes(here)
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "get", lambda *_, **__: pytest.fail("copied again"))
        assert local_copy("memory://bucket/words", LIMITS) == copy
    memory.pipe_file("/bucket/words/s0/yes.wav", (here / "s1/yes.wav").read_bytes())
    again = local_copy("memory://bucket/words", LIMITS)
    assert again != copy
    assert hashes(again)["s0/yes.wav"] == hashes(here)["s1/yes.wav"]


def test_a_file_too(bucket):
    _, here = bucket
    assert local_copy("memory://bucket/words/s2/yes.wav", LIMITS).read_bytes() == (here / "s2/yes.wav").read_bytes()


def test_an_import_from_a_url_is_the_import_of_the_folder(bucket, params, project):
    _, here = bucket
    serial = params.executor.model_copy(update={"kind": "serial"})
    for name, path in (("near", here), ("far", "memory://bucket/words")):
        run_import("folder", path, name="words", params=params.import_, executor=serial, download=LIMITS, role="speech",
                   source="us", licence="CC0-1.0", out_root=project / name)  # fmt: skip
    assert hashes(project / "near") == hashes(project / "far")


def test_a_pool_may_be_a_url(bucket):
    pieces = list(pieces_at(local_copy("memory://bucket/words", LIMITS), 16_000, []))
    assert [piece.samples for piece in pieces] == [8000] * 3


@pytest.mark.parametrize(("url", "words"), [("memory://bucket/nothing", "FileNotFound"), ("gopher://x/y", "gopher")])
def test_what_cannot_be_read_is_named(bucket, url, words):
    with pytest.raises(StageInputError, match=words):
        local_copy(url, LIMITS)


class Hostile(MemoryFileSystem):
    """A bucket that lists whatever names it likes."""

    protocol = ("hostile", "memory")
    names: ClassVar[dict[str, int]] = {}

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("hostile://", "memory://"))

    def find(self, path, detail=False, **_):
        return {name: {"name": name, "size": size, "type": "file"} for name, size in self.names.items()}

    def ukey(self, path):
        return path

    def get_file(self, rpath, lpath, **_):
        Path(lpath).write_bytes(b"owned")


@pytest.fixture
def hostile(project, monkeypatch):
    fsspec.register_implementation("hostile", Hostile, clobber=True)

    def listing(**names):
        monkeypatch.setattr(Hostile, "names", names["names"])

    return listing


@pytest.mark.parametrize(
    "name",
    ["/b/words/../../evil.py", "/b/words/..", "/b/words//etc/../../../evil", "/b/words/a\0b",
     "/b/words/..\\..\\evil.py", "/b/words/C:/evil.py", "/etc/passwd", "/b/wordsmith/a.wav",
     "/b/words/x/../../../../evil.py", "/b/words/" + "a" * 300],
)  # fmt: skip
def test_no_key_of_a_bucket_leaves_the_copy(hostile, project, name):
    hostile(names={"/b/words/good.wav": 5, name: 5})
    with pytest.raises(StageInputError, match="hostile://b/words names .*: nothing of it is copied"):
        local_copy("hostile://b/words", LIMITS)
    assert not [path for path in project.rglob("*") if path.is_file()]


def test_keys_below_are_copied_wherever_they_lie(hostile):
    hostile(names={"/b/words/good.wav": 5, "/b/words/a//./b.wav": 5, "/b/words/folder/": 0})
    copy = local_copy("hostile://b/words/", LIMITS)
    assert set(hashes(copy)) == {"good.wav", "a/b.wav"}


def test_two_keys_of_one_name_are_refused(hostile):
    hostile(names={"/b/words/a/b.wav": 5, "/b/words/a//b.wav": 5})
    with pytest.raises(StageInputError, match="holds two files of one name"):
        local_copy("hostile://b/words", LIMITS)


def test_a_file_that_comes_short_is_no_copy(hostile):
    hostile(names={"/b/words/a.wav": 6})
    with pytest.raises(StageInputError, match=r"a.wav came with 5 bytes of 6: run the command again"):
        local_copy("hostile://b/words", LIMITS)


def test_a_bucket_larger_than_the_limit_is_not_begun(hostile):
    hostile(names={f"/b/words/{n}.wav": 400_000_000 for n in range(3)})
    with pytest.raises(StageInputError, match=r"holds 1.2 GB, more than download.max_gb = 1"):
        local_copy("hostile://b/words", LIMITS)
