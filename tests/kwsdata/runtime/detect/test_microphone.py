"""The microphone: which one, until when, how loud; with a fake of `sounddevice`."""

import io
import queue
import sys
import types

import numpy as np
import pytest
import soxr

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import AudioError, MissingExtraError
from kwsdata.runtime.detect.meter import Meter
from kwsdata.runtime.detect.microphone import microphones

BEEPS = [(2.0, 1000.0, 0.1), (5.0, 3000.0, 0.1), (8.0, 1000.0, 0.1)]  # of which the model hears the first and third
DEVICES = [
    {"name": "HDMI out", "max_input_channels": 0, "default_samplerate": 48_000.0, "index": 0},
    {"name": "Built-in mic", "max_input_channels": 2, "default_samplerate": 44_100.0, "index": 1},
    {"name": "USB array", "max_input_channels": 4, "default_samplerate": 16_000.0, "index": 2},
]


class InterruptedQueue(queue.SimpleQueue):
    """A queue whose reader presses Ctrl-C once it is empty."""

    def get(self):
        if self.empty():
            raise KeyboardInterrupt
        return super().get()


class FakeSoundDevice(types.SimpleNamespace):
    """A module in the shape of `sounddevice`, whose microphones hear `wave`, float32 at 16 kHz."""

    class PortAudioError(Exception):
        pass

    def __init__(self, wave, default: int | None = 1, refuses: bool = False, overflows: bool = False) -> None:
        super().__init__(wave=wave, default=default, refuses=refuses, overflows=overflows, opened=[], closed=0)

    def query_devices(self, device=None, kind=None):
        if device is None and kind is None:
            return DEVICES
        found = [
            entry
            for entry in DEVICES
            if (
                entry["index"] == device if isinstance(device, int) else (device or "").lower() in entry["name"].lower()
            )
            and entry["max_input_channels"] > 0
        ]
        if device is None:
            if self.default is None:
                raise self.PortAudioError("Error querying device -1")
            return DEVICES[self.default]
        if len(found) != 1:
            raise ValueError(f"{'Multiple' if found else 'No'} input device matching {device!r}")
        return found[0]

    def InputStream(self, device, samplerate, channels, dtype, blocksize, callback):  # as sounddevice has it
        if self.refuses:
            raise self.PortAudioError("Device unavailable")
        assert (channels, dtype) == (1, "float32")
        self.opened.append((device, samplerate))
        return FakeStream(self, soxr.resample(self.wave, SAMPLE_RATE, samplerate), blocksize, callback)


class FakeStream:
    def __init__(self, module, wave, blocksize, callback) -> None:
        self.module, self.wave, self.blocksize, self.callback = module, wave, blocksize, callback

    def __enter__(self):
        for start in range(0, self.wave.size, self.blocksize):
            block = self.wave[start : start + self.blocksize, None]
            self.callback(block, len(block), None, "input overflow" if self.module.overflows else None)

    def __exit__(self, *error):
        self.module.closed += 1


@pytest.fixture
def fake(beep, monkeypatch):
    """Return a function that puts a fake in the place of `sounddevice`."""

    def put(wave=None, **how) -> FakeSoundDevice:
        made = FakeSoundDevice(beep(10.0, BEEPS) if wave is None else wave, **how)
        monkeypatch.setitem(sys.modules, "sounddevice", made)
        monkeypatch.setattr("kwsdata.runtime.detect.microphone.queue.Queue", InterruptedQueue)
        return made

    return put


@pytest.mark.parametrize(
    ("device", "opened"),
    [
        (None, (None, 44_100)),
        ("1", (1, 44_100)),
        ("2", (2, 16_000)),
        ("usb", ("usb", 16_000)),
        ("Built", ("Built", 44_100)),
    ],
)
def test_the_microphone_asked_for_is_heard_until_interrupted(heard, fake, tmp_path, device, opened):
    made = fake()
    lines = heard([], mic=True, device=device, trace=tmp_path / "t.npz")
    assert [float(line.split("\t")[1]) for line in lines] == pytest.approx([2.05, 8.05], abs=0.05)
    assert all(line.startswith("microphone\t") for line in lines)
    assert made.opened == [opened]
    assert made.closed == 1
    with np.load(tmp_path / "t.npz") as trace:
        assert trace["time_s"][-1] == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize(
    ("device", "how", "says"),
    [
        ("0", {}, "the microphone '0' cannot be opened .*--list-devices"),
        ("7", {}, "the microphone '7' cannot be opened"),
        ("webcam", {}, "the microphone 'webcam' cannot be opened .No input device matching"),
        ("", {}, "the microphone '' cannot be opened"),
        (None, {"default": None}, "no microphone can be opened .*--list-devices"),
        (None, {"refuses": True}, "no microphone can be opened .Device unavailable"),
        ("2", {"refuses": True}, "the microphone '2' cannot be opened .Device unavailable"),
    ],
)
def test_a_microphone_that_is_not_there_is_told_with_the_next_step(heard, fake, device, how, says):
    fake(**how)
    with pytest.raises(AudioError, match=says):
        heard([], mic=True, device=device)


