"""Rounds of mining and seeds: a frozen model a round, and a real DVC project in which they run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kwsdata.errors import KwsError, StageInputError
from kwstrain.experiments import keep
from kwstrain.experiments.rounds import _MINED, freeze_round, run_rounds


def exported(path, sha):
    path.mkdir(parents=True, exist_ok=True)
    (path / "model.onnx").write_bytes(sha.encode())
    (path / "model.json").write_text(json.dumps({"sha256": sha}))
    (path / "other.bin").write_bytes(b"not part of a model")


def test_each_new_model_gets_the_next_number_and_an_old_one_keeps_its_own(project):
    numbers = []
    for sha in ("a", "b", "a", *"cdefghij", "b"):
        exported(project / "export", sha)
        numbers.append(int(freeze_round(project / "export", project / "rounds").name))
    assert numbers == [1, 2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 2]
    assert (project / "rounds" / "10" / "model.onnx").read_bytes() == b"j"
    assert sorted(path.name for path in (project / "rounds" / "10").iterdir()) == ["model.json", "model.onnx"]


def test_without_a_model_there_is_nothing_to_freeze(project):
    with pytest.raises(StageInputError, match="model.json is missing"):
        freeze_round(project / "export", project / "rounds")


def test_a_round_that_is_kept_is_not_run_again_and_a_failure_ends_the_loop(project, monkeypatch):
    said = []

    def dvc(*words):
        if len(said) == 3:
            raise KwsError("`dvc exp run` failed")
        said.append(words)
        exported(project / "data" / "models" / "export", f"model {len(said)}")
        for file in map(project.joinpath, (keep._MEASURED | _MINED).values()):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"mined": len(said)}))

    monkeypatch.setattr(keep, "dvc", dvc)
    with pytest.raises(KwsError, match="failed"):
        run_rounds(1, [1, 2], "round")
    assert [words[4] for words in said] == ["round0-s1", "round1-s1", "round0-s2"]
    said[:] = said[:2]  # the fourth may run now
    rows = run_rounds(1, [1, 2], "round")
    assert said[2][4] == "round1-s2"
    assert said[2][-1] == "mine_negatives.model=data/rounds/3"  # of round 0 with seed 2
    assert [row["mined"] for row in rows] == [1, 2, 3, 3]


# The pipeline in miniature, with the real one's paths: a model is what was mined and the seed.
PIPELINE = """
stages:
  mine:
    cmd: python toy.py mine
    deps: [data/rounds]
    params: [mine_negatives.model]
    outs: [data/mined]
  evaluate:
    cmd: python toy.py train
    deps: [data/mined]
    params: [train.seed, train.steps, {params/kwstrain.yaml: [train]}]
    outs: [data/models/export, data/evaluate]
"""
TOY = """
import json, sys, yaml
from pathlib import Path
params = yaml.safe_load(open("params.yaml"))
Path("ran.txt").open("a").write(sys.argv[1] + " ")
if sys.argv[1] == "mine":
    model = params["mine_negatives"]["model"]
    known = json.loads(Path(model, "model.json").read_text())["sha256"] if model else "none"
    Path("data/mined").mkdir(parents=True)
    Path("data/mined/mined.json").write_text(json.dumps({"mined": 7, "by": known}))
else:
    mined = json.loads(Path("data/mined/mined.json").read_text())["by"]
    made = f"{params['train']['steps']} steps of seed {params['train']['seed']} after ({mined})"
    for name in ("models/export", "evaluate"):
        Path("data", name).mkdir(parents=True)
    Path("data/models/export/model.json").write_text(json.dumps({"sha256": made}))
    Path("data/models/export/model.onnx").write_text(made)
    Path("data/evaluate/metrics.json").write_text(json.dumps({"test": {"clean": {"fnr": 0.5}}}))
    Path("data/evaluate/events.jsonl.gz").write_text(made)
"""


def test_in_a_dvc_project_each_round_mines_with_the_model_before_it(project):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(*command):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (project / "dvc.yaml").write_text(PIPELINE)
    (project / "toy.py").write_text(TOY)
    (project / "params.yaml").write_text("mine_negatives: {model: null}\ntrain: {seed: 9, steps: 1}\n")
    (project / "params").mkdir()
    (project / "params/kwstrain.yaml").write_text("train: {patience: 3}\n")
    (project / ".gitignore").write_text("/cache\n/ran.txt\n/data/runs\n")
    (project / "data" / "rounds").mkdir(parents=True)
    (project / "data" / "rounds" / "README.md").write_text("models")
    run("git", "init", "--quiet")
    run("git", "config", "user.name", "test")
    run("git", "config", "user.email", "test@localhost")
    run(sys.executable, "-m", "dvc", "init", "--quiet")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", "toy")
    rounds_command = (
        sys.executable,
        "-m",
        "kwstrain",
        "experiments",
        "rounds",
        "--count",
        "2",
        "--seeds",
        "4",
        "-S",
        "train.steps=30",
    )
    run(*rounds_command)
    models = [json.loads((project / "data/rounds" / str(n) / "model.json").read_text())["sha256"] for n in (1, 2, 3)]
    first = "30 steps of seed 4 after (none)"
    second = f"30 steps of seed 4 after ({first})"
    assert models == [first, second, f"30 steps of seed 4 after ({second})"]
    assert (project / "ran.txt").read_text() == "mine train " * 3
    assert "model: data/rounds/2" in (project / "data/runs/round2-s4/params.yaml").read_text()
    assert (project / "data/runs/round2-s4/evaluate/metrics.json").exists()
    names = run(sys.executable, "-m", "dvc", "exp", "list", "--name-only").split()
    assert sorted(names) == ["round0-s4", "round1-s4", "round2-s4"]
    rows = json.loads(run(*rounds_command))  # all is there: nothing runs
    assert [row["mined_with"] for row in rows] == [None, "data/rounds/1", "data/rounds/2"]
    assert (project / "ran.txt").read_text() == "mine train " * 3

    seeds_command = (sys.executable, "-m", "kwstrain", "experiments", "seeds", "long", "--seeds", "5,6")
    run(*seeds_command, "-S", "params/kwstrain.yaml:train.patience=40")
    before = (project / "ran.txt").read_text()
    rows = json.loads(run(*seeds_command))
    assert (project / "ran.txt").read_text() == before
    assert rows == [{"experiment": f"long-s{seed}", "fnr": {"clean": 0.5}} for seed in (5, 6)]
    kept = project / "data/runs/long-s6"
    assert "seed: 6" in (kept / "params.yaml").read_text()
    assert (kept / "params/kwstrain.yaml").read_text() == "train: {patience: 40}\n"
