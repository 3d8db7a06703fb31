"""One person under two names is found by voice, where the network of voices is installed."""

from pathlib import Path

import numpy as np
import pytest
from sound import tone, white_noise
from toy_voices import use_toy_voices

from kwsdata.audio import SAMPLE_RATE, read_audio, resample
from kwsdata.clips.manifests import audio_sha256, make_cut, with_fields
from kwsdata.clips.shards import Clip, shard_cuts, write_shard
from kwsdata.errors import MissingExtraError
from kwsdata.stages.check import stage, voices
from kwsdata.stages.check.voice_network import DIM, VoiceNetwork, mel_bands, speech_of, weights_file
from kwsdata.stages.check.voices import same_voices

HOMES = {"a": "train", "b": "train", "c": "dev", "d": "test"}


def sung(hz: float, seconds: float) -> np.ndarray:
    return tone(hz, seconds) + white_noise(round(hz), seconds, 0.001)


def said(corpora: dict[str, list[tuple[str, float, float]]], **custom) -> dict[str, list]:
    """Write clips of (speaker, pitch in Hz, seconds); return the cuts of each partition."""
    cuts: dict[str, list] = {"train": [], "dev": [], "test": []}
    for name, clips in corpora.items():
        made = []
        for number, (who, hz, seconds) in enumerate(clips):
            wave, speaker = sung(hz, seconds), f"{name}:{who}"
            known = {"corpus": name, "label": "speech", "speaker": speaker, "audio_sha256": audio_sha256(wave)}
            made.append(Clip(make_cut(f"{name}-{number}", wave.size, speaker=speaker, custom=known), wave))
        if made:
            write_shard(Path("data") / name, 0, made)
            cuts[HOMES[name]] += [with_fields(cut, **custom) for cut in shard_cuts(Path("data") / name)]
    return cuts


@pytest.fixture
def compare(project, params, monkeypatch):
    use_toy_voices(monkeypatch, project / "weights")
    executor = params.executor.model_copy(update={"kind": "serial"})

    def compare(corpora, custom=None, **limits):
        block = params.check.voices.model_copy(update={"min_alike": 0.95, "min_s": 2.0, "listen_s": 6.0} | limits)
        return same_voices(said(corpora, **custom or {}), block, executor)

    return compare


def test_one_voice_in_two_partitions_is_named_with_all_that_was_heard_and_strangers_are_not(compare):
    found = compare({
        "a": [("ann", 300, 1.5), ("bob", 500, 3.0), ("ann", 300, 1.5)],
        "c": [("cy", 700, 3.0), ("dee", 300, 3.0)],
        "d": [("eve", 900, 3.0)],
    })  # fmt: skip
    (finding,) = found
    assert finding.rule == "same_voice"
    assert finding.message.startswith("a:ann (train) and c:dee (dev) have alike voices: ")
    assert finding.cuts == ["a-0", "a-2", "c-1"]
    assert "put a and c whole into one partition" in finding.fix
    assert finding.exclude == []


def test_the_likest_pairs_of_all_three_partitions_come_first(compare):
    found = compare({"a": [("x", 300, 3)], "c": [("y", 300, 3)], "d": [("z", 305, 3)]}, min_alike=0.5)
    pairs = [tuple(finding.message.split(" have")[0].split(" and ")) for finding in found]
    assert pairs[0] == ("a:x (train)", "c:y (dev)")
    assert set(pairs[1:]) == {("a:x (train)", "d:z (test)"), ("c:y (dev)", "d:z (test)")}


@pytest.mark.parametrize(
    ("corpora", "custom"),
    [
        ({"a": [("x", 300, 3)], "b": [("y", 300, 3)]}, {}),  # one partition
        ({"a": [("x", 300, 3)], "c": [("y", 300, 1.5)]}, {}),  # too short
        ({"a": [("x", 300, 3)], "c": [("y", 300, 3)]}, {"synthetic": True}),
        ({"a": [("x", 300, 3)], "c": [("y", 300, 3)]}, {"label": "noise"}),
        ({"a": [("x", 300, 3)], "c": [("y", 300, 3)]}, {"person": "ns:x"}),  # who is shared_speaker's
        ({"a": [("x", 300, 3)], "c": [("y", 300, 3)]}, {"speaker": None}),
        ({"a": [], "c": [], "d": []}, {}),
    ],
)
def test_these_are_no_pair(compare, corpora, custom):
    assert compare(corpora, custom) == []


