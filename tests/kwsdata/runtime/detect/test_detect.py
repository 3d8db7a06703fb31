"""`detect` over files of every kind: the same events as the evaluator's, with memory that does not grow."""

import json
import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr
from decoders import config
from starts import starts

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import AudioError, ParamsError, StageInputError
from kwsdata.files.atomic import read_json, write_json
from kwsdata.runtime.decoder import Decoder
from kwsdata.runtime.detect.command import detect
from kwsdata.runtime.detect.gain import amplified
from kwsdata.runtime.networks.model import StreamingModel

BEEPS = [(2.0, 1000.0, 0.1), (5.0, 3000.0, 0.1), (8.0, 1000.0, 0.1)]  # of which the model hears the first and third
DECISION_S = 0.02


@pytest.mark.parametrize(
    ("name", "rate", "channels", "tolerance_s"),
    [  # A filter or codec that spreads the tone's onset may move the detection by two decisions.
        ("a.wav", 16_000, 1, 5e-4),
        ("b.wav", 44_100, 2, 2.1 * DECISION_S),
        ("c.flac", 48_000, 2, 2.1 * DECISION_S),
        ("d.ogg", 44_100, 2, 2.1 * DECISION_S),
        ("e.mp3", 22_050, 1, 0.1),  # MP3 delays the sound
        ("f.wav", 8_000, 1, 2.1 * DECISION_S),
    ],
)
def test_events_of_any_kind_of_file(heard, beep, tone_model_dir, tmp_path, name, rate, channels, tolerance_s):
    expected = Decoder(config(0.5, 3, 5, 1.0)).push(*StreamingModel(tone_model_dir).process(beep(10.0, BEEPS)))
    assert [event.time_s for event in expected] == pytest.approx([2.05, 8.05], abs=0.05)
    wave = soxr.resample(beep(10.0, BEEPS), SAMPLE_RATE, rate)
    soundfile.write(tmp_path / name, np.stack([wave] * channels, axis=1), rate)
    lines = [line.split("\t") for line in heard([tmp_path / name])]
    assert [line[0] for line in lines] == [str(tmp_path / name)] * 2
    assert [float(line[1]) for line in lines] == pytest.approx([event.time_s for event in expected], abs=tolerance_s)
    assert all(0.5 <= float(line[2]) <= 1 for line in lines)


def test_events_are_those_of_the_whole_sound_at_once(heard, beep, tone_model_dir, tmp_path):
    wave = beep(60.0, [(t, 1000.0, 0.02) for t in (3.0, 4.9, 9.95, 30.0, 59.5)])  # some across 5 s blocks
    soundfile.write(tmp_path / "a.wav", wave, SAMPLE_RATE, subtype="FLOAT")
    expected = Decoder(config(0.5, 3, 5, 1.0)).push(*StreamingModel(tone_model_dir).process(wave))
    assert [float(line.split("\t")[1]) for line in heard([tmp_path / "a.wav"])] == pytest.approx(
        [event.time_s for event in expected], abs=5e-4
    )
    assert len(expected) == 5


def test_a_keyword_at_the_very_end_is_decided_and_the_trace_stays_the_files(heard, beep, tone_model_dir, tmp_path):
    # The beep sounds for 0.05 s before the file breaks off: too short for three decisions without what comes after.
    wave = beep(3.0, [(2.95, 1000.0, 0.1)])
    soundfile.write(tmp_path / "a.wav", wave, SAMPLE_RATE, subtype="FLOAT")
    time_s, score = StreamingModel(tone_model_dir).process(wave)
    alone = Decoder(config(0.5, 3, 5, 1.0)).push(time_s, score)
    lines = heard([tmp_path / "a.wav"], trace=tmp_path / "trace.npz")
    assert len(alone) == 0
    assert len(lines) == 1
    assert float(lines[0].split("\t")[1]) == pytest.approx(3.0, abs=0.1)
    np.testing.assert_allclose(np.load(tmp_path / "trace.npz")["time_s"], time_s, atol=1e-9)


def test_a_start_sets_nothing_off_before_its_warm_up(heard, beep, tmp_path):
    """A keyword that begins with the file is heard as soon as scores count; of quiet sound nothing is."""
    at_once = beep(1.0, [(0.0, 1000.0, 0.1)])
    for name, wave in (starts() | {"at once": at_once}).items():
        soundfile.write(tmp_path / f"{name}.wav", wave, SAMPLE_RATE, subtype="FLOAT")
        fired = [float(line.split("\t")[1]) for line in heard([tmp_path / f"{name}.wav"])]
        assert all(time_s >= 0.2 for time_s in fired), name
        if name.startswith(("nothing", "silence", "one", "dither", "hiss", "dc")):
            assert fired == [], name
        if name == "at once":
            assert fired == [pytest.approx(0.2 + 2 * DECISION_S, abs=DECISION_S)]


def test_json_lines_and_several_files(heard, beep, tmp_path):
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, beep(10.0, BEEPS), SAMPLE_RATE)
    rows = [json.loads(line) for line in heard([tmp_path / "a.wav", tmp_path / "b.wav"], as_json=True)]
    assert [row["file"].rsplit("/", 1)[-1] for row in rows] == ["a.wav", "a.wav", "b.wav", "b.wav"]
    assert {row["keyword"] for row in rows} == {"beep"}
    assert rows[0]["time_s"] == rows[2]["time_s"] == pytest.approx(2.05, abs=0.05)  # each file is a stream of its own


