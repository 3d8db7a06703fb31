"""A new project: whole or not at all, never over anything, and the params say what was asked for."""

import os
import subprocess
from pathlib import Path

import pytest
from imports import ROOT

from kwsdata.errors import KwsError, ParamsError
from kwsdata.params import load_params
from kwsdata.params.files import BESIDE
from kwsdata.tools.project import create as creating
from kwsdata.tools.project.create import ProjectExistsError, create
from kwsdata.tools.project.params_file import write_params
from kwsdata.tools.project.pipeline import outs_of, shipped_stages
from kwsdata.tools.project.shipped import shipped_params
from kwsdata.tools.project.yaml_text import plain


@pytest.fixture(autouse=True)
def _own_git(tmp_path_factory, monkeypatch):
    """No configuration of git but what a test writes, and no repository around the folders of tests."""
    config = tmp_path_factory.mktemp("home") / "gitconfig"
    config.write_text("[user]\n    name = ann\n    email = ann@localhost\n[init]\n    defaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp()))


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_project_is_a_commit_of_some_small_files(tmp_path):
    made = create(tmp_path / "deep" / "lumen", "Hey Lumen", "en-gb", "esphome")
    project = tmp_path / "deep" / "lumen"
    assert everything(project.parent)[0] == "lumen"
    assert [path.name for path in project.parent.iterdir()] == ["lumen"]  # no scratch beside it
    files = git(project, "ls-files").splitlines()
    assert len(files) == made["files"] <= 20
    assert sum((project / file).stat().st_size for file in files) < 50_000
    assert made["committed"]
    assert git(project, "status", "--short") == ""
    params = load_params(project / "params.yaml")
    assert (params.keyword.text, params.keyword.language) == ("hey lumen", "en-gb")
    assert params.features.frontend == "micro"
    assert len((project / "params.yaml").read_text().splitlines()) <= 65
    assert [(project / file).read_bytes() for file in BESIDE] == [(ROOT / file).read_bytes() for file in BESIDE]
    assert "hey lumen" in (project / "README.md").read_text()
    assert "esphome" in (project / "README.md").read_text()


def test_what_stages_write_is_ignored_by_git_from_the_start(tmp_path):
    create(tmp_path / "lumen", "hey lumen")
    outs = [path for stage in shipped_stages().values() for path, cached in outs_of(stage) if cached]
    ignored = git(tmp_path / "lumen", "check-ignore", *outs, "data/.cache/x").split()
    assert ignored == [*outs, "data/.cache/x"]


@pytest.mark.parametrize("text", ["on", "7", "null", "größe", 'hey "lumen"', "it's # me", "ok: go", "こんにちは"])
def test_a_keyword_of_any_spelling_arrives_as_it_was_typed(tmp_path, text):
    write_params(tmp_path, creating.params_with(shipped_params(), {"keyword.text": text}))
    assert plain((tmp_path / "params.yaml").read_text(encoding="utf-8"))["keyword"]["text"] == text  # to DVC
    assert load_params(tmp_path / "params.yaml").keyword.text == text


def test_nothing_is_overwritten(tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "note.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    before = everything(tmp_path)
    for name in ("full", "file", "link"):
        with pytest.raises(ProjectExistsError, match="nothing was written"):
            create(tmp_path / name, "hey lumen")
    assert everything(tmp_path) == before
    assert (full / "note.txt").read_text() == "mine"


def test_the_current_folder_is_refused_with_what_to_type(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ProjectExistsError, match=r"cd \.\..*kwsdata init here"):
        create(Path(), "hey lumen")


def test_an_empty_folder_becomes_the_project(tmp_path):
    (tmp_path / "lumen").mkdir()
    create(tmp_path / "lumen", "hey lumen")
    assert (tmp_path / "lumen" / "dvc.yaml").is_file()


def test_a_keyword_that_nobody_can_say_leaves_nothing(tmp_path):
    with pytest.raises(ParamsError, match="keyword"):
        create(tmp_path / "new" / "x", "!!!")
    assert not (tmp_path / "new" / "x").exists()
    assert everything(tmp_path / "new") == []


def test_a_failure_on_the_way_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise KwsError("the disk is gone")

    monkeypatch.setattr(creating, "_write_files", fail)
    with pytest.raises(KwsError, match="the disk is gone"):
        create(tmp_path / "lumen", "hey lumen")
    assert everything(tmp_path) == []


def test_what_came_there_meanwhile_stays(tmp_path, monkeypatch):
    place = tmp_path / "lumen"

    def somebody_else(_: Path) -> None:
        place.mkdir()
        (place / "note.txt").write_text("theirs")

    monkeypatch.setattr(creating, "to_disk", somebody_else)
    with pytest.raises(ProjectExistsError, match="another process"):
        create(place, "hey lumen")
    assert everything(tmp_path) == ["lumen", "lumen/note.txt"]


def test_without_a_name_for_git_the_files_wait_to_be_committed(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    made = create(tmp_path / "lumen", "hey lumen")
    assert not made["committed"]
    staged = git(tmp_path / "lumen", "diff", "--cached", "--name-only", "--root").splitlines()
    assert len(staged) == made["files"] > 10


def test_in_a_folder_of_a_greater_repository_it_becomes_a_part_of_that(tmp_path):
    git(tmp_path, "init", "--quiet")
    made = create(tmp_path / "words" / "lumen", "hey lumen")
    project = tmp_path / "words" / "lumen"
    assert not (project / ".git").exists()
    assert not made["committed"]
    assert plain((project / "params.yaml").read_text())["keyword"]["text"] == "hey lumen"
    done = subprocess.run(["dvc", "root"], cwd=project / "data", capture_output=True, text=True, check=True)
    assert (project / "data" / done.stdout.strip()).resolve() == project
