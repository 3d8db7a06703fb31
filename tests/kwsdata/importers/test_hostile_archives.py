"""Archives of any origin: unpacked below one directory and within limits, or refused in one line with the member."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import subprocess
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from damage import TAR_DAMAGE, damaged_tar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kwsdata.errors import CorpusError
from kwsdata.importers.archives import unpack_archive

SOUND = io.BytesIO()
soundfile.write(SOUND, (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype("f4"), 16_000, format="WAV")
WAVE = SOUND.getvalue()
GOOD = ("hey_lumen/1.wav", WAVE)

PACK = {"tar": lambda data: data, "tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}


def tar(path: Path, *members: tuple) -> Path:
    """Write a tar of (name, data, type, link), packed as the name of `path` says."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content, *more in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.type, info.linkname = [*more, *(tarfile.REGTYPE, "")[len(more) :]]
            archive.addfile(info, io.BytesIO(content))
    path.write_bytes(PACK[path.name.split(".", 1)[1]](data.getvalue()))
    return path


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED  # as it is given, unlike by the constructor
            archive.writestr(info, data)
    return path


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def imported(importing):
    """Import an archive of a folder; nothing but the corpus is left, whatever comes of it."""
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})

    def run(path: Path, **asked) -> int:
        before = files_below(path.parent)
        try:
            return importing("folder", path, role="keyword", **asked)["clips"]
        finally:
            left = files_below(path.parent) - before
            assert all(name.startswith(("corpora/tiny/", "corpora/tiny.rejects.json")) for name in left), left

    return run


@pytest.mark.parametrize("suffix", PACK)
def test_every_packing_is_unpacked(imported, tmp_path, suffix):
    assert imported(tar(tmp_path / f"a.{suffix}", ("./", b"", tarfile.DIRTYPE), ("./hey_lumen/1.wav", WAVE))) == 1


def test_a_packing_is_known_by_its_bytes(imported, tmp_path):
    archive = tar(tmp_path / "a.tar.xz", GOOD)
    assert imported(archive.rename(tmp_path / "a.tgz")) == 1


