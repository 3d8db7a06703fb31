"""Other words in a project: each has its numbers and outputs, and the project's imports, rooms and finished work."""

import os
from pathlib import Path

import pytest

from kwsdata.errors import KwsError
from kwsdata.execution.cache.root import tag
from kwsdata.params import load_params
from kwsdata.tools.project.pipeline import SHARED, outs_of
from kwsdata.tools.project.status import Status
from kwsdata.tools.project.upgrade import plan_upgrade
from kwsdata.tools.project.words import add_word, create_words, params_of_words, project_above
from kwsdata.tools.project.yaml_text import plain


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A project of two words, the second one in words/stop_lumen."""
    (tmp_path / "gitconfig").write_text("[user]\n    name = ann\n    email = ann@localhost\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    create_words(tmp_path / "home", ["hey lumen", "stop lumen"])
    return tmp_path / "home"


def stages(folder: Path) -> dict:
    return plain((folder / "dvc.yaml").read_text())["stages"]


def test_a_word_has_its_own_numbers_and_names_the_others(home):
    word = home / "words" / "stop_lumen"
    project, other = (load_params(path / "params.yaml") for path in (home, word))
    assert (project.keyword.text, other.keyword.text) == ("hey lumen", "stop lumen")
    assert (project.index.other_words, other.index.other_words) == (["stop lumen"], ["hey lumen"])
    same = {"keyword", "index"}
    assert project.model_dump(exclude=same) == other.model_dump(exclude=same)
    assert params_of_words(home) == params_of_words(word) == [home / "params.yaml", word / "params.yaml"]


def test_what_is_shared_is_the_projects(home):
    word = home / "words" / "stop_lumen"
    for shared in SHARED:
        assert Path(os.path.realpath(word / shared)) == home / shared
    tag(word / "data" / ".cache")  # a fresh clone has none
    assert (home / "data" / ".cache" / "CACHEDIR.TAG").is_file()
    for name, stage in stages(word).items():
        assert stages(home)[name]["cmd"] == stage["cmd"]
        for dep in stage.get("deps", ()):
            shared = any(f"/{dep}".find(f"/{path}") >= 0 for path in SHARED)
            assert dep.startswith("../../") == shared, f"{name} reads {dep}"
    made_once = stages(home).keys() - stages(word).keys()
    assert made_once == {"simulate_rirs"}
    assert all(path.startswith(SHARED) for name in made_once for path, _ in outs_of(stages(home)[name]))


def test_words_are_upgraded_as_projects_are(home):
    word = home / "words" / "stop_lumen"
    assert plan_upgrade(word).lines()[0].startswith("Nothing to do")
    (word / "code.yaml").write_text((word / "code.yaml").read_text().replace("  train: ", '  train: "0" #'))
    plan = plan_upgrade(word)
    assert (plan.changed, list(plan.files)) == (["train"], ["code.yaml"])
    assert 'shares: "../.."' in plan.files["code.yaml"]


def test_a_word_is_added_once_and_only_to_a_project(home):
    assert project_above(home) is None
    assert project_above(home / "words" / "new") == home
    assert project_above(home / "words" / "stop_lumen" / "words" / "new") is None  # words have no words
    before = (home / "params.yaml").read_bytes()
    with pytest.raises(KwsError, match="is a word of .* already"):
        add_word(home, home / "words" / "again", "Stop Lumen")
    assert not (home / "words" / "again").exists()
    assert (home / "params.yaml").read_bytes() == before


def test_status_says_where_else_something_is_stale():
    here = Status({}, [], ["train"], {}, None, {"words/stop": ["train", "export"]})
    assert here.lines()[0] == "In words/stop, which shares its data: train, export not up to date."
