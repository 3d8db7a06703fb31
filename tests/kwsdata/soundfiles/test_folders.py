"""Which files of a folder are sound, and under which names."""

import logging
import os
import socket

import pytest
from sound_files import encoded, noise

from kwsdata.soundfiles.folders import sound_files, walk
from kwsdata.soundfiles.formats import SUFFIXES

SOUND = encoded(noise())


def put(path, data=SOUND):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def keys(root) -> dict[str, str | None]:
    return {found.key: found.fault for found in sound_files(root)}


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_a_suffix_of_a_format_says_that_a_file_is_meant_to_be_sound(tmp_path, suffix):
    put(tmp_path / f"a{suffix}", b"whatever")
    put(tmp_path / f"B{suffix.upper()}", b"whatever")
    assert set(keys(tmp_path)) == {f"a{suffix}", f"B{suffix.upper()}"}


@pytest.mark.parametrize(
    ("head", "taken"),
    [
        (SOUND, True), (encoded(noise(), "FLAC"), True), (encoded(noise(), "OGG", "VORBIS"), True),
        (encoded(noise(), "AIFF"), True), (encoded(noise(), "CAF"), True), (encoded(noise(), "AU"), True),
        (encoded(noise(), "W64"), True), (encoded(noise(), "RF64"), True),
        (b"ID3\x04\0\0\0\0\0\x05abcde\xff\xfb\x90d", True),
        (b"\0\0\0\x20ftypM4A ", True), (b"\x1a\x45\xdf\xa3", True), (b"#!AMR\n", True),
        (b"FLV\x01\x04", True), (b".RMF\0\0", True), (b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47", True),
        (b"\0\0\0\x20ftypf4v ", True), (b"FORM\0\0\0\x088SVX", True),
        (b"FORM\0\0\0\x08ILBM", False), (b"Good day\n" * 99, False),
        (b"\0\0\0\x20ftypheic", False), (b"\0\0\0\x20ftypavif", False), (b"\xff\xfb\x90d", False), (b"", False),
        (b"a,b\n1,2\n", False), (b"\x89PNG\r\n\x1a\n", False), (b"RIFF\0\0\0\0WEBP", False), (b"PK\x03\x04", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["recording", "recording.dat", "recording.2024-01-01"])
def test_with_another_suffix_or_none_the_first_bytes_decide(tmp_path, head, taken, name):
    put(tmp_path / name, head)
    assert (name in keys(tmp_path)) == taken


@pytest.mark.parametrize(
    "name",
    [
        ".a.wav", "._a.wav", ".DS_Store", ".hidden/a.wav", "__MACOSX/a.wav", "__MACOSX/sub/._a.wav", "@eaDir/a.wav",
        "$RECYCLE.BIN/a.wav", "System Volume Information/a.wav", "Thumbs.db", "desktop.ini", "a.wav@SynoEAStream",
        "a.wav:Zone.Identifier", "lost+found/a.wav", ".Trash-1000/a.wav", ".AppleDouble/a.wav", "#recycle/a.wav",
        "RECYCLER/a.wav", "THUMBS.DB", "@Recycle/a.wav", "sub/@eaDir/b.wav/SYNOAUDIO_01APIC_03.jpg", "Icon\r",
    ],
)  # fmt: skip
def test_what_systems_leave_is_nobodys_recording(tmp_path, name):
    put(tmp_path / name)
    put(tmp_path / "good.wav")
    assert keys(tmp_path) == {"good.wav": None}


def test_folders_come_in_order_and_keys_are_paths_below_the_folder(tmp_path):
    for name in ("b/2.wav", "b/1.wav", "a/x/1.wav", "z.wav", "a/1.wav"):
        put(tmp_path / name)
    assert list(keys(tmp_path)) == ["z.wav", "a/1.wav", "a/x/1.wav", "b/1.wav", "b/2.wav"]


def test_a_folder_that_is_a_link_is_read_like_another(tmp_path):
    put(tmp_path / "in/anna/1.wav")
    put(tmp_path / "else/deep/1.wav")
    (tmp_path / "in/ben").symlink_to(tmp_path / "else")
    assert keys(tmp_path / "in") == {"anna/1.wav": None, "ben/deep/1.wav": None}


def test_a_link_inside_a_linked_folder_is_followed_too(tmp_path):
    put(tmp_path / "far/1.wav")
    put(tmp_path / "near/2.wav")
    (tmp_path / "near/on").symlink_to(tmp_path / "far")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").symlink_to(tmp_path / "near")
    assert keys(tmp_path / "in") == {"a/2.wav": None, "a/on/1.wav": None}


def test_the_folder_itself_may_be_a_link(tmp_path):
    put(tmp_path / "real/1.wav")
    (tmp_path / "in").symlink_to("real")
    assert keys(tmp_path / "in") == {"1.wav": None}


@pytest.mark.parametrize("target", [".", "..", "../..", "sub", "other_link"])
def test_a_link_that_leads_back_is_not_followed_and_said(tmp_path, target, caplog):
    put(tmp_path / "top/in/sub/1.wav")
    put(tmp_path / "top/elsewhere.wav")
    root = tmp_path / "top/in"
    if target == "other_link":
        (tmp_path / "far").mkdir()
        put(tmp_path / "far/2.wav")
        (root / "a").symlink_to(tmp_path / "far")
        (root / "b").symlink_to(tmp_path / "far")
        expected = {"sub/1.wav", "a/2.wav"}
    else:
        (root / "back").symlink_to(target)
        expected = {"sub/1.wav"}
    with caplog.at_level(logging.WARNING):
        assert set(keys(root)) == expected
    assert "is not read a second time" in caplog.text


def test_real_folders_keep_their_names_whatever_links_to_them(tmp_path):
    put(tmp_path / "z/1.wav")
    (tmp_path / "a").symlink_to("z")
    assert set(keys(tmp_path)) == {"z/1.wav"}


def test_links_to_files_are_files(tmp_path):
    put(tmp_path / "else.wav")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").symlink_to(tmp_path / "else.wav")
    assert keys(tmp_path / "in") == {"a.wav": None}


def test_what_cannot_be_opened_is_named_and_never_touched(tmp_path):
    put(tmp_path / "good.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    os.mkfifo(tmp_path / "control")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.wav"))
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    (tmp_path / "pipe2.wav").symlink_to("pipe.wav")
    (tmp_path / "lost.wav").symlink_to("nowhere")
    (tmp_path / "ben").symlink_to("/not/mounted")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    found = keys(tmp_path)
    assert found.pop("good.wav") is None
    assert {key: fault and fault.split("(")[1] for key, fault in found.items()} == {
        "pipe.wav": "it is a named pipe)",
        "pipe2.wav": "it is a named pipe)",
        "s.wav": "it is a socket)",
        "zero.wav": "it is a device)",
        "lost.wav": "a link to what is not there)",
        "ben": "a link to what is not there)",
        "loop.wav": "Too many levels of symbolic links)",
    }


def test_a_folder_that_stays_shut_is_named(tmp_path, monkeypatch):
    put(tmp_path / "good.wav")
    put(tmp_path / "shut/a.wav")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert keys(tmp_path) == {"good.wav": None, "shut": "cannot be read (Permission denied)"}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (b"caf\xe9.wav", "caf\\xe9.wav"), ("café.wav".encode(), "café.wav"), (b"\xff\xfe/1.wav", "\\xff\\xfe/1.wav"),
        (b"a\nb.wav", "a\nb.wav"), ("日本/語.wav".encode(), "日本/語.wav"), (b"-x.wav", "-x.wav"),
        (b"k\xf6ln/m\xfcller.wav", "k\\xf6ln/m\\xfcller.wav"), (b"\xed\xa0\x80.wav", "\\xed\\xa0\\x80.wav"),
    ],
)  # fmt: skip
def test_a_name_in_any_encoding_has_a_key_that_can_be_written(tmp_path, name, key):
    put(tmp_path / os.fsdecode(name))
    assert set(keys(tmp_path)) == {key}
    key.encode()


def test_files_that_are_no_sound_are_walked_over_as_well(tmp_path):
    put(tmp_path / "a/text.txt", b"hello")
    put(tmp_path / "a/1.wav")
    assert [found.key for found in walk(tmp_path)] == ["a/1.wav", "a/text.txt"]
    assert set(keys(tmp_path)) == {"a/1.wav"}
