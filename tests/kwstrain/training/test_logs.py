"""Logs are written wherever training may run."""

import json
import subprocess

import pytest

from kwstrain.training.logs import Log

ROWS = [{"step": 1, "loss": 0.5, "weight": [1.0, 2.0]}, {"step": 2, "loss": 0.25, "weight": [1.0, 3.0]}]


@pytest.mark.parametrize("place", ["no repository", "git alone", "git and DVC without a commit"])
def test_rows_are_logged_in_any_repository(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "git" in place:
        subprocess.run(["git", "init", "--quiet"], check=True)
    if "DVC" in place:
        subprocess.run(["dvc", "init", "--quiet"], check=True)
    log = Log(tmp_path / "dvclive", ROWS[:1])
    log.add(ROWS[1])
    told = json.loads((tmp_path / "dvclive" / "metrics.json").read_text())
    assert told == {"loss": 0.25, "weight": {"1": 1.0, "2": 3.0}, "step": 2}
    assert (tmp_path / "dvclive" / "plots/metrics/loss.tsv").read_text().count("\n") == 3
