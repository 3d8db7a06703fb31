"""Every command: help with an example, no heavy library before it is called, one clear line for an error."""

import os
import subprocess
import sys

import pytest
import typer
from imports import ROOT
from typer.testing import CliRunner

sys.path.append(str(ROOT / "scripts"))
from make_reference import leaves

from kwsdata import cli as data_cli
from kwsdata.tools.command import EXTRA_OF, command, new_app
from kwstrain import cli as train_cli

APPS = {"kwsdata": data_cli.app, "kwstrain": train_cli.app}
GROUPS = {program: typer.main.get_command(app) for program, app in APPS.items()}
COMMANDS = [(program, name) for program, group in GROUPS.items() for name in leaves(group)]
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
    shown = CliRunner().invoke(APPS[program], [*name.split(), "--help"], terminal_width=200)
    assert shown.exit_code == 0
    assert f"$ {program} {name}" in " ".join(shown.output.split())


@pytest.mark.parametrize(("program", "name"), COMMANDS)
def test_every_option_is_explained(program, name):
    for option in leaves(GROUPS[program])[name].params:
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


@pytest.mark.parametrize(
    ("program", "words", "says"),
    [
        ("kwsdata", "listen clip", "the command `listen` is called `kwsdata inspect` now."),
        ("kwsdata", "rounds --count 2", "the command `rounds` is called `kwstrain experiments rounds` now."),
        ("kwstrain", "ablate --arm all --seed 1", "the command `ablate` is called `kwstrain experiments ablate` now."),
        ("kwstrain", "compare", "the command `compare` is called `kwstrain experiments compare` now."),
        ("kwstrain", "experiments --commits 5", "that is `kwstrain experiments page --commits 5` now."),
    ],
)
def test_a_command_of_before_is_an_error_that_names_the_new_one(program, words, says):
    shown = CliRunner().invoke(APPS[program], words.split())
    assert shown.exit_code == 1
    assert shown.output == f"error: {says}\n"


def test_seeds_that_are_no_numbers_are_refused():
    shown = CliRunner().invoke(train_cli.app, ["experiments", "seeds", "x", "--seeds", "1,two"])
    assert (shown.exit_code, shown.output) == (
        1,
        "error: --seeds 1,two: give whole numbers, separated by commas, as in 1,2,3.\n",
    )


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
