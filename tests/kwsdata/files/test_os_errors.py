"""Full, read-only and failing disks: one line with the file and the next step, and what was there stays."""

import errno
import io
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from params_files import whole_values, write_whole
from small_disks import fill, read_only, small_disk
from typer.testing import CliRunner

from kwsdata.clips.decisions import Decision, append_decision, load_decisions
from kwsdata.clips.exclusions import exclude, load_excluded
from kwsdata.files.atomic import atomic_path, read_json, write_json, write_jsonl_gz
from kwsdata.files.os_errors import explain
from kwsdata.importers.partition import record_partition
from kwsdata.tools.command import command, new_app

ROOT = Path(__file__).resolve().parents[3]


def run_raising(error: BaseException):
    app = new_app("x")

    def fail() -> None:
        """Fail."""
        raise error

    command(app, "fail", "x fail")(fail)
    command(app, "other", "x other")(fail)
    return CliRunner().invoke(app, ["fail"])


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EROFS, "mount it for writing"),
        (errno.EACCES, "change its mode"),
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "end other programs"),
        (errno.EIO, "dmesg"),
        (errno.ENOENT, "check the name"),
        (errno.ENAMETOOLONG, "shorter name"),
        (errno.ETXTBSY, "Text file busy"),
    ],
)
def test_any_command_says_what_the_system_refused_in_one_line(number, step):
    result = run_raising(OSError(number, os.strerror(number), "data/x"))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: data/x: {os.strerror(number)} ({errno.errorcode[number]})")
    assert step in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_error_that_is_not_the_systems_keeps_its_trace():
    assert isinstance(run_raising(OSError("cannot load library")).exception, OSError)
    assert explain(OSError("cannot load library")) is None
    assert "a file: " in str(explain(OSError(errno.EIO, "x")))
    assert "a and b: " in str(explain(OSError(errno.EXDEV, "x", "a", None, "b")))


WRITERS = {
    "write_json": lambda path: write_json(path, ["x" * 1000] * 1000),
    "write_jsonl_gz": lambda path: write_jsonl_gz(path, ({"x": os.urandom(500).hex()} for _ in range(2000))),
    "numpy": lambda path: written(path, lambda scratch: np.save(scratch.open("wb"), np.ones(200_000))),
    "npz": lambda path: written(path, lambda scratch: np.savez(scratch.open("wb"), x=np.ones(200_000))),
    "directory": lambda path: written(path, whole_directory),
}


def written(path, write):
    with atomic_path(path) as scratch:
        write(scratch)


def whole_directory(scratch):
    scratch.mkdir()
    for number in range(500):
        (scratch / f"{number}").write_bytes(bytes(2000))


@pytest.mark.filterwarnings("ignore:unclosed file")  # of the writers above, which the full disk interrupts
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path, name):
    with small_disk(tmp_path / "disk", "300k") as disk:
        write_json(disk / "made", {"old": 1})
        with pytest.raises(OSError) as raised:
            WRITERS[name](disk / "made")
        assert "No space left on device (ENOSPC): free some space" in str(explain(raised.value))
        assert str(disk / "made") in str(explain(raised.value))
        assert read_json(disk / "made") == {"old": 1}
        assert [path.name for path in disk.iterdir()] == ["made"]


def test_records_are_added_whole_or_not_at_all_when_the_disk_is_full(tmp_path):
    with small_disk(tmp_path / "disk", "200k") as disk:
        decisions, excluded, params = disk / "decisions.jsonl", disk / "excluded.txt", disk / "params.yaml"
        params.write_text("split:\n  whole: {}\n")
        append_decision(decisions, Decision("x", 1, "c", "drop"))
        exclude(["crowd-1"], "clipped", excluded)
        before = {path: path.read_bytes() for path in disk.iterdir()}
        fill(disk)
        for add in (
            lambda: append_decision(decisions, Decision("y", 1, "c", "drop")),
            lambda: exclude(["crowd-2"], "clipped", excluded),
        ):
            with pytest.raises(OSError) as raised:
                add()
            assert raised.value.errno == errno.ENOSPC
        with pytest.raises(Exception, match=r"cannot be set \(No space left"):
            record_partition(params, "crowd", "train")
        assert {path: path.read_bytes() for path in disk.iterdir() if path.name != "fill"} == before
        (disk / "fill").unlink()  # room again, while the review still runs
        append_decision(decisions, Decision("z", 1, "c", "keyword"))
        exclude(["crowd-3"], "clipped", excluded)
        assert (load_decisions(decisions).verdict("x", 1), load_decisions(decisions).verdict("z", 1)) == (
            "drop",
            "keyword",
        )
        assert load_excluded(excluded) == {"crowd-1", "crowd-3"}
        read_only(disk)
        with pytest.raises(OSError) as raised:
            exclude(["crowd-4"], "clipped", excluded)
        assert "Read-only file system (EROFS): the disk can only be read" in str(explain(raised.value))


def test_an_import_onto_a_full_and_a_read_only_disk(tmp_path):
    sounds = tmp_path / "in"
    sounds.mkdir()
    for number in range(60):
        noise = 0.1 * np.random.default_rng(number).standard_normal(16_000)
        soundfile.write(sounds / f"{number}.wav", noise, 16_000)

    def imported(name):
        words = ["import", "folder", str(sounds), "--name", name, "--role", "speech", "--licence", "CC0-1.0"]
        return subprocess.run(
            [sys.executable, "-m", "kwsdata", *words, "--partition", "train"],
            cwd=disk, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    with small_disk(tmp_path / "disk", "2m") as disk:
        values = whole_values()
        values["executor"]["kind"] = "serial"
        write_whole(disk / "params.yaml", values)
        for prepare, word in ((lambda: None, "ENOSPC"), (lambda: read_only(disk), "EROFS")):
            prepare()
            done = imported("crowd")
            assert done.returncode == 1
            assert "Traceback" not in done.stderr
            assert word in done.stderr.splitlines()[-1]
            left = {path.relative_to(disk).as_posix() for path in disk.rglob("*") if path.is_file()}
            assert left - {"data/.cache/CACHEDIR.TAG"} == {"params.yaml"}  # no sound, here or in the cache


def test_too_many_open_files_are_said_as_that(tmp_path, monkeypatch):
    code = (
        "import resource; from pathlib import Path; from kwsdata.cli import app, command\n"
        "from kwsdata.files.atomic import write_json\n"
        "def fail() -> None:\n"
        "    'Fail.'\n"
        "    held = [open('/dev/null') for _ in range(100)]\n"
        "    write_json(Path('x.json'), 1)\n"
        "command(app, 'fail', 'x')(fail)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)); app(['fail'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "ulimit -n" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 60


def test_an_answer_that_cannot_be_written_is_an_error():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with Path("/dev/full").open("w") as full:
        code = (
            "from kwsdata.tools.command import command, show; from kwsdata.cli import app\n"
            "def tell() -> None:\n    'Tell.'\n    show({'x': 1})\ncommand(app, 'tell', 'x')(tell); app(['tell'])"
        )
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode != 0
    assert "No space left on device" in done.stderr


def test_a_reader_that_goes_away_ends_a_command_quietly():
    code = (
        "from kwsdata.tools.command import command, show; from kwsdata.cli import app\n"
        "def tell() -> None:\n    'Tell.'\n    show(['x' * 1000] * 1000)\n"
        "command(app, 'tell', 'x')(tell); app(['tell'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    with io.TextIOWrapper(process.stderr) as said:
        assert "Traceback" not in said.read()
    assert process.wait() != 0
