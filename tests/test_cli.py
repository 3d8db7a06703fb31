"""Every command: help with an example, no heavy library before it is called, one clear line for an error."""

import os
import subprocess
import sys

import pytest
import typer
from imports import ROOT
from typer.testing import CliRunner

from kwsdata import cli as data_cli
from kwsdata.tools.command import EXTRA_OF, command, new_app
from kwstrain import cli as train_cli

APPS = {"kwsdata": data_cli.app, "kwstrain": train_cli.app}
COMMANDS = [(program, info.name) for program, app in APPS.items() for info in app.registered_commands]
HEAVY = {
    "torch",
    "torchaudio",
    "tensorflow",
    "lhotse",
    "onnxruntime",
    "pyroomacoustics",
    "datasets",
    "faiss",
    "matplotlib",
}


@pytest.mark.parametrize(("program", "name"), COMMANDS)
def test_every_command_has_help_with_an_example_of_itself(program, name):
    shown = CliRunner().invoke(APPS[program], [name, "--help"], terminal_width=200)
    assert shown.exit_code == 0
    assert f"$ {program} {name}" in " ".join(shown.output.split())


@pytest.mark.parametrize(("program", "name"), COMMANDS)
def test_every_option_is_explained(program, name):
    group = typer.main.get_command(APPS[program])
    for option in group.commands[name].params:
        if option.name != "help":
            assert getattr(option, "help", None), f"{program} {name}: {option.name} has no help"


@pytest.mark.parametrize("program", APPS)
def test_help_loads_nothing_heavy(program):
    code = f"import sys, {program}.cli; print(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_a_terminal_without_its_letters_shows_a_keyword_in_escapes():
    code = (
        "from kwsdata.tools.command import command, new_app, show; app = new_app('x')\n"
        "@command(app, 'one', 'one')\ndef one():\n    'One.'\n    show({'keyword': 'größe'})\napp()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"gr\\xf6\\xdfe"' in done.stdout


def test_every_stage_of_the_pipeline_is_a_command():
    import yaml

    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert {tuple(stage["cmd"].split()) for stage in stages.values()} <= set(COMMANDS)


def test_an_error_is_one_line_with_the_next_step(tmp_path):
    shown = CliRunner().invoke(data_cli.app, ["split", "--params", str(tmp_path / "none.yaml")])
    assert shown.exit_code == 1
    assert shown.output.count("\n") == 1
    assert "run the command from the project's root" in shown.output


def test_a_command_of_before_is_an_error_that_names_the_new_one():
    shown = CliRunner().invoke(data_cli.app, ["listen", "clip"])
    assert shown.exit_code == 1
    assert shown.output == "error: the command `listen` is called `inspect` now.\n"


def test_a_missing_package_names_its_extra():
    app = new_app("toy")

    @command(app, "mine", "toy mine")
    def mine() -> None:
        """Need what is not there."""
        raise ModuleNotFoundError("No module named 'faiss'", name="faiss")

    @command(app, "other", "toy other")
    def other() -> None:
        """Do nothing."""

    shown = CliRunner().invoke(app, ["mine"])
    assert shown.exit_code == 1
    assert "pip install 'kwsdata[mine]'" in shown.output


def test_extras_named_in_errors_exist():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(EXTRA_OF.values()) <= set(extras)
