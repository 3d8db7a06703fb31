"""`detect` over files of every kind: the same events as the evaluator's, with memory that does not grow."""

import json
import queue
import sys
import tracemalloc
import types

import numpy as np
import pytest
import soundfile
import soxr

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import AudioError, MissingExtraError, ParamsError, StageInputError
from kwsdata.files import read_json, write_json
from kwstrain.decoder import Decoder
from kwstrain.detect.command import detect
from kwstrain.detect.sound import at_project_rate, file_blocks
from kwstrain.runtime import StreamingModel

BEEPS = [(2.0, 1000.0, 0.1), (5.0, 3000.0, 0.1), (8.0, 1000.0, 0.1)]
DECISION_S = 0.02


@pytest.fixture(scope="module")
def setting(tmp_path_factory, tone_model_dir):
    path = tmp_path_factory.mktemp("setting") / "operating_point.json"
    sha = read_json(tone_model_dir / "model.json")["sha256"]
    write_json(
        path, {"threshold": 0.5, "smooth": 1, "n": 3, "m": 5, "lockout_s": 1.0, "model_sha256": sha, "keyword": "beep"}
    )
    return path


@pytest.fixture
def heard(tone_model_dir, setting):
    """Return a function that runs `detect` and gives its lines."""

    def run(files, **options) -> list[str]:
        lines: list[str] = []
        count = detect(files, tone_model_dir, setting, write=lines.append, **options)
        assert count == len(lines)
        return lines

    return run


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
    expected = Decoder(0.5, 3, 5, 1.0).push(*StreamingModel(tone_model_dir).process(beep(10.0, BEEPS)))
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
    expected = Decoder(0.5, 3, 5, 1.0).push(*StreamingModel(tone_model_dir).process(wave))
    assert [float(line.split("\t")[1]) for line in heard([tmp_path / "a.wav"])] == pytest.approx(
        [event.time_s for event in expected], abs=5e-4
    )
    assert len(expected) == 5


def test_a_keyword_at_the_very_end_is_decided_and_the_trace_stays_the_files(heard, beep, tone_model_dir, tmp_path):
    # The beep sounds for 0.05 s before the file breaks off: too short for three decisions without what comes after.
    wave = beep(3.0, [(2.95, 1000.0, 0.1)])
    soundfile.write(tmp_path / "a.wav", wave, SAMPLE_RATE, subtype="FLOAT")
    time_s, score = StreamingModel(tone_model_dir).process(wave)
    alone = Decoder(0.5, 3, 5, 1.0).push(time_s, score)
    lines = heard([tmp_path / "a.wav"], trace=tmp_path / "trace.npz")
    assert len(alone) == 0
    assert len(lines) == 1
    assert float(lines[0].split("\t")[1]) == pytest.approx(3.0, abs=0.1)
    np.testing.assert_allclose(np.load(tmp_path / "trace.npz")["time_s"], time_s, atol=1e-9)


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
    assert heard([tmp_path / "a.wav"], threshold=1.5) == []
    with pytest.raises(ParamsError, match="above 0"):
        heard([tmp_path / "a.wav"], threshold=0.0)


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


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_resampling_in_blocks_is_resampling_at_once(rate):
    wave = np.random.default_rng(0).normal(0, 0.1, 2 * rate).astype(np.float32)
    cuts = np.sort(np.random.default_rng(1).integers(0, wave.size, 9))
    blocks = np.concatenate(list(at_project_rate(np.split(wave, cuts), rate)))
    assert np.allclose(blocks, soxr.resample(wave, rate, SAMPLE_RATE, quality="HQ"), atol=1e-6)


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


def test_what_is_no_sound_is_named(heard, tmp_path):
    (tmp_path / "text.wav").write_text("not a sound")
    with pytest.raises(AudioError, match=r"text\.wav cannot be decoded"):
        heard([tmp_path / "text.wav"])
    with pytest.raises(AudioError, match=r"none\.wav is missing"):
        heard([tmp_path / "none.wav"])
    with pytest.raises(AudioError, match="is a directory"):
        list(file_blocks(tmp_path))


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


def test_the_microphone_without_its_package(heard, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"kwsdata\[mic\]"):
        heard([], mic=True)


class InterruptedQueue(queue.SimpleQueue):
    """A queue whose reader presses Ctrl-C once it is empty."""

    def get(self):
        if self.empty():
            raise KeyboardInterrupt
        return super().get()


def fake_sounddevice(wave, rate, closed):
    """Return a module in the shape of `sounddevice` whose microphone hears `wave` at `rate`."""

    class InputStream:
        def __init__(self, samplerate, channels, dtype, blocksize, callback):
            assert (samplerate, channels, dtype) == (rate, 1, "float32")
            self.blocksize, self.callback = blocksize, callback

        def __enter__(self):
            for start in range(0, wave.size, self.blocksize):
                block = wave[start : start + self.blocksize, None]
                self.callback(block, len(block), None, None)

        def __exit__(self, *error):
            closed.append(True)

    return types.SimpleNamespace(
        InputStream=InputStream,
        PortAudioError=type("PortAudioError", (Exception,), {}),
        query_devices=lambda kind: {"default_samplerate": float(rate)},
    )


def test_the_microphone_is_heard_until_interrupted(heard, beep, monkeypatch, tmp_path):
    closed: list[bool] = []
    fake = fake_sounddevice(soxr.resample(beep(10.0, BEEPS), SAMPLE_RATE, 44_100), 44_100, closed)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr("kwstrain.detect.microphone.queue.Queue", InterruptedQueue)
    lines = heard([], mic=True, trace=tmp_path / "t.npz")
    assert [float(line.split("\t")[1]) for line in lines] == pytest.approx([2.05, 8.05], abs=0.05)
    assert closed == [True]
    with np.load(tmp_path / "t.npz") as trace:
        assert trace["time_s"][-1] == pytest.approx(10, abs=0.2)