NAMES = {
    "up": "../evil.wav",
    "up from a folder": "hey/../../evil.wav",
    "absolute": "/tmp/evil-of-kwsdata.wav",
    "two slashes": "//tmp/evil-of-kwsdata.wav",
    "backslashes": "..\\..\\evil.wav",
    "drive": "C:\\evil.wav",
    "drive and slash": "C:/evil.wav",
    "share": "\\\\server\\share\\evil.wav",
    "URL": "file:///tmp/evil.wav",
    "dots": "...../evil.wav",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_member_whose_name_leads_elsewhere_refuses_the_archive(imported, tmp_path, pack, name):
    archive = pack(tmp_path / ("a.tar.gz" if pack is tar else "a.zip"), GOOD, (name, WAVE), ("hey/2.wav", WAVE))
    with pytest.raises(CorpusError, match=r"a\.(zip|tar.gz) names .*no honest program writes that"):
        imported(archive)


@pytest.mark.parametrize(
    "member",
    [
        ("hard.wav", b"", tarfile.LNKTYPE, "../../secret.wav"),
        ("hard.wav", b"", tarfile.LNKTYPE, "/etc/passwd"),
        ("d", b"", tarfile.DIRTYPE, ""),
        ("../d", b"", tarfile.DIRTYPE, ""),
        ("../s.wav", b"", tarfile.SYMTYPE, "hey_lumen/1.wav"),
        ("../f.wav", b"", tarfile.FIFOTYPE, ""),
    ],
    ids=str,
)
def test_links_and_folders_may_not_lead_elsewhere_either(imported, tmp_path, member):
    archive = tar(tmp_path / "a.tar", GOOD, member)
    if member[0] in ("d", "../f.wav"):  # a folder is fine, and a pipe is not made at all
        assert imported(archive) == 1
    else:
        with pytest.raises(CorpusError, match="no honest program"):
            imported(archive)


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (("x.wav", b"", tarfile.SYMTYPE, "../../../secret.wav"), "no file of the archive"),
        (("x.wav", b"", tarfile.SYMTYPE, "/etc/passwd"), "no file of the archive"),
        (("x.wav", b"", tarfile.SYMTYPE, "/dev/zero"), "no file of the archive"),
        (("x.wav", b"", tarfile.SYMTYPE, "lost.wav"), "no file of the archive"),
        (("x.wav", b"", tarfile.SYMTYPE, "x.wav"), "no file of the archive"),
        (("x.wav", b"", tarfile.LNKTYPE, "lost.wav"), "no file before it"),
        (("x.wav", b"", tarfile.LNKTYPE, "hey_lumen"), "no file before it"),
        (("x.wav", b"", tarfile.FIFOTYPE), "named pipe or device"),
        (("x.wav", b"", tarfile.CHRTYPE), "named pipe or device"),
        (("x.wav", b"", tarfile.BLKTYPE), "named pipe or device"),
        (("x.wav", b"abc", b"V"), "named pipe or device"),
        (("a\nb.wav", WAVE), "control character"),
        (("y" * 300 + ".wav", WAVE), "longer than 255 bytes"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_member_that_is_no_file_is_a_reject(imported, importing, tmp_path, member, why):
    assert imported(tar(tmp_path / "a.tar.gz", GOOD, member)) == 1
    ((key, reason),) = importing.rejects().items()
    assert reason.startswith("not unpacked (") and why in reason
    assert key.isprintable()


def test_what_is_no_sound_is_left_out_with_a_word(imported, tmp_path, caplog):
    members = [("latest", b"", tarfile.SYMTYPE, "/srv/latest"), ("control", b"", tarfile.FIFOTYPE)]
    assert imported(tar(tmp_path / "a.tar", GOOD, *members)) == 1
    assert "2 members were left out; the first is 'control', a named pipe or device" in caplog.text


def test_links_that_stay_inside_are_made(imported, tmp_path):
    members = [
        ("hey_lumen/2.wav", b"", tarfile.LNKTYPE, "hey_lumen/1.wav"),
        ("hey_lumen/3.wav", b"", tarfile.SYMTYPE, "1.wav"),
        ("other/4.wav", b"", tarfile.SYMTYPE, "../hey_lumen/3.wav"),
    ]
    archive = tar(tmp_path / "a.tar", GOOD, *members)
    imported(archive)
    with unpack_archive(archive, (), tmp_path / "scratch", importing_limits()) as tree:
        assert {path.read_bytes() for path in tree.path.rglob("*.wav")} == {WAVE}
        assert len(list(tree.path.rglob("*.wav"))) == 4


def importing_limits(**changed):
    from kwsdata.params import ArchiveParams

    return ArchiveParams(**{"max_unpacked_gb": 1, "max_ratio": 200, "max_members": 1000} | changed)


@pytest.mark.parametrize(
    "members",
    [
        [("out", b"", tarfile.SYMTYPE, "{out}"), ("out/evil.wav", WAVE)],
        [("out", b"", tarfile.SYMTYPE, "{out}"), ("out/evil.wav", b"", tarfile.SYMTYPE, "hey_lumen/1.wav")],
        [("out", b"", tarfile.SYMTYPE, "{out}"), ("out/deep/evil.wav", b"", tarfile.SYMTYPE, "x")],
        [("out", b"", tarfile.SYMTYPE, "{out}"), ("out/deep", b"", tarfile.DIRTYPE)],
        [("out", b"", tarfile.SYMTYPE, "{out}"), ("out/evil.wav", b"", tarfile.LNKTYPE, "hey_lumen/1.wav")],
        [("out/evil.wav", WAVE), ("out", b"", tarfile.SYMTYPE, "{out}")],
        # a link to the root below a folder, and one that goes up through it
        [("a/b", b"", tarfile.SYMTYPE, ".."), ("c", b"", tarfile.SYMTYPE, "a/b/.."), ("c/evil.wav", WAVE)],
    ],
    ids=str,
)
def test_nothing_is_written_through_a_link(imported, tmp_path, members):
    (tmp_path / "elsewhere").mkdir()
    members = [(*m[:3], m[3].format(out=tmp_path / "elsewhere")) if len(m) > 3 else m for m in members]
    with pytest.raises(CorpusError, match="twice, or as a file and as a folder or link"):
        imported(tar(tmp_path / "a.tar", GOOD, *members))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_that_leaves_through_another_is_left_out(imported, importing, tmp_path):
    links = [
        ("deep/er/root", b"", tarfile.SYMTYPE, "../.."),
        ("x.wav", b"", tarfile.SYMTYPE, "deep/er/root/../../../../../../etc/passwd"),
    ]
    assert imported(tar(tmp_path / "a.tar", GOOD, ("deep/er/note.txt", b"x"), *links)) == 1
    assert list(importing.rejects()) == ["x.wav"]


@pytest.mark.parametrize(
    "second",
    [
        GOOD,
        ("./hey_lumen//1.wav", b"x"),
        ("hey_lumen\\1.wav", b"x"),
        ("hey_lumen/1.wav/2.wav", b"x"),
        ("hey_lumen", b"x"),
    ],
)
@pytest.mark.parametrize("pack", [tar, zipped])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_refuses_the_archive(imported, tmp_path, pack, second):
    archive = pack(tmp_path / ("a.tar" if pack is tar else "a.zip"), GOOD, second)
    with pytest.raises(CorpusError, match=r"holds '.*hey_lumen.*' twice"):
        imported(archive)


def test_a_zip_with_the_backslashes_of_old_windows_programs_has_folders(imported, importing, tmp_path):
    assert imported(zipped(tmp_path / "a.zip", ("hey_lumen\\1.wav", WAVE))) == 1
    assert [cut.supervisions[0].text for cut in importing.cuts().values()] == ["hey lumen"]


def test_names_in_other_encodings_are_unpacked(imported, tmp_path):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        info = tarfile.TarInfo("caf\xe9/1.wav")
        info.size = len(WAVE)
        archive.addfile(info, io.BytesIO(WAVE))
    (tmp_path / "a.tar").write_bytes(raw.getvalue())
    with unpack_archive(tmp_path / "a.tar", (), tmp_path / "scratch", importing_limits()) as tree:
        (path,) = (path for path in tree.path.rglob("*") if path.is_file())
        assert os.fsencode(path).endswith(b"caf\xe9/1.wav")


def patched(archive: Path, local: int, central: int, value: int) -> Path:
    """Change a number in both headers of the first member of a zip."""
    data = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\3\4", local), (b"PK\1\2", central)):
        at = data.find(mark) + offset
        data[at : at + 2] = struct.pack("<H", value)
    archive.write_bytes(data)
    return archive


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("method", 9, "packed with Deflate64, which Python cannot read: unpack it"),
        ("method", 93, "packed with Zstandard"),
        ("method", 98, "packed with PPMd"),
        ("method", 1, "packed with method 1"),
        ("method", 99, "is encrypted: unpack it, and import the folder"),
        ("flags", 0x1, "is encrypted"),
        ("flags", 0x41, "is encrypted"),
    ],
)
def test_a_zip_that_python_cannot_read_names_the_member_and_the_way_out(imported, tmp_path, field, value, words):
    archive = zipped(tmp_path / "a.zip", GOOD, ("hey_lumen/2.wav", WAVE))
    with pytest.raises(CorpusError, match=f"a.zip: 'hey_lumen/1.wav' .*{words}"):
        imported(patched(archive, *((8, 10) if field == "method" else (6, 8)), value))


