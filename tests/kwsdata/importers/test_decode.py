"""From any sound to a clip, block by block: what is stored, what is left out, and how much memory it takes."""

import logging
import tracemalloc

import numpy as np
import pytest
import soundfile
from corpus_trees import put_tone
from sound import tone, white_noise
from sound_files import encoded, streamed_flac

from kwsdata.audio import SAMPLE_RATE, dbfs, rms
from kwsdata.soundfiles import reader


def put(path, *channels, rate=SAMPLE_RATE, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(np.stack(channels, axis=1), subtype=subtype, rate=rate))


def one_clip(importing):
    (cut,) = importing.cuts().values()
    return cut, cut.load_audio()[0]


def files_of(directory):
    return {path.name: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("find_word", [False, True])
def test_clips_do_not_depend_on_the_length_of_blocks(importing, tmp_path, monkeypatch, find_word):
    wave = 0.001 * white_noise(1, 0.5)
    wave[2000:5000] += tone(500, 3000 / SAMPLE_RATE)
    put(tmp_path / "x/a.wav", wave, 0.5 * wave, rate=22_050)
    put(tmp_path / "x/b.wav", wave[::-1])
    made = []
    for block_samples in (7, 160, 999, 100_000):
        monkeypatch.setattr(reader, "BLOCK_SAMPLES", block_samples)
        importing.out = tmp_path / str(block_samples)
        importing("folder", tmp_path / "x", role="keyword", label="computer", find_word=find_word)
        made.append(files_of(importing.out))
    assert len(made[0]) == 4
    assert all(other == made[0] for other in made[1:])


def test_impulse_responses_of_many_channels_do_not_either(importing, tmp_path, monkeypatch):
    responses = [white_noise(n, 0.05) for n in range(8)]
    put(tmp_path / "x/a.wav", *responses, responses[3], subtype="FLOAT", rate=48_000)
    made = []
    for block_samples in (90, 100_000):
        monkeypatch.setattr(reader, "BLOCK_SAMPLES", block_samples)
        importing.out = tmp_path / str(block_samples)
        assert importing("folder", tmp_path / "x", role="rir")["clips"] == 8
        made.append(files_of(importing.out))
    assert made[0] == made[1]


@pytest.mark.parametrize("gain", [1.0, 0.97, 0.6])
def test_channels_that_cancel_come_out_at_the_level_they_were_recorded_at(importing, tmp_path, caplog, gain):
    wave = white_noise(1, level=0.1)
    put(tmp_path / "x/inverse.wav", wave, -gain * wave)
    with caplog.at_level(logging.WARNING):
        importing("folder", tmp_path / "x", role="noise")
    cut, heard = one_clip(importing)
    assert dbfs(rms(heard)) == pytest.approx(-20, abs=0.1)
    assert cut.custom["channel"] == 1
    assert "the channels of 1 sounds cancel each other (the first: inverse.wav)" in caplog.text


def test_the_louder_of_two_that_cancel_is_taken(importing, tmp_path):
    wave = white_noise(1, level=0.1)
    put(tmp_path / "x/inverse.wav", -0.8 * wave, wave, rate=44_100)
    importing("folder", tmp_path / "x", role="noise")
    cut, heard = one_clip(importing)
    assert cut.custom["channel"] == 2
    assert dbfs(rms(heard)) == pytest.approx(
        -20 - 10 * np.log10(44_100 / 16_000), abs=0.6
    )  # the band of it below 7.3 kHz


def test_other_channels_are_averaged_and_nothing_is_said(importing, tmp_path, caplog):
    put(tmp_path / "x/two.wav", white_noise(1), white_noise(2))
    importing("folder", tmp_path / "x", role="noise", licence="own")
    cut, heard = one_clip(importing)
    assert "channel" not in cut.custom
    assert caplog.text == ""
    np.testing.assert_allclose(heard, (white_noise(1) + white_noise(2)) / 2, atol=2 * 2**-15)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("role", ["noise", "rir"])
def test_a_sample_that_is_no_number_is_named_with_its_place(importing, tmp_path, value, role):
    bad = white_noise(1)
    bad[12_000] = value
    put(tmp_path / "x/bad.wav", white_noise(2), bad, subtype="FLOAT")
    put_tone(tmp_path / "x/good.wav", 0)
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    importing("folder", tmp_path / "x", role=role)
    key = "bad.wav" if role == "noise" else "bad.wav channel 2"
    assert importing.rejects() == {key: "not finite (the sample at 0.750 s is NaN or infinite)"}


@pytest.mark.parametrize("value", [1e30, -3e38, 70_000.0])
def test_a_sample_beyond_all_sound_is_named_with_its_place(importing, tmp_path, value):
    bad = white_noise(1)
    bad[4_000] = value
    put(tmp_path / "x/bad.wav", bad, white_noise(2), subtype="FLOAT")
    put_tone(tmp_path / "x/good.wav", 0)
    importing("folder", tmp_path / "x", role="noise")
    reason = importing.rejects()["bad.wav"]
    assert reason.startswith("damaged (the sample at 0.250 s is ") and reason.endswith("full scale is 1)")


def test_sound_that_is_too_long_is_one_reject_however_little_it_takes_on_disk(importing, tmp_path):
    (tmp_path / "x").mkdir()
    with soundfile.SoundFile(tmp_path / "x/bomb.flac", "w", 48_000, 8, "PCM_16", format="FLAC") as file:
        for _ in range(30):
            file.write(np.zeros((48_000, 8), np.int16))
    put_tone(tmp_path / "x/good.wav", 0)
    importing.limits = importing.limits.model_copy(update={"max_duration_s": 10.0})
    importing("folder", tmp_path / "x", role="noise")
    assert importing.rejects() == {"bomb.flac": "too long (over import.max_duration_s = 10: cut it in parts)"}


def test_sound_that_does_not_say_how_long_it_is_is_left_at_the_limit(importing, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/streamed.flac").write_bytes(streamed_flac(white_noise(1, 30.0)[:, None]))
    put_tone(tmp_path / "x/good.wav", 0)
    importing.limits = importing.limits.model_copy(update={"max_duration_s": 10.0})
    importing("folder", tmp_path / "x", role="noise")
    assert "too long" in importing.rejects()["streamed.flac"]


@pytest.mark.parametrize("role", ["noise", "keyword"])
def test_memory_does_not_grow_with_the_length_of_a_recording(importing, tmp_path, role):
    second = (0.1 * np.random.default_rng(0).standard_normal((48_000, 2))).astype(np.float32)

    def peak_bytes(seconds: int) -> int:
        (tmp_path / str(seconds)).mkdir()
        with soundfile.SoundFile(tmp_path / f"{seconds}/long.wav", "w", 48_000, 2, "PCM_16") as file:
            for _ in range(seconds):
                file.write(second)
        tracemalloc.start()
        try:
            asked = {"label": "computer", "find_word": True} if role == "keyword" else {}
            importing("folder", tmp_path / str(seconds), role=role, name=f"long{seconds}", **asked)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    short, long = peak_bytes(60), peak_bytes(480)
    assert long < short + 8 * 2**20  # the FLAC of a clip, up to 8 MiB, and levels of its frames; float32 has 184 MB


def test_files_with_hardly_any_sound_are_rejects(importing, tmp_path):
    put(tmp_path / "x/none.wav", np.zeros(0, np.float32))
    put(tmp_path / "x/one.wav", np.full(1, 0.5, np.float32))
    put(tmp_path / "x/two.wav", np.array([0.5, -0.5], np.float32), rate=96_000)
    put_tone(tmp_path / "x/good.wav", 0)
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    importing("folder", tmp_path / "x", role="noise")
    assert importing.rejects() == {
        "none.wav": "empty (0 samples)",
        "one.wav": "too short (0.000 s, import.min_duration_s = 0.1)",
        "two.wav": "too short (0.000 s, import.min_duration_s = 0.1)",
    }
