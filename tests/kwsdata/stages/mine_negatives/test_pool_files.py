"""Which files of a named folder are searched for negatives: those that an import would take."""

import os

import pytest
from corpus_trees import put_tone

from kwsdata.errors import AudioError
from kwsdata.stages.mine_negatives.pools import pieces_at


def found(path) -> tuple[list[str], list[str]]:
    rejects: list[str] = []
    return [piece.clip for piece in pieces_at(path, 1 << 20, rejects)], rejects


def test_links_are_followed_system_files_left_alone_and_pipes_named(project):
    put_tone(project / "pool/b/2.wav", 0)
    put_tone(project / "pool/a.flac", 1)
    put_tone(project / "else/3.wav", 2)
    (project / "pool/linked").symlink_to(project / "else")
    put_tone(project / "pool/c.wav", 3).rename(project / "pool/no_suffix")
    put_tone(project / "pool/d.wav", 4).rename(project / "pool" / os.fsdecode(b"caf\xe9.wav"))
    put_tone(project / "pool/.hidden/4.wav", 5)
    put_tone(project / "pool/@eaDir/5.wav", 6)
    (project / "pool/._b.wav").write_bytes(b"\0\5\x16\7")
    (project / "pool/notes.txt").write_text("hello")
    os.mkfifo(project / "pool/pipe.wav")
    (project / "pool/lost.wav").symlink_to("nowhere")
    (project / "pool/page.wav").write_text("<html>")
    clips, rejects = found(project / "pool")
    assert clips == ["a.flac", "b/2.wav", "caf\\xe9.wav", "linked/3.wav", "no_suffix"]
    assert [line.removeprefix(f"{project}/pool/").split(" (")[0] for line in rejects] == [
        "lost.wav cannot be read",
        "page.wav cannot be decoded",
        "pipe.wav cannot be read",
    ]


def test_a_pool_may_be_one_file_of_any_name(project):
    put_tone(project / "a.wav", 0).rename(project / "recording")
    assert found(project / "recording")[0] == ["recording"]
    (project / "b.aiff").write_bytes(b"")
    with pytest.raises(AudioError, match=r"b\.aiff is empty"):
        found(project / "b.aiff")
