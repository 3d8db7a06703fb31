"""`detect --esphome`: the file that ESPHome runs, in the package that people have, by the rule in its manifest."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from peers import micro_wake_word_scores, package_dir

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.runtime.detect.command import detect
from kwsdata.runtime.detect.esphome import LOCKOUT_S, EspHomeDetector, find_manifest

pytest.importorskip("pymicro_wakeword", reason="the extra `esphome` is not installed")


@pytest.fixture(scope="module")
def spoken_alexa() -> np.ndarray:
    """The word of one of the package's models, said four times by two voices, float32 [samples]."""
    pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")
    from spoken import spoken

    words = [spoken("alexa", voice) for voice in ("Andrea", "Alex", "Andrea", "Alex")]
    return np.concatenate([np.pad(word, (round(1.5 * SAMPLE_RATE), 0)) for word in words])


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder `esphome` as a bundle has it, with a model of microWakeWord's in it."""
    (tmp_path / "esphome").mkdir()
    for name in ("alexa.json", "alexa.tflite"):
        shutil.copy(package_dir("pymicro_wakeword") / "models" / name, tmp_path / "esphome")
    return tmp_path / "esphome"


def test_events_follow_the_rule_of_the_manifest(folder, spoken_alexa):
    detector = EspHomeDetector(folder)
    blocks = np.array_split(spoken_alexa, 7)  # events do not depend on how the sound comes
    found = list(detector.events(blocks))
    assert 2 <= len(found) <= 4

    micro = json.loads((folder / "alexa.json").read_text())["micro"]
    window, stride = micro["sliding_window_size"], detector._model.stride
    heard = np.concatenate([spoken_alexa, np.zeros(SAMPLE_RATE // 2, np.float32)])
    scores = micro_wake_word_scores(folder / "alexa.json", heard)
    expected, silent_until_s = [], LOCKOUT_S
    for k in range(window - 1, len(scores)):
        time_s = (480 + ((k + 1) * stride - 1) * 160) / SAMPLE_RATE
        mean = scores[k - window + 1 : k + 1].mean()
        if mean > micro["probability_cutoff"] and time_s >= silent_until_s:
            expected.append((time_s, mean))
            silent_until_s = time_s + LOCKOUT_S
    assert [event.time_s for event in found] == pytest.approx([time_s for time_s, _ in expected])
    assert [event.score for event in found] == pytest.approx([mean for _, mean in expected], abs=1e-6)


def test_a_second_stream_begins_anew(folder, spoken_alexa):
    detector = EspHomeDetector(folder)
    assert list(detector.events([spoken_alexa])) == list(detector.events([spoken_alexa]))
    assert list(detector.events([np.zeros(5 * SAMPLE_RATE, np.float32)])) == []


def test_the_command_prints_its_events(folder, spoken_alexa, tmp_path):
    soundfile.write(tmp_path / "a.wav", spoken_alexa, SAMPLE_RATE)
    lines: list[str] = []
    count = detect([tmp_path / "a.wav"], esphome=folder, as_json=True, write=lines.append)
    rows = [json.loads(line) for line in lines]
    assert count == len(rows) >= 2
    assert {row["keyword"] for row in rows} == {"Alexa"}


@pytest.mark.parametrize("name", ["esphome", "esphome/alexa.json", ".", "bundle.json"])
def test_a_manifest_is_found_by_the_names_people_give(folder, name):
    (folder.parent / "bundle.json").write_text("{}")
    assert find_manifest(folder.parent / name) == folder / "alexa.json"


def test_what_is_no_manifest_is_told(folder):
    with pytest.raises(StageInputError, match="more than one manifest"):
        shutil.copy(folder / "alexa.json", folder / "other.json")
        EspHomeDetector(folder)
    (folder / "other.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(StageInputError, match=r"other\.json is no manifest"):
        EspHomeDetector(folder / "other.json")
    (folder / "alexa.tflite").unlink()
    with pytest.raises(StageInputError, match="copy both files"):
        EspHomeDetector(folder / "alexa.json")
    with pytest.raises(StageInputError, match=r"features\.frontend to micro"):
        EspHomeDetector(folder.parent / "nowhere")


@pytest.mark.parametrize(
    "other", [{"threshold": 0.5}, {"model": "a.onnx"}, {"bundle": Path()}, {"trace": Path("t.npz")}]
)
def test_what_the_manifest_decides_is_asked_for_nowhere_else(folder, other):
    with pytest.raises(ParamsError, match="--esphome decides by its manifest"):
        detect(["a.wav"], esphome=folder, **other)


@pytest.mark.parametrize("name", ["../alexa.tflite", "/etc/passwd", "", "a/../../alexa.tflite", 7, None, "con\x00"])
def test_a_model_outside_of_the_folder_is_refused(folder, name):
    shutil.copy(folder / "alexa.tflite", folder.parent)
    values = json.loads((folder / "alexa.json").read_text())
    (folder / "alexa.json").write_text(json.dumps(values | {"model": name}))
    with pytest.raises(StageInputError, match="alexa.json is no manifest"):
        EspHomeDetector(folder)


@pytest.mark.parametrize("name", ["alexa.json", "alexa.tflite"])
def test_a_link_is_refused(folder, name):
    (folder / name).rename(folder.parent / name)
    (folder / name).symlink_to(folder.parent / name)
    with pytest.raises(StageInputError, match=f"{name} is a link"):
        EspHomeDetector(folder)


def test_json_without_end_is_refused_in_one_line(folder):
    (folder / "alexa.json").write_text('{"a":' * 100_000)
    with pytest.raises(StageInputError) as error:
        EspHomeDetector(folder)
    assert "\n" not in str(error.value)
