"""A stretch of a file is what Lhotse would read, without holding the file, whatever the cut asks for."""

import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from lhotse import AudioSource, MultiCut, Recording
from sound import white_noise

from kwsdata.errors import AudioError
from kwsdata.importers.lhotse_sound import CutSound

RATE = 22_050


@pytest.fixture(scope="module", params=["wav", "flac", "ogg"])
def recording(request, tmp_path_factory) -> Recording:
    """Three channels, which the manifest calls 4, 2 and 9."""
    path = tmp_path_factory.mktemp("sound") / f"a.{request.param}"
    soundfile.write(path, np.stack([white_noise(n)[:12_345] for n in range(3)], axis=1), RATE)
    return Recording("a", [AudioSource("file", [4, 2, 9], str(path))], RATE, 12_345, 12_345 / RATE)


def read(cut) -> np.ndarray:
    with CutSound(cut).open() as sound:
        waves = np.concatenate(list(sound.blocks(700)))
        assert (sound.rate, sound.channels, sound.frames) == (RATE, waves.shape[1], len(waves))
    return waves


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_stretch_is_what_lhotse_reads(recording, data):
    start = data.draw(st.floats(0, 0.5))
    duration = data.draw(st.floats(0.001, 12_345 / RATE - start))
    channels = data.draw(st.lists(st.sampled_from([4, 2, 9]), min_size=1, unique=True))
    cut = MultiCut("c", start, duration, channels, recording=recording)
    expected = np.atleast_2d(cut.load_audio()).T
    found = read(cut)
    assert found.shape[1] == len(channels)
    assert abs(len(found) - len(expected)) <= 1  # Lhotse repeats a last sample that rounding asks for
    np.testing.assert_array_equal(found, expected[: len(found)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channel": [4, 7]}, r"no such channel \(it has \[4, 2, 9\], the cut is of \[4, 7\]\)"),
        ({"duration": 0.9}, r"cut short \(0.56 s of the 0.90 s of the cut\)"),
        ({"start": 5.0, "duration": 0.5}, "cut short"),
    ],
)
def test_a_cut_of_what_the_file_has_not_is_refused(recording, change, words):
    fields = {"start": 0.0, "duration": 0.5, "channel": [4]} | change
    with pytest.raises(AudioError, match=words):
        read(MultiCut("c", recording=recording, **fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sampling_rate": 16_000}, "it has 22050 Hz, its manifest says 16000"),
        (
            {"sources": [AudioSource("file", [0, 1, 2, 3, 4], "x")]},
            "no such channel .the file has 3, its manifest says 5",
        ),
        ({"sources": [AudioSource("file", [0], "/nowhere.wav")]}, "cannot be read"),
        ({"sources": [AudioSource("file", [0], "/dev/zero")]}, "it is a device"),
    ],
)
def test_a_manifest_that_is_not_of_the_file_is_refused(recording, fields, words):
    given = vars(recording) | fields
    if fields.get("sources") and given["sources"][0].source == "x":
        given["sources"] = [AudioSource("file", [0, 1, 2, 3, 4], recording.sources[0].source)]
    channel = [4] if "channel" in words or "Hz" in words else [0]
    with pytest.raises(AudioError, match=words):
        read(MultiCut("c", 0.0, 0.5, channel, recording=Recording(**given)))


def test_a_long_recording_is_not_held_in_memory(tmp_path):
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 48_000, 8) as file:
        for _ in range(60):
            file.write(np.zeros((48_000, 8), np.int16))
    long = Recording("a", [AudioSource("file", list(range(8)), str(tmp_path / "long.flac"))], 48_000, 60 * 48_000, 60.0)
    tracemalloc.start()
    with CutSound(MultiCut("c", 1.0, 58.0, list(range(8)), recording=long)).open() as sound:
        frames = sum(len(block) for block in sound.blocks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert frames == 58 * 48_000
    assert peak < 20 << 20  # all of it would be 89 MB


def test_what_lhotse_must_hold_in_memory_is_limited(tmp_path):
    sources = [AudioSource("command", [number], "true") for number in range(3)]
    huge = Recording("a", sources, 48_000, 48_000 * 3600, 3600.0)
    with pytest.raises(AudioError, match=r"too long \(3600 s of 3 channels, which Lhotse makes in memory\)"):
        read(MultiCut("c", 0.0, 3600.0, [0], recording=huge))
