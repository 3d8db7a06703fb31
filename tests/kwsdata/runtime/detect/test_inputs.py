"""What people give a detector to hear, and what it says where that is no sound."""

import io
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from sound_files import NEEDS_FFMPEG, by_ffmpeg, encoded, put_lengths

from kwsdata.audio import SAMPLE_RATE, to_int16
from kwsdata.errors import AudioError, ParamsError
from kwsdata.runtime.detect.command import detect
from kwsdata.soundfiles.pipes import open_pipe

BEEPS = [(1.0, 1000.0, 0.1), (2.5, 3000.0, 0.1)]  # of which the model hears the first


@pytest.fixture(scope="module")
def wave(beep):
    return beep(4.0, BEEPS)


@contextmanager
def piped(data: bytes, chunk: int = 1 << 16):
    """Yield the end of a pipe through which `data` comes, in pieces."""
    out, into = os.pipe()

    def send() -> None:
        with os.fdopen(into, "wb", buffering=0) as pipe, suppress(BrokenPipeError):  # not all is asked for
            for start in range(0, len(data), chunk):
                pipe.write(data[start : start + chunk])

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with os.fdopen(out, "rb") as end:
            yield end
    finally:
        sender.join()


def times(lines) -> list[float]:
    return [float(line.split("\t")[1]) for line in lines]


@pytest.fixture
def one_beep(heard):
    """Assert that one event is heard in the files, about where the beep is; return the lines."""

    def check(*files, tolerance_s=0.06, **options):
        lines = heard(list(files), **options)
        assert times(lines) == pytest.approx([1.05], abs=tolerance_s)
        return lines

    return check


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("chunk", [100, 1 << 16])
@pytest.mark.parametrize(
    "lengths", [None, (0, 0), (36, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000), (0x80000024, 0x80000000)]
)
def test_standard_input(one_beep, wave, monkeypatch, name, chunk, lengths):
    data = encoded(wave[:, None])
    if lengths is not None:
        data = put_lengths(data, *lengths)
    with piped(data, chunk) as end:
        monkeypatch.setattr(sys, "stdin", end)
        (line,) = one_beep(name)
    assert line.startswith(f"{name}\t")


@pytest.mark.parametrize(
    ("kind", "subtype", "rate", "channels"),
    [
        ("WAV", "PCM_U8", 8_000, 1), ("WAV", "PCM_24", 44_100, 2), ("WAV", "FLOAT", 48_000, 2),
        ("WAV", "ULAW", 8_000, 1), ("WAV", "ALAW", 8_000, 2), ("WAV", "DOUBLE", 16_000, 1),
        ("WAVEX", "PCM_16", 16_000, 2), ("RF64", "PCM_16", 16_000, 1),
        ("WAV", "IMA_ADPCM", 16_000, 1), ("FLAC", "PCM_16", 16_000, 2), ("OGG", "VORBIS", 44_100, 1),
        ("MP3", "MPEG_LAYER_III", 44_100, 1), ("AIFF", "PCM_16", 16_000, 1), ("AU", "PCM_16", 16_000, 1),
        ("W64", "PCM_16", 16_000, 1), ("CAF", "PCM_16", 16_000, 1),
    ],
)  # fmt: skip
def test_any_format_comes_through_a_pipe(one_beep, wave, monkeypatch, kind, subtype, rate, channels):
    there = soxr.resample(wave, SAMPLE_RATE, rate)
    with piped(encoded(np.stack([there] * channels, axis=1), kind, subtype, rate)) as end:
        monkeypatch.setattr(sys, "stdin", end)
        one_beep("-", tolerance_s=0.1)


@NEEDS_FFMPEG
def test_what_only_ffmpeg_reads_comes_through_a_pipe_too(one_beep, wave, monkeypatch, tmp_path):
    with piped(by_ffmpeg(wave[:, None], tmp_path / "a.m4a").read_bytes()) as end:
        monkeypatch.setattr(sys, "stdin", end)
        one_beep("-", tolerance_s=0.1)


