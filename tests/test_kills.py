"""What is written appears whole or not at all: killed at any step, readers find the old or the new; work goes on."""

import pytest
from kill_points import kill_everywhere
from kill_scenarios import SCENARIOS

# Of the long ones some of the steps; `scripts/kill_points.py` takes them all.
EVERY = {"import": 3, "first import": 4, "publish": 25, "bundle": 4}


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_a_step_readers_find_old_or_new_and_the_next_run_ends_as_if_undisturbed(name, tmp_path, monkeypatch):
    (tmp_path / "base").mkdir()
    monkeypatch.chdir(tmp_path / "base")
    monkeypatch.setenv("KWSDATA_CACHE", str(tmp_path / "cache"))
    scenario = SCENARIOS[name]
    scenario.prepare()
    result = kill_everywhere(tmp_path / "base", tmp_path, scenario.work, scenario.look, EVERY.get(name, 1))
    assert result.wrong == []
    assert result.steps > 5
    assert set(result.states) == {"old", "new"}
