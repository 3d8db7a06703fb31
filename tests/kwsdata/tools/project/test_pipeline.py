"""A project's pipeline is this repository's, but for source files, which became versions."""

import pytest
from imports import PACKAGES

from kwsdata.execution.cache.code import module_file
from kwsdata.tools.project.pipeline import CODE_FILE, followers, module_of, outs_of, project_pipeline, shipped_stages
from kwsdata.tools.project.yaml_text import plain

STAGES = shipped_stages()
MADE = plain(project_pipeline())


def test_stages_and_their_order_and_plots_are_this_repositorys():
    assert list(MADE["stages"]) == list(STAGES)
    assert len(MADE["plots"]) > 0


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_and_writes_the_same_and_depends_on_the_version_of_its_code(name):
    ours, theirs = STAGES[name], MADE["stages"][name]
    assert theirs["cmd"] == ours["cmd"]
    assert outs_of(theirs) == outs_of(ours)
    assert [dep for dep in ours["deps"] if dep.split("/")[0] not in PACKAGES] == theirs.get("deps", [])
    assert theirs["params"] == [*ours.get("params", []), {CODE_FILE: [f"stages.{name}"]}]
    assert module_file(module_of(theirs)) is not None


def test_what_follows_a_stage_reads_what_it_or_another_follower_writes():
    after = followers(STAGES)
    assert after["report"] == []
    assert {"split", "train", "report"} <= set(after["index"])
    assert "simulate_rirs" not in after["synthesize"]
    for name, others in after.items():
        assert name not in others  # no cycle
        for other in others:
            assert set(after[other]) < set(others)