def test_another_threshold(heard, beep, tmp_path):
    soundfile.write(tmp_path / "a.wav", beep(10.0, [(2.0, 1000.0, 0.01)]), SAMPLE_RATE)
    assert len(heard([tmp_path / "a.wav"], threshold=0.05)) == 1
    assert heard([tmp_path / "a.wav"], threshold=1.0) == []


@pytest.mark.parametrize("threshold", [1.5, 1.0001, 0.0, -0.1, np.nan, np.inf, -np.inf, 1e-300])
def test_a_threshold_that_no_score_can_have_is_refused(heard, threshold):
    with pytest.raises(ParamsError, match=r"--threshold .*: it must be above 0 and at most 1"):
        heard(["a.wav"], threshold=threshold)


def test_the_trace_is_the_models_score_before_the_vote(heard, beep, tone_model_dir, tmp_path):
    wave = beep(12.0, BEEPS)
    soundfile.write(tmp_path / "a.wav", wave, SAMPLE_RATE, subtype="FLOAT")
    heard([tmp_path / "a.wav"], trace=tmp_path / "out" / "trace.npz")
    time_s, score = StreamingModel(tone_model_dir).process(wave)
    with np.load(tmp_path / "out" / "trace.npz") as trace:
        assert sorted(trace.files) == ["score", "time_s"]
        assert trace["score"].dtype == np.float32
        assert np.array_equal(trace["time_s"], time_s)
        assert np.allclose(trace["score"], score, atol=1e-6)


def test_no_trace_is_left_of_a_file_that_breaks_off(heard, beep, tmp_path):
    soundfile.write(tmp_path / "a.flac", beep(30.0, BEEPS), SAMPLE_RATE)
    data = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(data[: len(data) // 2] + bytes(1000))
    with pytest.raises(AudioError, match=r"a\.flac cannot be decoded past 1\d\.\d s"):
        heard([tmp_path / "a.flac"], trace=tmp_path / "trace.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.flac"]


def test_memory_is_constant_over_an_hour(tone_model_dir, setting, beep, tmp_path):
    """Peak memory of an hour is that of a minute; 1 MiB of slack is 0.5 % of the hour's samples."""
    minute = soxr.resample(beep(60.0, BEEPS), SAMPLE_RATE, 8000)

    def peak_bytes(minutes: int) -> tuple[int, int]:
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 8000, 1, "PCM_U8") as file:
            for _ in range(minutes):
                file.write(minute)
        lines: list[str] = []
        tracemalloc.start()
        try:
            detect([path], tone_model_dir, setting, trace=tmp_path / "trace.npz", write=lines.append)
            return tracemalloc.get_traced_memory()[1], len(lines)
        finally:
            tracemalloc.stop()

    one, _ = peak_bytes(1)
    hour, events = peak_bytes(60)
    assert events == 120
    assert hour < one + 2**20
    with np.load(tmp_path / "trace.npz") as trace:
        assert trace["time_s"][-1] == pytest.approx(3600, abs=0.05)
        assert trace["score"].size == 180_000 - 1


def test_an_operating_point_of_another_model_is_refused(tone_model_dir, setting, tmp_path):
    other = read_json(setting) | {"model_sha256": "0" * 64}
    write_json(tmp_path / "other.json", other)
    with pytest.raises(StageInputError, match="measured with another model"):
        detect(["x.wav"], tone_model_dir, tmp_path / "other.json")
    del other["m"]
    write_json(tmp_path / "other.json", other)
    with pytest.raises(StageInputError, match="lacks m: type"):
        detect(["x.wav"], tone_model_dir, tmp_path / "other.json")


def test_an_empty_file_has_no_event(heard, tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 44_100)
    assert heard([tmp_path / "empty.wav"], trace=tmp_path / "t.npz") == []
    with np.load(tmp_path / "t.npz") as trace:
        assert trace["time_s"].size == 0


def test_files_or_microphone_and_one_trace(heard):
    with pytest.raises(ParamsError, match="sound files or --mic"):
        heard([])
    with pytest.raises(ParamsError, match="sound files or --mic"):
        heard(["a.wav"], mic=True)
    with pytest.raises(ParamsError, match="one file, got 2"):
        heard(["a.wav", "b.wav"], trace="t.npz")


def test_a_gain_makes_quiet_sound_heard_and_cuts_off_what_passes_full_scale(heard, beep, tmp_path):
    soundfile.write(tmp_path / "quiet.wav", 0.001 * beep(10.0, BEEPS), SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "loud.wav", beep(10.0, BEEPS), SAMPLE_RATE, subtype="FLOAT")
    times = {
        name: [float(line.split("\t")[1]) for line in heard([tmp_path / f"{name}.wav"], gain_db=gain_db)]
        for name, gain_db in (("quiet", 60.0), ("loud", 0.0))
    }
    assert heard([tmp_path / "quiet.wav"]) == []
    assert times["quiet"] == pytest.approx(times["loud"], abs=DECISION_S)
    (block,) = amplified([np.array([-0.5, 0.001, 0.5], np.float32)], 20.0)
    np.testing.assert_allclose(block, [-1.0, 0.01, 1.0], rtol=1e-6)
    for gain_db in (float("nan"), 81.0, -81.0):
        with pytest.raises(ParamsError, match="--gain-db"):
            heard([tmp_path / "loud.wav"], gain_db=gain_db)