def test_microphones_are_listed(fake):
    fake()
    assert microphones() == ["1\tBuilt-in mic\t2 channels\t44100 Hz\tdefault", "2\tUSB array\t4 channels\t16000 Hz"]
    fake(default=None)
    assert not any("default" in line for line in microphones())


def test_the_microphone_without_its_package(heard, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"kwsdata\[mic\]"):
        heard([], mic=True)
    with pytest.raises(MissingExtraError, match=r"kwsdata\[mic\]"):
        microphones()


def test_lost_sound_is_told_once(heard, fake):
    fake(overflows=True)
    told: list[str] = []
    heard([], mic=True, warn=told.append)
    assert len(told) == 1
    assert "some sound of the microphone was lost" in told[0]


def test_a_sample_that_is_no_number_does_not_stay(heard, fake, beep):
    wave = beep(10.0, BEEPS)
    wave[16_000:16_010] = np.nan
    fake(wave, default=2)
    assert len(heard([], mic=True)) == 2


def test_a_microphone_that_hears_nothing_is_told_once(heard, fake):
    fake(np.zeros(20 * SAMPLE_RATE, np.float32))
    told: list[str] = []
    assert heard([], mic=True, warn=told.append) == []
    assert len(told) == 1
    assert "nothing comes in from the microphone" in told[0] and "--device" in told[0]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO) -> list[str]:
    return [line for line in out.getvalue().replace("\x1b[K", "").split("\r") if line]


@pytest.mark.parametrize(
    ("level", "reads"), [(1.0, "0 dBFS"), (0.1, "-20 dBFS"), (0.01, "-40 dBFS"), (0.0, "-99 dBFS")]
)
def test_the_meter_reads_the_peak(level, reads):
    out = Terminal()
    meter = Meter(out, lambda line: None)
    list(meter.through([np.full(1600, level, np.float32)]))
    (line,) = shown(out)
    assert line.strip().startswith(reads)
    assert line.count("#") == round(30 * max(0.0, 1 + 20 * np.log10(max(level, 1e-3)) / 60))
    assert ("too loud" in line) == (level >= 1)


def test_the_meter_is_read_ten_times_a_second_whatever_the_blocks_and_shows_the_loudest_between():
    out, now = Terminal(), [0.0]
    meter = Meter(out, lambda line: None, clock=lambda: now[0])
    for block in range(100):
        list(meter.through([np.full(160, 0.1 if block % 10 == 5 else 0.001, np.float32)]))
        now[0] += 0.01
    assert len(shown(out)) == pytest.approx(10, abs=1)
    assert all("-20 dBFS" in line for line in shown(out)[1:])


def test_the_meter_is_for_terminals():
    out = io.StringIO()
    meter = Meter(out, lambda line: None)
    blocks = [np.full(1600, 0.1, np.float32)] * 20
    assert all(a is b for a, b in zip(meter.through(blocks), blocks, strict=True))
    meter.clear()
    assert out.getvalue() == ""


def test_the_meter_is_taken_off_before_other_lines():
    out = Terminal()
    meter = Meter(out, lambda line: None)
    list(meter.through([np.full(1600, 0.1, np.float32)]))
    meter.clear()
    assert out.getvalue().endswith("\r\x1b[K")
    meter.clear()
    assert out.getvalue().count("\x1b[K") == 2  # one of the reading, one of the clearing


@pytest.mark.parametrize(("level", "warned"), [(1e-6, 1), (2e-5, 1), (1e-4, 0), (0.1, 0)])
def test_only_what_no_open_microphone_gives_counts_as_nothing(level, warned):
    told: list[str] = []
    meter = Meter(io.StringIO(), told.append)
    list(meter.through([np.full(1600, level, np.float32)] * 100))
    assert len(told) == warned
