"""A name that data gives is a file below one folder, whatever it tries."""

import os
import socket
from pathlib import Path

import pytest

from kwsdata.errors import NamedPathError, OutsidePathError
from kwsdata.files.named_paths import NamedFiles, relative_parts

OUTSIDE = {
    "up": "../secret.wav",
    "up and in again": "../corpus/a.wav",
    "up from a folder": "in/../../secret.wav",
    "up inside": "in/../a.wav",
    "dots alone": "..",
    "up at the end": "in/..",
    "up between slashes": "in//..//..//secret.wav",
    "up by backslashes": "..\\secret.wav",
    "up by both": "in\\../..\\secret.wav",
    "dots and a space, which Windows cuts off": ".. /secret.wav",
    "three dots": ".../secret.wav",
    "absolute": "/etc/passwd",
    "two slashes": "//server/share/a.wav",
    "absolute by a backslash": "\\etc\\passwd",
    "server": "\\\\server\\share\\a.wav",
    "device of Windows": "\\\\.\\pipe\\a",
    "drive": "C:\\Users\\a.wav",
    "drive and slash": "c:/Users/a.wav",
    "drive alone": "C:a.wav",
    "web": "https://example.org/a.wav",
    "web in capitals": "HTTP://169.254.169.254/latest",
    "file URL": "file:///etc/passwd",
    "one slash": "file:/etc/passwd",
    "object store": "s3://bucket/a.wav",
}
NO_FILE = {
    "empty": "",
    "dot": ".",
    "dots and slashes": "././",
    "NUL": "a\0.wav",
    "NUL after a good name": "a.wav\0.txt",
    "line break": "a\n.wav",
    "escape": "\x1b[2Ja.wav",
    "too long": "a" * 300 + ".wav",
    "too long in bytes": "é" * 200,
    "a number": 7,
    "nothing": None,
    "a list": ["a.wav"],
    "bytes": b"a.wav",
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("corpus/a.wav", "corpus/in/b.wav", "secret.wav", "private/c.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path / "corpus"


@pytest.mark.parametrize("name", OUTSIDE.values(), ids=OUTSIDE)
def test_a_name_that_leaves_is_refused(corpus, name):
    with pytest.raises(OutsidePathError, match="^names "):
        NamedFiles(corpus).path(name)


@pytest.mark.parametrize("name", NO_FILE.values(), ids=NO_FILE)
def test_a_name_that_no_file_has_is_refused(corpus, name):
    with pytest.raises(NamedPathError, match="^names ") as refused:
        NamedFiles(corpus).path(name)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("name", "file"),
    {
        "a.wav": "a.wav",
        "./a.wav": "a.wav",
        "in/b.wav": "in/b.wav",
        "in//b.wav": "in/b.wav",
        "in/./b.wav": "in/b.wav",
        "in\\b.wav": "in/b.wav",  # as Windows writes tables
        ".\\in\\b.wav": "in/b.wav",
        "lost.wav": "lost.wav",  # whoever opens it says that it is missing
        "%2e%2e/secret.wav": "%2e%2e/secret.wav",  # letters: nothing here decodes them
        "..a/b..wav": "..a/b..wav",
        "~/a.wav": "~/a.wav",
        "$HOME/a.wav": "$HOME/a.wav",
        "-rf": "-rf",
        "a.wav/more": "a.wav/more",  # missing: a.wav is no folder
        "été/كتاب.wav": "été/كتاب.wav",
        "12:30.wav": "12:30.wav",
    }.items(),
)
def test_a_name_below_is_found(corpus, name, file):
    assert NamedFiles(corpus).path(name) == corpus / file


def test_a_file_with_a_backslash_in_its_name_is_itself(corpus):
    (corpus / "in\\b.wav").write_text("another")
    assert NamedFiles(corpus).path("in\\b.wav").read_text() == "another"


@pytest.mark.parametrize("target", ["../secret.wav", "../nowhere.wav", "/etc/passwd", "out/c.wav", "link"])
def test_a_link_that_leaves_is_refused(corpus, target):
    (corpus / "out").symlink_to("../private")
    (corpus / "link").symlink_to("out/c.wav")
    (corpus / "x.wav").symlink_to(target)
    for name in ("x.wav", "out/c.wav", "out/lost.wav"):
        with pytest.raises(OutsidePathError, match="link leads elsewhere"):
            NamedFiles(corpus).path(name)


def test_links_that_stay_are_followed_and_the_root_may_be_one(corpus, tmp_path):
    (corpus / "x.wav").symlink_to("in/b.wav")
    (corpus / "same").symlink_to("in", target_is_directory=True)
    (tmp_path / "linked").symlink_to("corpus", target_is_directory=True)
    files = NamedFiles(tmp_path / "linked")
    assert [files.path(name).read_text() for name in ("x.wav", "same/b.wav")] == ["corpus/in/b.wav"] * 2


@pytest.mark.parametrize("allow_outside", [False, True])
def test_what_is_no_file_is_refused_without_being_opened(corpus, allow_outside):
    os.mkfifo(corpus / "pipe.wav")
    (corpus / "loop.wav").symlink_to("loop.wav")
    (corpus / "zero.wav").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(corpus / "socket.wav"))
    files = NamedFiles(corpus, allow_outside)
    for name, kind in (("pipe.wav", "a named pipe"), ("socket.wav", "a socket"), ("in", "a folder")):
        with pytest.raises(NamedPathError, match=f"which is {kind} and not a file"):
            files.path(name)
    with pytest.raises(NamedPathError, match="Too many levels" if allow_outside else "link leads elsewhere|Too many"):
        files.path("loop.wav")
    with pytest.raises(NamedPathError, match="a device" if allow_outside else "link leads elsewhere"):
        files.path("zero.wav")


def test_any_file_may_be_named_where_that_is_allowed(corpus):
    files = NamedFiles(corpus, allow_outside=True)
    assert files.path("../secret.wav").read_text() == "secret.wav"
    assert files.path(str(corpus.parent / "private/c.wav")).read_text() == "private/c.wav"
    for name in ("", None, "a\0.wav"):
        with pytest.raises(NamedPathError):
            files.path(name)


def test_parts_are_those_of_the_path():
    assert relative_parts("a//./b\\c.wav") == ("a", "b", "c.wav")
