"""Manifests and Shar directories that Lhotse wrote."""

import numpy as np
import pytest
import soundfile
from corpus_trees import HZ, put_tone
from lhotse import AudioSource, CutSet, MonoCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from sound import white_noise

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import CorpusError


@pytest.fixture
def recordings(tmp_path):
    return [Recording.from_file(put_tone(tmp_path / f"sound/{n}.wav", n, 44_100, 1 + n % 2)) for n in range(4)]


def told(recording, name, start, duration, text, speaker="ann"):
    return SupervisionSegment(name, recording.id, start, duration, 0, text, "en", speaker)


def test_recordings_take_the_supervisions_beside_them(importing, tmp_path, recordings):
    RecordingSet.from_recordings(recordings).to_file(tmp_path / "all_recordings.jsonl.gz")
    segments = [told(recording, f"s{recording.id}", 0, 0.6, f"Text {recording.id}") for recording in recordings]
    SupervisionSet.from_segments(segments).to_file(tmp_path / "all_supervisions.jsonl.gz")
    importing("lhotse", tmp_path / "all_recordings.jsonl.gz", role="keyword")
    cuts = importing.cuts().values()
    assert {cut.supervisions[0].text for cut in cuts} == {f"text {n}" for n in range(4)}
    assert all(cut.supervisions[0].duration == cut.duration for cut in cuts)


def test_recordings_alone_are_noise(importing, tmp_path, recordings):
    RecordingSet.from_recordings(recordings).to_file(tmp_path / "recordings.jsonl")
    summary = importing("lhotse", tmp_path / "recordings.jsonl", role="noise")
    assert (summary["clips"], summary["speaker_count"], summary["speakers"]) == (4, 4, "known")


def test_cuts_of_one_recorded_room_are_of_one_room(importing, tmp_path, recordings):
    soundfile.write(tmp_path / "hall.wav", np.stack([white_noise(1), white_noise(2)], axis=1), SAMPLE_RATE)
    hall = Recording.from_file(tmp_path / "hall.wav")
    office = recordings[0].to_cut()
    parts = [office.truncate(duration=0.2).with_id("near"), office.truncate(offset=0.3).with_id("far")]
    CutSet.from_cuts([hall.to_cut(), *parts]).to_file(tmp_path / "cuts.jsonl.gz")
    summary = importing("lhotse", tmp_path / "cuts.jsonl.gz", role="rir")
    assert (summary["clips"], summary["speaker_count"]) == (4, 2)
    rooms = {cut.custom["speaker"] for cut in importing.cuts().values() if cut.custom.get("channel")}
    assert rooms == {"tiny:hall"}


def test_each_of_several_supervisions_is_a_clip(importing, tmp_path, recordings):
    cut = recordings[0].to_cut()
    cut.supervisions = [told(cut, "one", 0.0, 0.2, "one", "ann"), told(cut, "two", 0.3, 0.25, "two", "bob")]
    CutSet.from_cuts([cut]).to_file(tmp_path / "cuts.jsonl.gz")
    importing("lhotse", tmp_path / "cuts.jsonl.gz", role="keyword")
    found = {c.supervisions[0].text: (c.duration, c.custom["speaker"]) for c in importing.cuts().values()}
    assert found == {"one": (0.2, "tiny:ann"), "two": (0.25, "tiny:bob")}


def test_one_supervision_keeps_its_span_in_the_whole_clip(importing, tmp_path, recordings):
    cut = recordings[1].to_cut()
    cut.supervisions = [told(cut, "one", 0.1, 0.3, "one")]
    CutSet.from_cuts([cut]).to_file(tmp_path / "cuts.jsonl.gz")
    importing("lhotse", tmp_path / "cuts.jsonl.gz", role="keyword")
    (found,) = importing.cuts().values()
    assert found.duration == 0.6
    assert (found.supervisions[0].start, found.supervisions[0].duration) == pytest.approx((0.1, 0.3), abs=1e-4)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "original"])
def test_a_shar_directory_is_read_without_unpacking(importing, tmp_path, recordings, kind):
    cuts = [recording.to_cut().truncate(offset=0.1, duration=0.4) for recording in recordings]
    shar = tmp_path / "shar"
    shar.mkdir()
    CutSet.from_cuts(cuts).to_shar(shar, fields={"recording": kind}, shard_size=3)
    summary = importing("lhotse", shar, role="noise")
    assert (summary["clips"], summary["rejects"]) == (4, 0)
    for cut in importing.cuts().values():
        wave = cut.load_audio()[0]
        assert wave.size / SAMPLE_RATE == pytest.approx(0.4, abs=0.08)  # MP3 pads
        spectrum = np.abs(np.fft.rfft(wave[800:5600] * np.hanning(4800), 1 << 16))
        assert np.argmax(spectrum) * SAMPLE_RATE / (1 << 16) == pytest.approx(HZ, abs=1)


