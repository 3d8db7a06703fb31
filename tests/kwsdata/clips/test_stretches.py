"""Any stretch of any sound file is the same stretch of all of it."""

import numpy as np
import pytest
import soundfile
from sound import tone, white_noise
from sound_files import NEEDS_FFMPEG, by_ffmpeg, encoded, put_lengths, streamed_flac

from kwsdata.audio import SAMPLE_RATE, dbfs, read_audio, resample, rms
from kwsdata.clips.pieces import load_piece, pieces_of_file
from kwsdata.clips.stretches import measure, read_stretch
from kwsdata.errors import AudioError


def joined(path, piece_samples: int = 12_345) -> np.ndarray:
    return np.concatenate([load_piece(piece) for piece in pieces_of_file(path, "a", piece_samples)])


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AIFF", "CAF", "W64", "AU", "streamed WAV", "streamed FLAC"])
def test_pieces_of_a_file_are_its_sound(project, kind, channels, rate):
    wave = np.stack([white_noise(n, 3.0) for n in range(channels)], axis=1)[: 2 * rate]
    data = {
        "streamed WAV": lambda: put_lengths(encoded(wave, rate=rate), 0, 0),
        "streamed FLAC": lambda: streamed_flac(wave),
    }.get(kind, lambda: encoded(wave, kind, rate=rate))()
    if kind == "streamed FLAC" and rate != SAMPLE_RATE:
        pytest.skip("written at 16 kHz alone")
    path = project / "a.bin"
    path.write_bytes(data)
    whole, _ = read_audio(path)
    heard = joined(path)
    assert measure(path) == (heard.size, None)
    expected = resample(whole, rate)[: heard.size]
    # Where pieces meet, the filter has seen another past; copies have 16 bits.
    np.testing.assert_allclose(heard, expected, atol=1e-3)


@NEEDS_FFMPEG
@pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.wma", "a.mka"])
def test_pieces_of_what_only_ffmpeg_reads(project, name):
    path = by_ffmpeg(tone(440, 3.0, 0.3)[:, None], project / name)
    heard = joined(path)
    assert heard.size / SAMPLE_RATE == pytest.approx(3.0, abs=0.15)
    middle = heard[SAMPLE_RATE : 2 * SAMPLE_RATE]
    assert np.sqrt(2) * rms(middle) == pytest.approx(0.3, rel=0.05)
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
    np.testing.assert_array_equal(read_stretch(path, 20_000, 20_100), heard[20_000:20_100])


@pytest.mark.parametrize("gain", [1.0, 0.9])
@pytest.mark.parametrize("kind", ["WAV", "streamed FLAC"])
def test_channels_that_cancel_give_way_to_the_loudest(project, kind, gain):
    wave = white_noise(1, 2.0)
    two = np.stack([-gain * wave, wave], axis=1)
    (project / "a.bin").write_bytes(encoded(two) if kind == "WAV" else streamed_flac(two))
    assert dbfs(rms(joined(project / "a.bin"))) == pytest.approx(-20, abs=0.1)
    rows = [piece.row() for piece in pieces_of_file(project / "a.bin", "a", 16_000)]
    if kind == "WAV":
        assert {row.get("channel") for row in rows} == {1 if gain < 1 else 0}


def test_a_piece_of_an_ordinary_file_says_nothing_of_channels(project):
    (project / "a.wav").write_bytes(encoded(white_noise(1)[:, None]))
    (piece,) = pieces_of_file(project / "a.wav", "a", 16_000)
    assert "channel" not in piece.row()
    assert piece.where == [0, 16_000, 16_000]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_samples_that_are_no_sound_are_silence(project, bad):
    wave = white_noise(1)
    wave[5000] = bad
    soundfile.write(project / "a.wav", wave, SAMPLE_RATE, subtype="FLOAT")
    heard = joined(project / "a.wav")
    assert heard[5000] == 0
    assert np.isfinite(heard).all()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", r"a\.wav is empty \(0 bytes\)\."),
        (encoded(np.zeros((0, 1), np.float32)), r"a\.wav is empty \(0 samples\)\."),
        (encoded(white_noise(1)[:, None])[:9000], r"a\.wav cut short \(9000 bytes of the 32044"),
        (b"<html>", "a web page"),
        (streamed_flac(white_noise(1)[:, None])[:9000], "cannot be decoded past"),
    ],
)
def test_what_is_no_sound_is_named(project, data, says):
    (project / "a.wav").write_bytes(data)
    with pytest.raises(AudioError, match=says):
        list(pieces_of_file(project / "a.wav", "a", 16_000))


def test_a_channel_that_is_not_there_is_an_error(project):
    (project / "a.wav").write_bytes(encoded(white_noise(1)[:, None]))
    with pytest.raises(AudioError, match="has 1 channels, and number 3 was asked for"):
        read_stretch(project / "a.wav", 0, 100, channel=2)
