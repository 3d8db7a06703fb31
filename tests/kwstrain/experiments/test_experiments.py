"""The page of experiments says what DVC keeps: real experiments of a toy repository."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kwsdata.errors import StageInputError
from kwstrain.experiments.page import write_experiments
from kwstrain.experiments.read import _experiments, read_experiments

MEASURE = """
import json, pathlib, yaml
gamma = yaml.safe_load(open("params.yaml"))["loss"]["gamma"]
misses = 8 - gamma
numbers = {"fnr": misses / 20, "fnr_low95": (misses - 1) / 20, "fnr_high95": (misses + 3) / 20, "misses": misses,
           "n_positive": 20, "fah": 0.5, "fah_upper95": 3.25}
pathlib.Path("data/report").mkdir(parents=True, exist_ok=True)
found = {"keyword": "computer", "threshold": 0.625, "max_fah": 1.0, "test": {"noise_reverb": numbers, "clean": numbers}}
pathlib.Path("data/report/metrics.json").write_text(json.dumps(found))
"""
PIPELINE = """
stages:
  measure:
    cmd: python measure.py
    params: [loss]
    metrics:
      - data/report/metrics.json: {cache: false}
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit with numbers, an experiment that was run and one that waits in the queue."""
    root = tmp_path_factory.mktemp("experiments")
    names = ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")
    environment = os.environ | dict.fromkeys(names, "test@localhost")
    environment |= {"DVC_TEST": "true", "DVC_SITE_CACHE_DIR": str(root.with_name("site"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"

    def call(*command: str) -> None:
        subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)

    (root / "params.yaml").write_text("loss: {gamma: 0, alpha: null}\n")
    (root / "measure.py").write_text(MEASURE)
    (root / "dvc.yaml").write_text(PIPELINE)
    call("git", "init", "--quiet", "--initial-branch", "main")
    call("dvc", "init", "--quiet")
    call("dvc", "repro", "--quiet")
    call("git", "add", "--all")
    call("git", "commit", "--quiet", "--message", "first")
    call("dvc", "exp", "run", "--quiet", "-S", "loss.gamma=2", "--name", "sharper")
    call("git", "checkout", "--quiet", "--", ".")
    call("dvc", "exp", "run", "--quiet", "--queue", "-S", "loss.alpha=0.7", "--name", "waiting")
    return root


def test_experiments_are_read_with_what_they_changed_and_measured(repository: Path) -> None:
    base, *others = read_experiments(repository, 1)
    assert (base.name, base.base, base.changed, base.metrics["test"]["clean"]["misses"]) == ("main", "", {}, 8)
    sharper = next(one for one in others if one.name == "sharper")
    assert sharper.changed == {"loss.gamma": (0, 2)}
    assert sharper.base == "main"
    assert sharper.metrics["test"]["clean"]["misses"] == 6
    waiting = next(one for one in others if one.name == "waiting")
    assert (waiting.state, waiting.changed, waiting.metrics) == ("Queued", {"loss.alpha": (None, 0.7)}, {})
    assert len(others) == 2  # the workspace is that of the commit


def test_the_page_shows_each_with_its_intervals(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert write_experiments(repository, out, 1) == {"page": str(out), "experiments": 2, "shown": 3}
    page = out.read_text()
    for says in (
        "loss.gamma: 0 → 2", "loss.alpha: null → 0.7", "30.0 %", "25.0 % to 45.0 %, 6 of 20", "FNR, noise_reverb",
        "95 % below 3.25", "0.6250", "Queued", "sharper, clean: 30.0 % missed", "sharper: 0.50 false alarms per hour",
    ):  # fmt: skip
        assert says in page, says
    names = re.findall(r'<text class="(?:name|tick) end" x="[0-9.]+" y="([0-9.]+)">(main|sharper)<', page)
    assert [name for _, name in names] == ["main", "sharper"] * 2  # in both pictures
    assert float(names[0][0]) + 30 < float(names[1][0])  # one below the other
    dots = dict(re.findall(r'cy="([0-9.]+)" r="5"><title>(\w+, \w+):', page))
    assert len(dots) == 4  # two sets of two, none on another's line
    assert page.index("FNR, clean") < page.index("FNR, noise_reverb")


def test_changes_of_the_workspace_are_an_experiment_without_a_name(repository: Path) -> None:
    params = repository / "params.yaml"
    before = params.read_text()
    try:
        params.write_text("loss: {gamma: 0, alpha: null, delta: {low: 1}}\n")
        here = read_experiments(repository, 1)[0]
    finally:
        params.write_text(before)
    assert (here.name, here.changed) == ("workspace", {"loss.delta.low": (None, 1)})


def test_one_that_failed_says_so() -> None:
    data = {"params": {"params.yaml": {"data": {"loss": 1}}}, "metrics": {}}
    tip = {"rev": "b" * 40, "name": None, "data": None, "error": {"msg": "no"}}
    commit = {"rev": "a" * 40, "name": "main", "data": data, "experiments": [{"revs": [tip], "name": "bad"}]}
    commit["experiments"][0]["executor"] = {"state": "failed"}
    rows = json.loads(json.dumps([{"rev": "workspace", "name": None, "data": data}, commit]))
    assert [(one.name, one.state, one.changed) for one in _experiments(rows)] == [
        ("main", "", {}),
        ("bad", "Failed", {}),
    ]


def test_what_is_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(StageInputError, match="`dvc exp show` failed: .*DVC repository"):
        read_experiments(tmp_path, 1)