def test_links_and_pipes_of_zips_are_as_those_of_tars(imported, importing, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(*GOOD)
        for name, kind, data in (("out.wav", stat.S_IFLNK, "/etc/passwd"), ("pipe.wav", stat.S_IFIFO, "")):
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, data)
    assert imported(tmp_path / "a.zip") == 1
    assert set(importing.rejects()) == {"out.wav", "pipe.wav"}


def damaged_zip(way: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(*GOOD)
        archive.writestr("hey_lumen/2.wav", WAVE)
    whole = bytearray(data.getvalue())
    if way == "crc":
        at = whole.find(b"PK\1\2") + 16
        whole[at : at + 4] = b"abcd"
    elif way == "deflate":
        whole[200:400] = bytes(200)
    elif way == "overlap":  # two members at one place
        second = whole.find(b"PK\1\2", whole.find(b"PK\1\2") + 4)
        whole[second + 42 : second + 46] = bytes(4)
    elif way == "offset":
        at = whole.find(b"PK\1\2") + 42
        whole[at : at + 4] = b"\xff\xff\xff\x7f"
    elif way == "utf-8 name":
        at = whole.find(b"PK\1\2")
        whole[at + 8 : at + 10] = struct.pack("<H", 0x800)
        whole[at + 46] = 0xFF
    elif way == "larger than it says":
        at = whole.find(b"PK\1\2") + 24
        whole[at : at + 4] = struct.pack("<I", 100)
    elif way == "smaller than it says":
        at = whole.find(b"PK\1\2") + 24
        whole[at : at + 4] = struct.pack("<I", len(WAVE) + 5000)
    return {"cut short": bytes(whole[:-100]), "empty": b"", "no zip": b"PK nothing", "html": b"<html>"}.get(
        way, bytes(whole)
    )


@pytest.mark.parametrize(
    "way",
    ["crc", "deflate", "overlap", "offset", "utf-8 name", "larger than it says", "smaller than it says", "cut short",
     "empty", "no zip", "html"],
)  # fmt: skip
def test_a_damaged_zip_is_one_clear_error(imported, tmp_path, way):
    (tmp_path / "a.zip").write_bytes(damaged_zip(way))
    with pytest.raises(CorpusError, match=r"a\.zip (cannot be unpacked|is damaged)|unpacks to"):
        imported(tmp_path / "a.zip")


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 0.9])
def test_a_tar_cut_short_is_one_clear_error(imported, tmp_path, suffix, share):
    archive = tar(tmp_path / f"a.{suffix}", *[(f"hey_lumen/{n}.wav", os.urandom(40_000)) for n in range(4)])
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    with pytest.raises(CorpusError, match=r"a\.tar.* (cannot be unpacked|is damaged)"):
        imported(archive)


