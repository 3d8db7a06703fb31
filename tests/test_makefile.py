"""`make` in directories with the names that people give them: every recipe runs, with a stand-in for Python."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Makes an environment whose programs write down that they were called, as does every other call of it.
STAND_IN = r"""#!/bin/sh
echo "$(basename "$0") $*" >> "$LOG"
if [ "$1 $2" = "-m venv" ]; then
  mkdir -p "$3/bin"
  for name in python kwsdata dvc ruff mypy lint-imports pytest; do cp "$0" "$3/bin/$name"; done
fi
"""


@pytest.mark.parametrize(
    "name", ["plain", "my words", "it's mine", 'a "b" c', "a $HOME b", "(1) & more; x", "100%", "größe"]
)
def test_every_target_runs_in_a_directory_of_any_name(tmp_path, name):
    project = tmp_path / name / "voice words"
    project.mkdir(parents=True)
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / file, project)
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    environment = os.environ | {"LOG": str(tmp_path / "log"), "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    done = subprocess.run(
        ["make", f"PYTHON={python}", "repro", "check"],
        cwd=project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    calls = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert [call[:3] for call in calls[1:3]] == [["python", "-m", "venv"], ["python", "-m", "pip"]]
    assert ["python", "-m", "dvc", "config", "--local", "core.no_scm", "true"] in calls  # here is no git
    assert calls[-6:] == [
        ["kwsdata", "repair"], ["dvc", "repro"], ["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"],
        ["lint-imports"],
    ]  # fmt: skip
    assert (project / ".venv" / ".done").exists()
