"""What lies behind a URL is copied once, whole, and read as if it lay here."""

import fsspec
import pytest
import soundfile
from file_hashes import hashes
from sound import tone

from kwsdata.errors import StageInputError
from kwsdata.fetched import local_copy
from kwsdata.importers.run import run_import
from kwsdata.mine_negatives.pools import pieces_at


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
    assert local_copy(tmp_path / "absent") == tmp_path / "absent"


def test_a_folder_is_copied_once_and_again_when_it_changes(bucket, monkeypatch):
    memory, here = bucket
    copy = local_copy("memory://bucket/words")
    assert copy.name == "words"
    assert hashes(copy) == hashes(here)
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "get", lambda *_, **__: pytest.fail("copied again"))
        assert local_copy("memory://bucket/words") == copy
    memory.pipe_file("/bucket/words/s0/yes.wav", (here / "s1/yes.wav").read_bytes())
    again = local_copy("memory://bucket/words")
    assert again != copy
    assert hashes(again)["s0/yes.wav"] == hashes(here)["s1/yes.wav"]


def test_a_file_too(bucket):
    _, here = bucket
    assert local_copy("memory://bucket/words/s2/yes.wav").read_bytes() == (here / "s2/yes.wav").read_bytes()


def test_an_import_from_a_url_is_the_import_of_the_folder(bucket, params, project):
    _, here = bucket
    serial = params.executor.model_copy(update={"kind": "serial"})
    for name, path in (("near", here), ("far", "memory://bucket/words")):
        run_import("folder", path, name="words", params=params.import_, executor=serial, role="speech",
                   source="us", licence="CC0-1.0", out_root=project / name)  # fmt: skip
    assert hashes(project / "near") == hashes(project / "far")


def test_a_pool_may_be_a_url(bucket):
    pieces = list(pieces_at(local_copy("memory://bucket/words"), 16_000, []))
    assert [piece.samples for piece in pieces] == [8000] * 3


@pytest.mark.parametrize(("url", "words"), [("memory://bucket/nothing", "FileNotFound"), ("gopher://x/y", "gopher")])
def test_what_cannot_be_read_is_named(bucket, url, words):
    with pytest.raises(StageInputError, match=words):
        local_copy(url)
