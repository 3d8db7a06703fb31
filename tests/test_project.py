"""A project of one's own, made by the installed wheel: stages, imports, experiments, colleagues, and an upgrade."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import yaml
from file_hashes import hashes
from imports import ROOT
from kills import recorded
from sound import tone
from wheels import call, surroundings

from kwsdata import change_params

LAST = "split"  # the first stages: synthesize, index, split
pytestmark = pytest.mark.slow


class Toolkit:
    """Commands of a copy of the wheel, whose code a test may change."""

    def __init__(self, site: Path) -> None:
        self.site, self.environment = site, surroundings(site) | {"GIT_CONFIG_GLOBAL": str(site / "gitconfig")}
        (site / "gitconfig").write_text("[user]\nname = ann\nemail = ann@localhost\n")

    def __call__(self, folder: Path, *words: str) -> str:
        return call(list(words), folder, self.environment)

    def fails(self, folder: Path, *words: str) -> str:
        done = subprocess.run(words, cwd=folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def run(installed, tmp_path_factory) -> Toolkit:
    return Toolkit(Path(shutil.copytree(installed, tmp_path_factory.mktemp("toolkit") / "site")))


@pytest.fixture(scope="module")
def lumen(run, tmp_path_factory) -> Path:
    """A project in which the first stages have run, with a corpus of the user's own, committed."""
    folder = tmp_path_factory.mktemp("work")
    run(folder, "kwsdata", "init", "lumen", "--keyword", "hey lumen")
    project = folder / "lumen"
    run(project, sys.executable, str(ROOT / "scripts" / "overlay.py"), str(ROOT / "tests" / "tiny.yaml"))
    change_params({"synthesize": {"engines": ["espeak"]}}, project / "params.yaml")
    (folder / "hum").mkdir()
    for number in range(3):
        soundfile.write(folder / "hum" / f"{number}.wav", tone(200 + number, 2.0, 0.2), 16_000)
    run(project, "kwsdata", "import", "folder", str(folder / "hum"), "--name", "hum", "--role", "noise",
        "--licence", "CC0-1.0", "--partition", "train")  # fmt: skip
    run(project, "dvc", "repro", LAST)
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "--quiet", "--message", "first stages")
    return project


def ran(said: str) -> list[str]:
    return [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]


def test_the_stages_run_and_git_holds_all_but_the_sound(run, lumen):
    assert ran(run(lumen, "dvc", "repro", LAST)) == []
    assert run(lumen, "git", "status", "--short") == ""
    tracked = run(lumen, "git", "ls-files").splitlines()
    assert {"dvc.lock", "data/corpora/hum.dvc", "data/corpora/.gitignore"} <= set(tracked)
    assert sum((lumen / file).stat().st_size for file in tracked) < 100_000
    assert yaml.safe_load((lumen / "params.yaml").read_text())["split"]["whole"] == {"hum": "train"}
    lines = run(lumen, "kwsdata", "status").splitlines()
    assert "Up to date: synthesize, index, split." in lines


def test_an_experiment_changes_what_follows_its_number(run, lumen):
    said = run(lumen, "dvc", "exp", "run", LAST, "--name", "dev", "-S", "split.whole.hum=dev")
    assert ran(said) == ["split"]
    run(lumen, "git", "checkout", "--quiet", ".")
    assert "split: its output data/split was changed" in run(lumen, "kwsdata", "status")  # it is the experiment's
    run(lumen, "dvc", "checkout", "--quiet", LAST)
    assert "Up to date: synthesize, index, split." in run(lumen, "kwsdata", "status")


def test_an_experiment_changes_a_number_of_another_file(run, lumen):
    setting = "params/kwsdata.yaml:simulate_rirs.rooms=6"
    said = run(lumen, "dvc", "exp", "run", "simulate_rirs", "--name", "rooms", "-S", setting)
    assert ran(said) == ["simulate_rirs"]
    assert run(lumen, "git", "diff", "--name-only").split() == ["dvc.lock", "params/kwsdata.yaml"]
    assert "simulate_rirs" in run(lumen, "kwsdata", "status").rpartition("Up to date: ")[2]
    run(lumen, "git", "checkout", "--quiet", ".")
    with (lumen / "params.yaml").open("a") as out:
        out.write("simulate_rirs: {rooms: 6}\n")
    assert "simulate_rirs belongs in params/kwsdata.yaml, and nowhere else" in run.fails(lumen, "kwsdata", "status")
    run(lumen, "git", "checkout", "--quiet", ".")


