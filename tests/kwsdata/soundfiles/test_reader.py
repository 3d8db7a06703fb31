"""Any sound file, block by block: the samples that decoding it at once gives, and a reason for what is none."""

import os
import socket
import struct

import numpy as np
import pytest
import soundfile
from sound import tone
from sound_files import NEEDS_FFMPEG, RATE, by_ffmpeg, decoded, encoded, noise, streamed_flac

from kwsdata.errors import AudioError
from kwsdata.soundfiles import ffmpeg as ffmpeg_module
from kwsdata.soundfiles.reader import open_sound

KINDS = [
    ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"),
    ("WAV", "ULAW"), ("WAV", "ALAW"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAVEX", "PCM_16"), ("W64", "PCM_24"),
    ("RF64", "PCM_16"), ("AIFF", "PCM_16"), ("AIFF", "FLOAT"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"),
    ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
    ("VOC", "PCM_16"), ("NIST", "PCM_16"), ("AVR", "PCM_16"), ("PAF", "PCM_16"), ("PVF", "PCM_16"),
    ("IRCAM", "PCM_16"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_blocks_are_the_samples_that_libsndfile_reads_at_once(kind, subtype, channels, tmp_path):
    data = encoded(noise(channels, 3.0), kind, subtype)
    (tmp_path / "sound.bin").write_bytes(data)
    whole = decoded(data)
    for source in (data, tmp_path / "sound.bin"):
        with open_sound(source) as sound:
            assert (sound.rate, sound.channels) == (RATE, channels)
            parts = list(sound.blocks(777))
        assert max(len(part) for part in parts) <= 777
        np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("channels", [3, 6, 8, 64])
def test_many_channels(channels):
    data = encoded(noise(channels, 0.1))
    with open_sound(data) as sound:
        np.testing.assert_array_equal(sound.read(), decoded(data))


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_056, 96_000, 192_000, 384_000])
def test_rates(rate):
    with open_sound(encoded(noise(1, 0.1), rate=rate)) as sound:
        assert sound.rate == rate


@pytest.mark.parametrize("rate", [0, 1, 999, 1_000_001, 2**31, 4_000_000_000, 2**32 - 1])
def test_a_rate_that_no_sound_has_is_a_damaged_header(rate):
    data = bytearray(encoded(noise()))
    data[24:28] = struct.pack("<I", rate)
    with pytest.raises(AudioError, match="cannot be decoded"), open_sound(bytes(data)):
        pass


@pytest.mark.parametrize("channels", [0, 0xFFFF])
def test_a_channel_count_that_no_sound_has_is_a_damaged_header(channels):
    data = bytearray(encoded(noise()))
    data[22:24] = struct.pack("<H", channels)
    with pytest.raises(AudioError, match="cannot be decoded"), open_sound(bytes(data)):
        pass


@pytest.mark.parametrize("frames", [0, 1, 2])
@pytest.mark.parametrize("kind", ["WAV", "W64", "AIFF"])
def test_hardly_any_samples(frames, kind):
    with open_sound(encoded(noise()[:frames], kind)) as sound:
        assert len(sound.read()) == frames


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"<!DOCTYPE html><html>404</html>", "it is a web page"),
        (b"<html>", "it is a web page"),
        (b"\n  <HTML><body>", "it is a web page"),
        (b"<?xml version='1.0'?><Error/>", "it is XML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"/annex/objects/SHA256E-s1--0.wav\n", "git annex get"),
        (b"PK\x03\x04\x14\0\0\0\x08\0abcdef", "ZIP archive: unpack it"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip archive"),
        (b"%PDF-1.4\n", "a PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a picture"),
        (b"#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n", "a playlist"),
        (b"MThd\0\0\0\x06", "MIDI"),
        (bytes(5000), "it is zeros"),
        (b'{"error": "not found"}', "it is JSON"),
        (b"hello\n", "it is text"),
        (b"\xff\xfb\x90\x64" + b"\x07\x01\x02" * 900, "no sound is found in it"),
        (
            encoded(noise())[:24] + bytes(4) + encoded(noise())[28:],
            "its header has a rate, or channels, that no sound has",
        ),
        (os.urandom(0) + b"\x07\x01\x02" * 50, "Format not recognised"),
    ],
)
def test_what_is_no_sound_is_named(data, reason, tmp_path):
    (tmp_path / "a.wav").write_bytes(data)
    for source in (data, tmp_path / "a.wav"):
        with pytest.raises(AudioError, match=reason), open_sound(source):
            pass


@pytest.mark.parametrize("suffix", [".raw", ".pcm", ".RAW", ".gsm", ".ulaw"])
def test_raw_sound_is_named_and_a_wav_of_such_a_name_is_read(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(noise().tobytes())
    with (
        pytest.raises(AudioError, match="it is raw sound, whose rate nothing says"),
        open_sound(tmp_path / f"a{suffix}"),
    ):
        pass
    (tmp_path / f"b{suffix}").write_bytes(encoded(noise()))
    with open_sound(tmp_path / f"b{suffix}") as sound:
        assert len(sound.read()) == RATE // 2


def test_nothing_but_a_regular_file_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.wav"))
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    (tmp_path / "lost.wav").symlink_to("nowhere")
    for name, reason in {
        "pipe.wav": "a named pipe",
        "socket.wav": "a socket",
        "zero.wav": "a device",
        "lost.wav": "No such file",
        "none.wav": "No such file",
        ".": "a directory",
        "a\0b.wav": "null",
        "x" * 300 + ".wav": "File name too long",
    }.items():
        with pytest.raises(AudioError, match=f"cannot be read.*{reason}"), open_sound(tmp_path / name):
            pass


@pytest.mark.parametrize("name", [b"caf\xe9.wav", b"a\nb.wav", "ä ö.wav".encode(), b"-i.wav", b"a:b.wav", b"%d.wav"])
@pytest.mark.parametrize("kind", ["WAV", pytest.param("m4a", marks=NEEDS_FFMPEG)])
def test_any_name(name, kind, tmp_path):
    path = tmp_path / os.fsdecode(name)
    if kind == "WAV":
        path.write_bytes(encoded(noise()))
    else:
        by_ffmpeg(noise(), tmp_path / "x.m4a").rename(path)
    with open_sound(path) as sound:
        assert len(sound.read()) == pytest.approx(RATE / 2, abs=1024)  # AAC has frames of 1024


def test_flac_that_was_streamed_has_no_length_and_is_read_all_the_same():
    with open_sound(streamed_flac(noise(2))) as sound:
        assert sound.frames is None
        np.testing.assert_array_equal(sound.read(), decoded(encoded(noise(2), "FLAC")))


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_flac_cut_short_is_damaged(share):
    data = encoded(noise(1, 2.0), "FLAC")
    with open_sound(data[: int(share * len(data))]) as sound, pytest.raises(AudioError, match="cannot be decoded past"):
        sound.read()


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_mp3_cut_short_is_damaged(share):
    data = encoded(noise(1, 5.0), "MP3", "MPEG_LAYER_III")
    with open_sound(data[: int(share * len(data))]) as sound, pytest.raises(AudioError, match=r"cut short \(\d+ sampl"):
        sound.read()


@NEEDS_FFMPEG
@pytest.mark.parametrize("options", [("-q:a", "3"), ("-b:a", "64k"), ("-q:a", "9", "-ar", "24000")])
def test_mp3_without_a_count_of_its_frames_is_read_to_the_end(options, tmp_path):
    path = by_ffmpeg(noise(1, 10.0), tmp_path / "a.mp3", "-write_xing", "0", *options)
    with open_sound(path) as sound:
        assert len(sound.read()) / sound.rate == pytest.approx(10.0, abs=0.15)  # frames of 1152, delays of coders


def test_a_sample_that_is_no_number_is_given_as_it_is():
    wave = noise()
    wave[5], wave[7] = np.nan, np.inf
    with open_sound(encoded(wave, subtype="FLOAT")) as sound:
        np.testing.assert_array_equal(sound.read(), wave)


@NEEDS_FFMPEG
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.m4a", ()), ("a.mp4", ()), ("a.mov", ()), ("a.m4a", ("-c:a", "alac")), ("a.aac", ()), ("a.webm", ()),
        ("a.mka", ()), ("a.mkv", ()), ("a.wma", ()), ("a.wv", ()), ("a.tta", ()), ("a.ac3", ()), ("a.avi", ()),
        ("a.caf", ("-c:a", "alac")), ("a.oga", ("-c:a", "flac")), ("a.wav", ("-c:a", "adpcm_swf", "-ar", "22050")),
        ("a.mp4", ("-movflags", "faststart")), ("a.f4v", ()), ("a.m4b", ("-f", "mp4")), ("a.flv", ("-ar", "44100")),
        ("a.ts", ()), ("a.m2ts", ()), ("a.mpg", ()), ("a.rm", ()), ("a.sox", ()), ("a.eac3", ()),
        ("a.webm", ("-c:a", "libopus")), ("a.wav", ("-f", "mp3")),
    ],
)  # fmt: skip
def test_what_libsndfile_does_not_read_is_read_by_ffmpeg(name, options, tmp_path):
    path = by_ffmpeg(np.stack([tone(440, 2.0, 0.3)] * 2, axis=1), tmp_path / name, *options)
    for source in (path, path.read_bytes()):
        with open_sound(source) as sound:
            assert sound.channels == 2
            wave = sound.read()[:, 0]
        assert len(wave) / sound.rate == pytest.approx(2.0, abs=0.2)
        middle = wave[sound.rate // 2 : sound.rate * 3 // 2]
        assert np.sqrt(2 * np.mean(np.square(middle))) == pytest.approx(0.3, rel=0.06)  # AC-3, MP3: half a dB
        assert np.argmax(np.abs(np.fft.rfft(middle))) == pytest.approx(440, abs=1)


@NEEDS_FFMPEG
@pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.aac", "a.wma", "a.wv", "a.mka"])
@pytest.mark.parametrize("share", [0.02, 0.4, 0.8])
def test_what_ffmpeg_finds_damaged_is(name, share, tmp_path):
    path = by_ffmpeg(noise(1, 4.0), tmp_path / name)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(AudioError, match="cannot be decoded") as told, open_sound(path) as sound:
        sound.read()
    assert str(tmp_path) not in str(told.value)
    assert "0x" not in str(told.value)


@NEEDS_FFMPEG
def test_a_video_without_sound_holds_no_sound(tmp_path):
    path = tmp_path / "a.mp4"
    by_ffmpeg(noise(), path, "-f", "lavfi", "-i", "color=s=16x16:d=0.2", "-map", "1:v")
    with pytest.raises(AudioError, match="ffmpeg: it holds no sound"), open_sound(path):
        pass


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "MP4"), (b"\x1a\x45\xdf\xa3\x01", "WebM"), (b"\xff\xf1\x50\x80", "AAC"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6", "WMA"), (b"#!AMR\n\x3c", "AMR"),
    ],
)  # fmt: skip
def test_without_ffmpeg_the_reason_names_it(head, name, monkeypatch):
    monkeypatch.setattr(ffmpeg_module.shutil, "which", lambda program: None)
    with pytest.raises(AudioError, match=rf"is {name}.*needs ffmpeg: install it"), open_sound(head + bytes(200)):
        pass


