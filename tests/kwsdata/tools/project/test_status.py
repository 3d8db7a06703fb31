"""What is stale is said in words, with the numbers, whatever DVC calls it."""

import json

import pytest

from kwsdata.errors import KwsError
from kwsdata.tools.project import status as asking
from kwsdata.tools.project.status import status

PIPELINE = """
stages:
  make:
    cmd: kwsdata make
    params: [make, code.yaml: [stages.make]]
    outs: [data/made]
  cut:
    cmd: kwsdata cut
    deps: [data/made, kwsdata/cut]
    params: [cut]
    outs: [data/cuts]
  count:
    cmd: kwsdata count
    deps: [data/cuts/list.txt]
    outs: [data/count]
  other:
    cmd: kwsdata other
    deps: [data/corpora]
    outs: [data/other]
"""
LOCK = """
schema: '2.0'
stages:
  make: {params: {params.yaml: {make: {steps: 3, speed: {low: 1, high: 2}, old: 1}}}}
  cut: {}
  count: {}
  other: {}
"""


@pytest.fixture
def say(tmp_path, monkeypatch):
    """Return the status of a project in which DVC says `changes`."""
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "params.yaml").write_text("make: {steps: 4, speed: {low: 1, high: 3}, new: null}\ncut: {}\n")

    def said(changes):
        monkeypatch.setattr(asking, "_ask_dvc", lambda _: changes)
        return status(tmp_path)

    return said


def test_nothing_stale_is_one_line(say):
    here = say({})
    assert here.lines() == ["All 4 stages are up to date."]
    assert here.current == ["make", "cut", "count", "other"]


def test_numbers_are_shown_as_they_are_and_were(say):
    here = say({"make": [{"changed deps": {"params.yaml": {"make": "modified"}}}]})
    (why,) = here.stale["make"]
    assert "make.steps is 4, was 3" in why
    assert "make.speed.high is 3, was 2" in why
    assert "make.old is gone" in why
    assert "make.new is new" in why
    assert "make.speed.low" not in why
    assert (here.following, here.current) == (["cut", "count"], ["other"])


def test_code_is_told_from_data_in_both_kinds_of_projects(say):
    here = say(
        {
            "make": [{"changed deps": {"code.yaml": {"stages.make": "modified"}}}],
            "cut": [{"changed deps": {f"kwsdata/cut/{name}.py": "modified" for name in "abcdefg"}}],
            "other": [{"changed deps": {"data/corpora": "modified"}}, "changed command"],
        }
    )
    assert here.stale["make"] == ["its code is of another version"]
    assert here.stale["cut"][0].endswith("kwsdata/cut/e.py, and 2 more)")
    assert here.stale["other"] == ["data/corpora changed", "its command is another"]
    assert here.following == ["count"]


def test_a_stage_that_is_not_in_the_lock_has_not_run(say, tmp_path):
    (tmp_path / "dvc.lock").unlink()
    here = say({name: [{"changed outs": {f"data/{name}": "deleted"}}] for name in ("make", "cut")})
    assert here.stale == {"make": ["not run yet"], "cut": ["not run yet"]}
    assert "  make, cut: not run yet" in here.lines()


def test_outputs_and_tracked_data_say_what_to_type(say):
    here = say(
        {
            "cut": [{"changed outs": {"data/cuts": "not in cache"}}],
            "count": [{"changed outs": {"data/count": "modified"}}],
            "data/corpora/us.dvc": [{"changed outs": {"data/corpora/us": "modified"}}],
            "elsewhere/dvc.yaml:train": ["changed command"],
        }
    )
    assert "dvc pull" in here.stale["cut"][0]
    assert "by hand" in here.stale["count"][0]
    assert "dvc add data/corpora/us" in here.data["data/corpora/us.dvc"][0]
    assert set(here.stale) == {"cut", "count"}
    json.dumps(here.as_json())


def test_where_no_pipeline_is_that_is_said(tmp_path):
    with pytest.raises(KwsError, match="project's root"):
        status(tmp_path)


def test_what_dvc_refuses_is_told_in_its_words(tmp_path):
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(KwsError, match="not inside of a DVC repository"):
        status(tmp_path)