def test_no_more_of_a_speaker_is_heard_than_asked_and_short_clips_add_up(compare, monkeypatch):
    read = []
    monkeypatch.setattr(voices, "load_audio", lambda cut: read.append(cut.id) or sung(300, cut.recording.duration))
    assert compare({"a": [("x", 300, 1.0)] * 5, "c": [("y", 300, 6.0)]}, listen_s=3.0, min_s=3.1) == []
    assert read == ["a-0", "a-1", "a-2", "c-0"]
    assert len(compare({"b": [("x", 300, 0.5)] * 5, "d": [("y", 300, 6.0)]}, listen_s=3.0, min_s=2.0)) == 1


def test_what_is_reported_is_bounded(compare, monkeypatch):
    monkeypatch.setattr(voices, "_MOST", 3)
    assert len(compare({"a": [("x", 300, 3)], "c": [(f"y{n}", 300 + n / 100, 3) for n in range(5)]})) == 3


def test_without_the_network_the_gate_says_that_voices_were_not_compared(spoken_project, tmp_path, monkeypatch):
    for module in (voices, stage):
        monkeypatch.setattr(module, "weights_file", lambda: None)
    result = stage.run(spoken_project.params, out=tmp_path / "check")
    assert result["measured"]["voices"] is False
    assert "Voices were not compared" in (tmp_path / "check/index.html").read_text()
    limits = spoken_project.params.check.model_copy(update={"fail": ["same_voice"]})
    with pytest.raises(MissingExtraError, match=r"same_voice needs the package 'resemblyzer'.*kwsdata\[voices\]"):
        stage.run(spoken_project.params.model_copy(update={"check": limits}), out=tmp_path / "again")


def test_the_gate_warns_and_passes(spoken_project, tmp_path, monkeypatch):
    use_toy_voices(monkeypatch, tmp_path / "weights")
    monkeypatch.setattr(stage, "weights_file", voices.weights_file)
    block = spoken_project.params.check.voices.model_copy(update={"min_alike": 0.0, "min_s": 1.0})
    limits = spoken_project.params.check.model_copy(update={"voices": block})
    result = stage.run(spoken_project.params.model_copy(update={"check": limits}), out=tmp_path / "check")
    named = [finding for finding in result["findings"] if finding["rule"] == "same_voice"]
    assert result["passed"]
    assert result["measured"]["voices"] is True
    assert named
    assert not any(finding["fails"] for finding in named)


def test_pauses_are_left_out_and_quiet_speech_is_raised():
    speech = tone(400, 1.0, 0.001)
    wave = np.concatenate([speech, np.zeros(32_000, np.float32), speech])
    heard = speech_of(wave)
    assert 2 * speech.size <= heard.size <= 2 * speech.size + 8 * 480 * 2  # 0.1 s around each stay
    assert np.abs(heard).max() > 20 * np.abs(wave).max()  # to -30 dBFS
    assert speech_of(np.zeros(16_000, np.float32)).size == 0
    assert speech_of(np.zeros(3, np.float32)).size == 0


def test_bands_are_of_equal_area_and_begin_where_slaney_says():
    bands, hz = mel_bands(), np.linspace(0, 8000, 201)
    middles = hz[bands.argmax(axis=0)]
    # 42 edges: 15 mels of 66.7 Hz to 1 kHz, then 27 for each factor of 6.4.
    step = (15 + 27 * np.log(8) / np.log(6.4)) / 41
    np.testing.assert_allclose(middles[:12], step * 200 / 3 * np.arange(1, 13), atol=20)  # half a bin
    np.testing.assert_allclose(middles[-1], 8000 / 6.4 ** (step / 27), atol=20)
    np.testing.assert_allclose(bands.sum(axis=0)[10:] * 40, 1, atol=0.06)  # as far as bins of 40 Hz show an area


def test_a_reader_is_nearer_to_herself_than_to_others(real_data):
    if weights_file() is None:
        pytest.skip("the extra `voices` is not installed")
    network, vectors = VoiceNetwork(), []
    files = sorted((real_data / "speech_english_libri").rglob("*.ogg"))[::25]
    for file in files:
        wave = resample(*read_audio(file))[: 12 * SAMPLE_RATE]
        vectors += [network.embed(speech_of(half)) for half in np.array_split(wave, 2)]
    cosine = np.stack(vectors) @ np.stack(vectors).T
    assert cosine.shape[0] == 2 * len(files) == 22
    assert len(vectors[0]) == DIM
    np.testing.assert_allclose(np.diag(cosine), 1, atol=1e-5)
    np.fill_diagonal(cosine, -1)
    assert (cosine.argmax(axis=0) // 2 == np.arange(len(vectors)) // 2).all()