def test_a_file_in_the_clothes_of_another_opens_no_third(tmp_path):
    """A playlist that ffmpeg would follow, under names that ask for ffmpeg."""
    (tmp_path / "secret.wav").write_bytes(encoded(noise()))
    for text in (f"#EXTM3U\n{tmp_path}/secret.wav\n", f"ffconcat version 1.0\nfile '{tmp_path}/secret.wav'\n"):
        for name in ("a.m4a", "a.mp4", "a.webm", "a.wav"):
            (tmp_path / name).write_text(text)
            with pytest.raises(AudioError, match="cannot be decoded"), open_sound(tmp_path / name) as sound:
                sound.read()


def test_an_ffmpeg_that_hangs_is_stopped(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setattr(ffmpeg_module.shutil, "which", lambda name: str(program))
    monkeypatch.setattr(ffmpeg_module, "PATIENCE_S", 0.2)
    with pytest.raises(AudioError, match="ffmpeg gave nothing"), open_sound(b"\0\0\0\x20ftypM4A " + bytes(99)):
        pass


def test_memory_does_not_grow_with_the_file(tmp_path):
    import tracemalloc

    with soundfile.SoundFile(tmp_path / "a.flac", "w", 48_000, 2) as file:
        for _ in range(120):
            file.write(np.zeros((48_000, 2), np.float32))
    tracemalloc.start()
    try:
        with open_sound(tmp_path / "a.flac") as sound:
            assert sum(map(len, sound.blocks())) == 120 * 48_000
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**22  # blocks of 2 MiB, of 46 MB
    finally:
        tracemalloc.stop()