def test_a_colleague_gets_the_same_over_a_remote_and_runs_nothing(run, lumen, tmp_path):
    run(lumen, "dvc", "remote", "add", "--force", "--default", "storage", str(tmp_path / "storage"))
    run(lumen, "git", "commit", "--quiet", "--all", "--message", "remote")
    run(lumen, "dvc", "push", "--quiet", LAST, "data/corpora/hum.dvc", "--with-deps")
    run(tmp_path, "git", "clone", "--quiet", str(lumen), "colleague")
    there = tmp_path / "colleague"
    run(there, "dvc", "pull", "--quiet", LAST, "data/corpora/hum.dvc", "--with-deps")
    assert ran(run(there, "dvc", "repro", LAST)) == []
    assert recorded(there) == recorded(lumen)
    for path in ("data/synthetic", "data/index", "data/split", "data/corpora/hum"):
        assert hashes(there / path) == hashes(lumen / path)


def test_another_word_shares_imports_rooms_noise_and_embeddings(run, lumen):
    run(lumen, "dvc", "repro", "embed", "simulate_rirs")
    entries = {path.name for path in (lumen / "data/.cache/embed").rglob("*.npy")}
    run(lumen, "kwsdata", "init", "words/stop", "--keyword", "stop lumen")
    word = lumen / "words/stop"
    said = run(word, "dvc", "repro", "embed", "make_testsets")
    assert set(ran(said)) == {"synthesize", "index", "split", "embed", "make_testsets"}  # rooms and imports are there
    assert "Stage '../../dvc.yaml:simulate_rirs' didn't change, skipping" in said
    assert "'../../data/corpora/hum.dvc' didn't change, skipping" in said
    assert hashes(word / "data/synthetic/noise") == hashes(lumen / "data/synthetic/noise")
    corpora = [json.loads((place / "data/index/index.json").read_text())["corpora"] for place in (lumen, word)]
    assert [[row["name"] for row in rows] for rows in corpora] == [["hum", "synthetic-noise", "synthetic-speech"]] * 2
    shards = {path.name for path in (lumen / "data/.cache/embed").rglob("*.npy")}
    stores = list((word / "data/embeddings").rglob("vectors.*.npy"))
    assert entries < shards  # one cache; new are the shards of the new word's voices alone, not those of hum and noise
    assert len(shards - entries) <= len(stores) - 4
    assert ran(run(lumen, "dvc", "repro", "embed", "simulate_rirs")) == ["index"]  # it knows the other word now
    run(lumen, "git", "add", "--all")
    run(lumen, "git", "commit", "--quiet", "--message", "another word")


def test_an_upgrade_runs_the_stage_whose_code_changed_and_no_other_before_it(run, lumen):
    before = {path.name: path.read_bytes() for path in lumen.glob("*.yaml")}
    with (run.site / "kwsdata" / "stages" / "split" / "stage.py").open("a") as code:
        code.write("# another version\n")
    assert ran(run(lumen, "dvc", "repro", LAST)) == []  # nothing runs unasked
    assert "type `kwsdata upgrade`" in run.fails(lumen, "kwsdata", "split")
    assert "type `kwsdata upgrade`" in run(lumen, "kwsdata", "status").splitlines()[0]
    assert "stages changed: split." in run.fails(lumen, "kwsdata", "upgrade", "--check")
    assert {path.name: path.read_bytes() for path in lumen.glob("*.yaml")} == before

    assert "stages changed: split." in run(lumen, "kwsdata", "upgrade")
    changed = {path.name for path in lumen.glob("*.yaml") if path.read_bytes() != before[path.name]}
    assert changed == {"code.yaml"}
    difference = run(lumen, "git", "diff", "--unified=0", "code.yaml").splitlines()
    assert [line.split(":")[0] for line in difference if line[:3] in ("-  ", "+  ")] == ["-  split", "+  split"]
    assert "  split: its code is of another version" in run(lumen, "kwsdata", "status").splitlines()
    assert ran(run(lumen, "dvc", "repro", LAST)) == ["split"]
    assert run(lumen, "kwsdata", "upgrade").startswith("Nothing to do")
