"""The page on Python says what happens: its examples run, in a small project."""

import re

import pytest
from imports import ROOT


def examples(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.M | re.S)


def test_the_examples_on_sounds_and_datasets_run_one_after_the_other(built, capsys):
    pytest.importorskip("livekit.wakeword", reason="the extra `mine` is not installed")
    names: dict[str, object] = {}
    run = [code for code in examples("python.md") if "load_detector" not in code]
    for code in run:
        exec(compile(code, "docs/python.md", "exec"), names)
    assert len(run) == 5
    assert len(names["clips"]) > 0
    assert "tone" in capsys.readouterr().out