def test_what_follows_the_samples_in_a_pipe_is_no_sound(one_beep, wave, monkeypatch, tmp_path):
    data = encoded(wave[:, None]) + b"LIST\x04\0\0\0INFO" + b"\x7f" * 100_000
    with piped(data) as end:
        monkeypatch.setattr(sys, "stdin", end)
        one_beep("-", trace=tmp_path / "t.npz")
    assert np.load(tmp_path / "t.npz")["time_s"][-1] == pytest.approx(4.0, abs=0.05)


def test_an_event_of_a_pipe_comes_before_the_pipe_ends(tone_model_dir, setting, wave, monkeypatch):
    """As from a recorder that never ends: the next piece is sent only after the event was written."""
    out, into = os.pipe()
    told: list[str] = []
    with os.fdopen(out, "rb") as end, os.fdopen(into, "wb", buffering=0) as sender:
        monkeypatch.setattr(sys, "stdin", end)
        sender.write(put_lengths(encoded(wave[:, None]), 0, 0)[: 44 + 2 * 24_000])  # 1.5 s, which a pipe holds
        thread = threading.Thread(target=detect, args=(["-"], tone_model_dir, setting), kwargs={"write": told.append})
        thread.start()
        for _ in range(1000):
            if told:
                break
            thread.join(0.02)
        heard_before_the_end = list(told)
        sender.close()
        thread.join()
    assert times(heard_before_the_end) == pytest.approx([1.05], abs=0.06)


def test_standard_input_that_is_a_file(one_beep, wave, tmp_path):
    (tmp_path / "a.flac").write_bytes(encoded(wave[:, None], "FLAC"))
    code = "import sys; from kwsdata.runtime.detect.sound import Listening, sound_blocks as s; "
    code += "print(sum(b.size for b in s('-', Listening(), print)))"
    with (tmp_path / "a.flac").open("rb") as file:
        done = subprocess.run([sys.executable, "-c", code], stdin=file, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(wave.size)


def test_a_named_pipe_is_waited_for_and_heard(one_beep, wave, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    sender = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(encoded(wave[:, None]),))
    sender.start()
    one_beep(tmp_path / "pipe")
    sender.join()


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_raw_samples_need_their_rate(one_beep, heard, wave, tmp_path, monkeypatch, rate):
    data = to_int16(soxr.resample(wave, SAMPLE_RATE, rate)).tobytes()
    (tmp_path / "a.pcm").write_bytes(data + b"\0")  # half a sample is no sample
    one_beep(tmp_path / "a.pcm", raw_rate=rate)
    with piped(data) as end:
        monkeypatch.setattr(sys, "stdin", end)
        one_beep("-", raw_rate=rate)
    with pytest.raises(AudioError, match="give --raw|--raw RATE"):
        heard([tmp_path / "a.pcm"])


@pytest.mark.parametrize("rate", [0, -1, 1, 4_000_000_000])
def test_a_raw_rate_that_no_sound_has_is_refused(heard, tmp_path, rate):
    (tmp_path / "a.pcm").write_bytes(bytes(1000))
    with pytest.raises(AudioError, match="a.pcm cannot be decoded"):
        heard([tmp_path / "a.pcm"], raw_rate=rate)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"RI", "cannot be decoded"),
        (b"<html>", "it is a web page"),
        (bytes(100_000), "it is zeros"),
        (b"\x07\x01" * 4000, "it is in no format of sound.*--raw RATE"),
        (b"RIFF\0\0\0\0WAVE", "ends inside its header"),
        (encoded(np.zeros((100, 1), np.float32))[:30], "ends inside its header"),
        (encoded(np.zeros((9000, 1), np.float32))[:6000], "cut short"),
        (encoded(np.zeros((9000, 1), np.float32), "FLAC")[:60], "cannot be decoded"),
    ],
)
def test_a_pipe_that_brings_no_sound_is_told(heard, monkeypatch, data, says):
    with piped(data) as end:
        monkeypatch.setattr(sys, "stdin", end)
        with pytest.raises(AudioError, match=f"^- .*{says}"):
            heard(["-"])