def test_a_corpus_of_ours_comes_back_sample_for_sample(importing, tmp_path, recordings):
    importing("folder", tmp_path / "sound", role="noise", name="first")
    importing("lhotse", importing.out / "first/shar", role="noise", name="second")
    first = {cut.custom["audio_sha256"] for cut in importing.cuts("first").values()}
    assert len(first) == 4
    assert first == {cut.custom["audio_sha256"] for cut in importing.cuts("second").values()}


def test_what_is_no_manifest_is_refused(importing, tmp_path, recordings):
    SupervisionSet.from_segments([told(recordings[0], "s", 0, 1, "x")]).to_file(tmp_path / "supervisions.jsonl")
    (tmp_path / "text.jsonl").write_text("{not json\n")
    with pytest.raises(
        CorpusError, match="supervisions.jsonl holds a SupervisionSegment .*cuts or recordings are needed"
    ):
        importing("lhotse", tmp_path / "supervisions.jsonl", role="speech")
    with pytest.raises(CorpusError, match="is not a manifest that Lhotse reads"):
        importing("lhotse", tmp_path / "text.jsonl", role="speech")
    with pytest.raises(CorpusError, match="is not a Lhotse Shar directory"):
        importing("lhotse", tmp_path / "sound", role="speech")


def channel_waves(count: int) -> np.ndarray:
    return np.stack([white_noise(10 + n) for n in range(count)], axis=1)


@pytest.fixture
def several(tmp_path):
    """A recording of three channels, each its own noise; in two files, of which the second holds channels 5 and 7."""
    waves = channel_waves(3)
    soundfile.write(tmp_path / "a.wav", waves[:, :1], SAMPLE_RATE)
    soundfile.write(tmp_path / "b.wav", waves[:, 1:], SAMPLE_RATE)
    sources = [
        AudioSource("file", [2], str(tmp_path / "a.wav")),
        AudioSource("file", [5, 7], str(tmp_path / "b.wav")),
    ]
    return Recording("several", sources, SAMPLE_RATE, SAMPLE_RATE, 1.0)


def of_channels(recording, *told):
    """The cut of a whole recording, with a supervision for each (channels, start, duration)."""
    cut = recording.to_cut()
    cut.supervisions = [
        SupervisionSegment(f"s{n}", recording.id, start, duration, channel, f"text {n}", "en", f"p{n}")
        for n, (channel, start, duration) in enumerate(told)
    ]
    return cut


def imported(importing, tmp_path, cut) -> dict[str, np.ndarray]:
    CutSet.from_cuts([cut]).to_file(tmp_path / "cuts.jsonl.gz")
    importing("lhotse", tmp_path / "cuts.jsonl.gz", role="speech")
    return {cut.supervisions[0].text: cut.load_audio()[0] for cut in importing.cuts().values()}


@pytest.mark.parametrize(
    ("channel", "columns"),
    [(2, [0]), (5, [1]), (7, [2]), ([5], [1]), ([7, 2], [0, 2]), ([2, 5, 7], [0, 1, 2]), ([7, 9], [2])],
)
@pytest.mark.parametrize("span", [(0.0, 1.0), (0.2, 0.5)])
def test_one_supervision_takes_the_channels_that_it_is_of(importing, tmp_path, several, channel, columns, span):
    heard = imported(importing, tmp_path, of_channels(several, (channel, *span)))
    expected = channel_waves(3)[:, columns].mean(axis=1)
    np.testing.assert_allclose(heard["text 0"], expected, atol=2 * 2**-15)  # two roundings of 16 bits


def test_supervisions_of_different_channels_take_each_its_own(importing, tmp_path, several):
    cut = of_channels(several, (7, 0.0, 0.5), (2, 0.25, 0.5), ([2, 5], 0.5, 0.5))
    heard = imported(importing, tmp_path, cut)
    waves = channel_waves(3)
    for text, start, columns in (("text 0", 0, [2]), ("text 1", 4000, [0]), ("text 2", 8000, [0, 1])):
        expected = waves[start : start + 8000, columns].mean(axis=1)
        np.testing.assert_allclose(heard[text], expected, atol=2 * 2**-15)


def test_a_supervision_of_a_channel_that_is_not_there_is_a_reject(importing, tmp_path, several):
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    heard = imported(importing, tmp_path, of_channels(several, (0, 0.0, 0.5), (5, 0.5, 0.5)))
    assert set(heard) == {"text 1"}
    assert importing.rejects() == {
        "several/s0": "no such channel (its supervision is of [0], the cut has [2, 5, 7])",
    }


