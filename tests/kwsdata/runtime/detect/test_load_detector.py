"""The detector that programs open hears what `kwstrain detect` hears."""

import re
from pathlib import Path

import pytest
import soundfile
from imports import ROOT

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import AudioError
from kwstrain import Detector, load_detector


@pytest.fixture
def kitchen(beep, tmp_path, monkeypatch) -> Path:
    """A file `kitchen.wav` in the current directory, with the keyword at 2 s and 8 s."""
    monkeypatch.chdir(tmp_path)
    soundfile.write(
        "kitchen.wav", beep(10.0, [(2.0, 1000.0, 0.1), (5.0, 3000.0, 0.1), (8.0, 1000.0, 0.1)]), SAMPLE_RATE
    )
    return tmp_path / "kitchen.wav"


def test_events_are_those_of_the_command(kitchen, heard, tone_model_dir, setting):
    detector = load_detector(tone_model_dir, operating_point=setting)
    assert isinstance(detector, Detector)
    lines = [f"{kitchen}\t{event.time_s:.3f}\t{event.score:.4f}" for event in detector.listen(kitchen)]
    assert lines == heard([kitchen])
    assert len(lines) == 2
    assert len(list(detector.listen(kitchen))) == 2  # a new stream each time


def test_a_file_that_is_not_there_is_told(kitchen, tone_model_dir, setting):
    with pytest.raises(AudioError, match=r"hall\.wav is missing"):
        list(load_detector(tone_model_dir, operating_point=setting).listen("hall.wav"))


def test_the_example_of_the_page_runs(kitchen, tone_model_dir, setting, capsys):
    page = (ROOT / "docs" / "python.md").read_text()
    (code,) = [code for code in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S) if "load_detector" in code]
    opened = f"load_detector({str(tone_model_dir)!r}, operating_point={str(setting)!r})"
    exec(compile(code.replace('load_detector("data/bundle")', opened), "docs/python.md", "exec"), {})
    times_s = [float(line.split(" s: ")[0]) for line in capsys.readouterr().out.splitlines()]
    assert times_s == pytest.approx([2.05, 8.05], abs=0.05)