@pytest.mark.parametrize("way", TAR_DAMAGE)
def test_a_damaged_tar_is_one_clear_error(imported, tmp_path, way):
    archive = tar(tmp_path / "a.tar", GOOD, ("hey_lumen/2.wav", WAVE), ("hey_lumen/3.wav", WAVE))
    archive.write_bytes(damaged_tar(archive.read_bytes(), b"hey_lumen/2.wav", way))
    with pytest.raises(CorpusError, match=r"a\.tar (cannot be unpacked|is damaged|unpacks to)"):
        imported(archive)


def bomb(path: Path, megabytes: int, kind: bytes = tarfile.REGTYPE) -> Path:
    """Write a gzipped tar of one member of zeros."""
    with gzip.open(path, "wb", 9) as packed:
        info = tarfile.TarInfo("a.wav")
        info.size, info.type = megabytes << 20, kind
        packed.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(megabytes):
            packed.write(bytes(1 << 20))
        packed.write(bytes(1024))
    return path


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, b"V"])
def test_a_bomb_is_refused_before_it_fills_the_disk(imported, tmp_path, kind):
    archive = bomb(tmp_path / "a.tar.gz", 100, kind)
    with pytest.raises(CorpusError, match=r"at 'a.wav'\), 1\d+ times its size: past .*import.archive.max_ratio = 200"):
        imported(archive)


def test_a_zip_bomb_is_refused_by_what_its_members_say_together(imported, tmp_path):
    archive = zipped(tmp_path / "a.zip", *[(f"{n}.wav", bytes(10 << 20)) for n in range(8)])
    with pytest.raises(CorpusError, match="times its size"):
        imported(archive)


@pytest.mark.parametrize("pack", [tar, zipped])
def test_limits_of_size_and_count_are_named(imported, importing, tmp_path, pack):
    archive = pack(tmp_path / ("a.tar" if pack is tar else "a.zip"), GOOD, ("b.txt", b"x"), ("c.txt", b"x"))
    for changed, words in (
        ({"max_unpacked_gb": 1e-6}, "max_unpacked_gb = 1e-06"),
        ({"max_members": 2}, "max_members = 2"),
    ):
        limits = importing_limits(**changed)
        importing.limits = importing.limits.model_copy(update={"archive": limits})
        with pytest.raises(CorpusError, match=words):
            imported(archive)


def test_what_does_not_fit_on_the_disk_is_refused_before(imported, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    for archive in (tar(tmp_path / "a.tar", GOOD), zipped(tmp_path / "a.zip", GOOD)):
        with pytest.raises(CorpusError, match="takes 0 MB, and 0 MB are free at .*: free some space"):
            imported(archive)


def test_a_disk_that_is_full_all_the_same_is_one_clear_error(imported, tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kwsdata.importers.unpacking.Unpacking._blocks", full)
    with pytest.raises(CorpusError, match=r"a.tar: 'hey_lumen/1.wav' cannot be written to .*No space left on device"):
        imported(tar(tmp_path / "a.tar", GOOD))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_bomb_on_a_small_disk_leaves_nothing(importing, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        importing.out = disk / "corpora"
        noise = [(f"{n}.wav", os.urandom(2 << 20)) for n in range(4)]
        for archive in (tar(tmp_path / "a.tar", *noise), bomb(tmp_path / "b.tar.gz", 60)):
            with pytest.raises(CorpusError, match=r"takes \d+ MB, and \d MB are free|cannot be written"):
                importing("folder", archive, role="noise")
            assert files_below(disk) == set()
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("name", ["a.7z", "a.rar", "a.tar.zst", "A.TZST", "a.tar.lz4"])
def test_other_archives_are_named_with_the_way_out(imported, tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(CorpusError, match="is an archive that is not read: unpack it, and import the folder"):
        imported(tmp_path / name)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_archive_with_any_bytes_changed_is_unpacked_or_refused(tmp_path, data):
    pack = data.draw(st.sampled_from([tar, zipped]))
    archive = pack(
        tmp_path / ("a.tar.gz" if pack is tar else "a.zip"), ("a/1.wav", b"RIFF" * 90), ("a/2.wav", b"x" * 999)
    )
    whole = bytearray(archive.read_bytes())
    if pack is tar and data.draw(st.booleans()):
        archive, whole = tmp_path / "b.tar", bytearray(gzip.decompress(whole))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(whole[: data.draw(st.integers(1, len(whole)))] if data.draw(st.booleans()) else whole)
    with suppress(CorpusError), unpack_archive(archive, (), tmp_path / "scratch", importing_limits()) as tree:
        assert tree.path == tmp_path / "scratch/unpacked"
    assert {path.name for path in tmp_path.iterdir()} <= {"a.zip", "a.tar.gz", "b.tar", "scratch"}
    assert not (tmp_path / "scratch/unpacked").exists()