@pytest.mark.parametrize("told", [[(0, 0.0, 1.0)], [(0, 0.0, 0.5), (0, 0.5, 0.5)]])
def test_a_cut_of_one_channel_keeps_it_whatever_its_supervisions_say(importing, tmp_path, several, told):
    """Many manifests leave a supervision's channel at 0."""
    cut = of_channels(several, *told)
    cut = MonoCut(cut.id, 0.0, 1.0, 7, cut.supervisions, recording=several)
    heard = imported(importing, tmp_path, cut)
    expected = channel_waves(3)[:, 2]
    np.testing.assert_allclose(np.concatenate([heard[text] for text in sorted(heard)]), expected, atol=2 * 2**-15)


def test_a_cut_without_supervisions_is_the_mean_of_its_channels(importing, tmp_path, several):
    CutSet.from_cuts([several.to_cut()]).to_file(tmp_path / "cuts.jsonl.gz")
    importing("lhotse", tmp_path / "cuts.jsonl.gz", role="noise")
    (cut,) = importing.cuts().values()
    np.testing.assert_allclose(cut.load_audio()[0], channel_waves(3).mean(axis=1), atol=2 * 2**-15)


def test_channels_of_a_recorded_room_are_all_kept(importing, tmp_path, several):
    CutSet.from_cuts([of_channels(several, (2, 0.0, 1.0))]).to_file(tmp_path / "cuts.jsonl.gz")
    assert importing("lhotse", tmp_path / "cuts.jsonl.gz", role="rir")["clips"] == 3


def test_each_cut_keeps_its_own_licence(importing, tmp_path, recordings):
    """In a field of the cut, of what is said in it, or of the cuts it is mixed of; malformed ones are rejects."""
    cuts = [recording.to_cut() for recording in recordings]
    cuts[0].custom = {"license": "CC-BY-NC-ND-4.0"}
    cuts[1].supervisions = [told(cuts[1], "one", 0.1, 0.3, "one")]
    cuts[1].supervisions[0].custom = {"licence": "CC-BY-4.0"}
    cuts[2].custom = {"licence": ["CC0-1.0"]}
    mixed = cuts[2].mix(cuts[3].with_id("under"), snr=10).with_id("mixed")
    mixed.tracks[1].cut.custom = {"licence": "GPL-2.0"}
    cuts[3].custom = {"licence": {"name": "CC0"}}
    CutSet.from_cuts([*cuts, mixed]).to_file(tmp_path / "cuts.jsonl.gz")
    asked = {"role": "noise", "allow_outside": True}
    summary = importing("lhotse", tmp_path / "cuts.jsonl.gz", **asked)
    assert sorted(cut.custom["licence"] for cut in importing.cuts().values()) == [
        "CC-BY-4.0", "CC-BY-NC-ND-4.0", "CC0-1.0", "CC0-1.0 AND GPL-2.0"
    ]  # fmt: skip
    assert "which is no text" in importing.rejects()[cuts[3].id]
    assert "licence_override" not in summary
    with pytest.raises(CorpusError, match="permits more than 3 of 4 sounds do, which say .*--licence-override"):
        importing("lhotse", tmp_path / "cuts.jsonl.gz", name="free", licence="CC0-1.0", **asked)
    assert not (importing.out / "free").exists()
    why = {"licence": "CC0-1.0", "licence_override": "the four authors, by letter, 2026-11-03"}
    summary = importing("lhotse", tmp_path / "cuts.jsonl.gz", name="free", **why, **asked)
    assert {cut.custom["licence"] for cut in importing.cuts("free").values()} == {"CC0-1.0"}
    assert summary["licence_override"] == {
        "reason": "the four authors, by letter, 2026-11-03",
        "replaced": {"CC-BY-4.0": 1, "CC-BY-NC-ND-4.0": 1, "CC0-1.0 AND GPL-2.0": 1},
    }


def test_a_sound_that_comes_twice_has_both_licences(importing, tmp_path, recordings):
    cuts = [recordings[0].to_cut(), recordings[0].to_cut().with_id("again"), recordings[1].to_cut()]
    cuts[0].custom, cuts[1].custom = {"licence": "CC0-1.0"}, {"licence": "CC-BY-NC-4.0", "credits": [["ann", "own"]]}
    CutSet.from_cuts(cuts).to_file(tmp_path / "cuts.jsonl.gz")
    importing("lhotse", tmp_path / "cuts.jsonl.gz", role="noise", allow_outside=True)
    assert len(importing.rejects()) == 1
    (both,) = (cut.custom for cut in importing.cuts().values() if "AND" in cut.custom["licence"])
    assert set(both["licence"].split(" AND ")) == {"CC0-1.0", "CC-BY-NC-4.0"}
    assert ["tiny:ann", "own"] in both["credits"]
    assert ["tiny", "CC0-1.0"] in both["credits"]