def test_a_terminal_is_told_what_to_do(heard, monkeypatch):
    main, other = os.openpty()
    with os.fdopen(other, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with pytest.raises(AudioError, match="is a terminal: send sound into it"):
            heard(["-"])
    os.close(main)


def test_a_device_that_is_no_sound_is_not_read_for_ever(heard):
    with pytest.raises(AudioError, match="/dev/zero cannot be decoded"):
        heard(["/dev/zero"])


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("text.wav", b"not a sound", r"text\.wav cannot be decoded \(it is text\): convert it to WAV or FLAC"),
        ("none.wav", None, r"none\.wav is missing: give sound files"),
        ("empty.wav", b"", r"empty\.wav is empty \(0 bytes\)\."),
        ("page.mp3", b"<!doctype html>", "page.mp3 cannot be decoded.*download the file again"),
        ("lfs.flac", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_what_is_no_sound_is_named(heard, tmp_path, name, data, says):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(AudioError, match=says):
        heard([tmp_path / name])


def test_a_directory_is_named(heard, tmp_path):
    with pytest.raises(AudioError, match="is a directory: give sound files"):
        heard([tmp_path])


def test_a_bad_file_among_good_ones_is_told_and_the_others_are_heard(tone_model_dir, setting, wave, tmp_path):
    (tmp_path / "1.wav").write_bytes(encoded(wave[:, None]))
    (tmp_path / "bad.wav").write_text("<html>")
    (tmp_path / "cut.wav").write_bytes(encoded(wave[:, None])[:100_000])
    (tmp_path / "2.wav").write_bytes(encoded(wave[:, None]))
    lines: list[str] = []
    told: list[str] = []
    names = [tmp_path / name for name in ("1.wav", "bad.wav", "lost.wav", "cut.wav", "2.wav")]
    with pytest.raises(
        AudioError, match=r"3 of 5 files could not be heard to their end: .*bad\.wav, .*lost\.wav, .*cut"
    ):
        detect(names, tone_model_dir, setting, write=lines.append, warn=told.append)
    assert [Path(line.split("\t")[0]).name for line in lines] == [
        "1.wav",
        "cut.wav",
        "2.wav",
    ]  # what came before the cut
    assert [line.split(" ")[0] for line in told] == ["error:"] * 3


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.wav", "caf\\xe9.wav"), (b"a\tb.wav", "a\\tb.wav"), (b"a\nb.wav", "a\\nb.wav"), (b"-x.wav", "-x.wav"),
        ("日本 語.wav".encode(), "日本 語.wav"), ("naïve\u00a0x.wav".encode(), "naïve\u00a0x.wav"),
        (b"\x1b[31mred.wav", "\\x1b[31mred.wav"), ("a\u202ewav.exe.wav".encode(), "a\\u202ewav.exe.wav"),
    ],
)  # fmt: skip
def test_a_name_in_any_encoding_is_one_field_of_one_line(one_beep, heard, wave, tmp_path, name, shown):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(encoded(wave[:, None]))
    (line,) = one_beep(path)
    assert line.split("\t")[0] == f"{tmp_path}/{shown}"
    line.encode()
    (row,) = heard([path], as_json=True)
    row.encode()
    expected = os.fsdecode(name) if b"\xe9" not in name else shown
    assert json.loads(row)["file"] == f"{tmp_path}/{expected}"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, 3e38])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_samples_that_are_no_sound_are_told_and_heard_as_silence(heard, wave, tmp_path, bad, rate):
    there = soxr.resample(wave, SAMPLE_RATE, rate)
    there[rate // 2 : rate // 2 + 3] = bad
    soundfile.write(tmp_path / "a.wav", there, rate, subtype="FLOAT")
    told: list[str] = []
    lines = heard([tmp_path / "a.wav"], warn=told.append, trace=tmp_path / "t.npz")
    assert times(lines) == pytest.approx([1.05], abs=0.06)
    assert np.isfinite(np.load(tmp_path / "t.npz")["score"]).all()
    assert told == [
        f"{tmp_path}/a.wav: samples that are no sound (NaN, infinite or far beyond full scale): 3, the first at "
        "0.500 s; heard as silence."
    ]


def test_nothing_but_nan_gives_no_event(heard, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(32_000, np.nan, np.float32), SAMPLE_RATE, subtype="FLOAT")
    assert heard([tmp_path / "a.wav"], warn=lambda line: None) == []


@pytest.mark.parametrize("gain", [1.0, 0.97, 0.5])
def test_channels_that_cancel_are_heard_by_the_louder(one_beep, heard, wave, tmp_path, monkeypatch, gain):
    data = encoded(np.stack([wave, -gain * wave], axis=1))
    (tmp_path / "a.wav").write_bytes(data)
    one_beep(tmp_path / "a.wav")
    one_beep(tmp_path / "a.wav", channel=2)
    told: list[str] = []
    with piped(data) as end:  # cannot be looked through first
        monkeypatch.setattr(sys, "stdin", end)
        heard(["-"], warn=told.append)
    assert told == ["-: its channels cancel each other, and their mean was heard: choose one with --channel."]
    with piped(data) as end:
        monkeypatch.setattr(sys, "stdin", end)
        one_beep("-", channel=1)


def test_a_channel_is_chosen(heard, beep, tmp_path):
    two = np.stack([beep(3.0, [(1.0, 1000.0, 0.2)]), beep(3.0, [(2.0, 1000.0, 0.2)])], axis=1)
    (tmp_path / "a.wav").write_bytes(encoded(two))
    assert times(heard([tmp_path / "a.wav"], channel=1)) == pytest.approx([1.05], abs=0.06)
    assert times(heard([tmp_path / "a.wav"], channel=2)) == pytest.approx([2.05], abs=0.06)
    with pytest.raises(AudioError, match="has 2 channels, --channel asks for number 3"):
        heard([tmp_path / "a.wav"], channel=3)
    with pytest.raises(ParamsError, match="counted from 1"):
        heard([tmp_path / "a.wav"], channel=0)


@pytest.mark.parametrize("samples", [0, 1, 2, 100])
def test_hardly_any_sound_gives_no_event(heard, tmp_path, samples):
    (tmp_path / "a.wav").write_bytes(encoded(np.full((samples, 1), 0.5, np.float32)))
    assert heard([tmp_path / "a.wav"]) == []


def test_options_that_do_not_go_together_are_refused(heard):
    for files, options, says in [
        ([], {}, "sound files or --mic"),
        (["a.wav"], {"mic": True}, "sound files or --mic"),
        (["a.wav", "b.wav"], {"trace": "t.npz"}, "one file, got 2"),
        (["a.wav"], {"device": "2"}, "give --mic as well"),
        ([], {"mic": True, "raw_rate": 16_000}, "not for --mic"),
        ([], {"mic": True, "channel": 1}, "not for --mic"),
    ]:
        with pytest.raises(ParamsError, match=says):
            heard(files, **options)


def test_the_command_goes_on_and_exits_1(wave, tone_model_dir, setting, tmp_path):
    for name in ("1.wav", "2.wav"):
        (tmp_path / name).write_bytes(encoded(wave[:, None]))
    (tmp_path / "bad.wav").write_text("<html>")
    command = [sys.executable, "-m", "kwstrain", "detect", "1.wav", "bad.wav", "-", "2.wav", "--operating-point"]
    done = subprocess.run(
        [*command, str(setting), "--model-dir", str(tone_model_dir)],
        cwd=tmp_path, input=encoded(wave[:, None]), capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert [line.split(b"\t")[0] for line in done.stdout.splitlines()] == [b"1.wav", b"-", b"2.wav"]
    errors = [line for line in done.stderr.decode().splitlines() if line]
    assert errors[0].startswith("error: bad.wav cannot be decoded (it is a web page")
    assert errors[-1] == "error: 1 of 4 files could not be heard to their end: bad.wav."


def test_the_buffer_of_a_pipe_may_be_bytes():
    """`sys.stdin` has a file number; what has none is read all the same by the reader of pipes."""
    data = encoded(np.full((1000, 2), 0.25, np.float32))
    with open_pipe(io.BytesIO(data)) as sound:
        assert (sound.rate, sound.channels, sound.frames) == (SAMPLE_RATE, 2, None)
        np.testing.assert_array_equal(sound.read(), np.full((1000, 2), 0.25, np.float32))
