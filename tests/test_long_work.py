"""Long work is pleasant: a stage says what it does, how far it is and what it made; Ctrl-C ends it in one line."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml
from imports import ROOT
from params_files import whole_values, write_whole
from typer.testing import CliRunner

from kwsdata import cli as data_cli
from kwsdata.execution.progress import duration
from kwsdata.tools.command import INTERRUPTED
from kwsdata.tools.made import MADE as DATA_MADE
from kwsdata.tools.made import counted, total
from kwstrain.made import MADE as TRAIN_MADE

PATIENCE_S = 120


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with params for many rooms, which two workers simulate."""
    params = whole_values()
    params["simulate_rirs"] |= {"rooms": 5000, "sources_per_room": 1}
    params["executor"]["workers"] = 2
    write_whole(tmp_path / "params.yaml", params)
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    (tmp_path / "data" / "corpora").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_stage_says_what_it_made():
    pipelines = [yaml.safe_load((ROOT / path).read_text()) for path in ("dvc.yaml", "ablation/dvc.yaml")]
    stages = {name for pipeline in pipelines for name in pipeline["stages"]}
    assert stages - {"compare"} == DATA_MADE.keys() | TRAIN_MADE.keys()  # `compare` prints its table


def test_numbers_read_as_people_write_them():
    assert [counted(1, "clips"), counted(1234, "clips")] == ["1 clip", "1,234 clips"]
    assert total({"a": {"x": 1, "y": 2}, "b": 3}) == 6
    assert [duration(s) for s in (0.4, 59.6, 200, 7500)] == ["0 s", "1 min 0 s", "3 min 20 s", "2 h 5 min"]


def test_a_stage_ends_with_one_line_and_with_json_only_when_asked(project):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["simulate_rirs"]["rooms"] = 9
    params["executor"]["kind"] = "serial"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    words = CliRunner().invoke(data_cli.app, ["simulate-rirs"])
    assert words.exit_code == 0, words.output
    does, *_, made = words.output.splitlines()
    assert does == "simulate-rirs: Make a bank of room impulse responses; each room belongs to one partition."
    assert made.startswith("simulate-rirs: ") and " responses of " in made and made.endswith(" s)")
    assert words.stdout.splitlines() == [made]
    told = json.loads(CliRunner().invoke(data_cli.app, ["simulate-rirs", "--json"]).stdout)
    assert f"{sum(told['rirs'].values())} responses of {sum(told['rooms'].values())} rooms" in made


def _workers_of(stage: subprocess.Popen) -> list[psutil.Process]:
    """Return the processes below a stage, once there is the server that forks its workers."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert stage.poll() is None and time.monotonic() < deadline
        found = psutil.Process(stage.pid).children(recursive=True)
        with suppress(psutil.NoSuchProcess):
            if any("forkserver" in " ".join(process.cmdline()) for process in found):
                return found
        time.sleep(0.05)


@pytest.mark.parametrize("after_s", [0, 5], ids=["while workers start", "while they work"])
def test_ctrl_c_ends_a_stage_with_all_its_workers_and_one_line(project, after_s):
    log = project / "log"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore Ctrl-C
    try:
        with log.open("wb") as out:
            stage = subprocess.Popen(
                [sys.executable, "-m", "kwsdata", "simulate-rirs"], stdout=out, stderr=out, start_new_session=True
            )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        workers = _workers_of(stage)
        time.sleep(after_s)
        os.killpg(stage.pid, signal.SIGINT)  # as a terminal does: the stage and its workers get it
        assert stage.wait(PATIENCE_S) == INTERRUPTED
    finally:
        stage.kill()
        stage.wait()
    said = log.read_text()
    assert "Traceback" not in said, said
    assert said.splitlines()[-1] == (
        "interrupted: what is finished is kept. Type `dvc repro` (or `kwsdata simulate-rirs`) again to go on."
    )
    assert not psutil.wait_procs(workers, timeout=PATIENCE_S)[1]
    assert not (project / "data" / "rirs").exists()  # nothing that would pass for a finished bank


def test_what_a_process_leaves_behind_is_cleaned_up_without_a_word(tmp_path):
    code = (
        "import multiprocessing, os\n"
        "from kwsdata.execution import executor\n"
        "executor._start_server()\n"
        "kept = multiprocessing.get_context('forkserver').Semaphore()\n"
        "os._exit(0)\n"
    )
    with (tmp_path / "log").open("wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, stderr=out, check=True)
    deadline = time.monotonic() + 2  # the tracker ends after the process that it tracks
    while time.monotonic() < deadline:
        assert (tmp_path / "log").read_text() == ""
        time.sleep(0.1)
