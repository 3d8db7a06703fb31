"""What one installs: the wheel has every file of the packages, runs without this checkout, and says one version."""

import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from imports import ROOT
from wheels import call, files_of_packages, surroundings

import kwsdata
import kwstrain
from kwsdata.params.files import FILES
from kwsdata.tools.project.code import installed_versions

SHIPPED = "kwsdata/tools/project/shipped/"  # put there by the build, from the root of the checkout


def test_the_wheel_has_every_file_of_the_packages_and_no_other_package(archives):
    names = {name for name in zipfile.ZipFile(archives[0]).namelist() if ".dist-info/" not in name}
    assert not files_of_packages() - names
    assert {name.split("/")[0] for name in names} == {"kwsdata", "kwstrain"}
    shipped = {name.removeprefix(SHIPPED) for name in names if name.startswith(SHIPPED)}
    assert {"dvc.yaml", *FILES, ".dvcignore", "review/excluded.txt", "data/corpora/README.md"} <= shipped
    assert not [name for name in names if "__pycache__" in name]


def test_the_wheel_declares_types_licence_and_commands(archives):
    with zipfile.ZipFile(archives[0]) as wheel:
        names = wheel.namelist()
        told = {name.partition(".dist-info/")[2]: name for name in names if ".dist-info/" in name}
        metadata = wheel.read(told["METADATA"]).decode()
        commands = wheel.read(told["entry_points.txt"]).decode()
    assert {"kwsdata/py.typed", "kwstrain/py.typed"} <= set(names)
    assert {"licenses/LICENSE", "licenses/NOTICE"} <= told.keys()
    assert f"Version: {kwsdata.__version__}\n" in metadata
    assert "kwsdata = kwsdata.cli:main" in commands
    assert "kwstrain = kwstrain.cli:main" in commands


def test_the_source_archive_has_what_the_checkout_builds_and_tests_with(archives):
    with tarfile.open(archives[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert not files_of_packages() - names
    assert {"dvc.yaml", *FILES, "Makefile", "constraints.txt", "tests/tiny.yaml", "docs/README.md"} <= names
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")} <= names


@pytest.mark.parametrize("package", ["kwsdata", "kwstrain"])
def test_both_packages_run_from_the_wheel_alone(installed, tmp_path, package):
    environment = surroundings(installed)
    place = call([sys.executable, "-c", f"import {package}; print({package}.__file__)"], tmp_path, environment)
    assert Path(place.strip()).is_relative_to(installed)
    assert f"Usage: {package}" in call([str(installed / "bin" / package), "--help"], tmp_path, environment)


def test_the_code_has_the_same_versions_in_the_wheel_and_in_the_checkout(installed, tmp_path):
    program = "from kwsdata.tools.project.code import installed_versions; print(installed_versions('').text(), end='')"
    assert call([sys.executable, "-c", program], tmp_path, surroundings(installed)) == installed_versions("").text()


def test_every_place_says_the_same_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "kwsdata.__version__"}
    assert kwstrain.__version__ == kwsdata.__version__
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    released = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert released[0] == (str(cited["version"]), str(cited["date-released"]))
    assert kwsdata.__version__ == released[0][0]


def test_every_change_of_a_version_is_added_changed_or_fixed():
    _, *sections = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
    for section in sections:
        kind = None
        for line in section.splitlines()[1:]:
            kind = line.removeprefix("### ") if line.startswith("### ") else kind
            assert not line.startswith("### ") or kind in ("Added", "Changed", "Fixed", "Removed"), line
            assert not line.startswith("- ") or kind, f"{section.splitlines()[0]}: under which heading is {line!r}?"


def test_what_pre_commit_runs_is_what_make_check_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    run = {" ".join(hook["entry"].replace(" --force-exclude", "").split()) for hook in hooks}
    recipe = re.search(r"^check: env\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    assert {line.strip().removesuffix(" .") for line in recipe[1].splitlines()} <= run
