"""Imports of real recordings; skipped where they are absent."""

import pytest


def test_speech_commands_holds_30_words_of_41_speakers(importing, real_data):
    summary = importing("speech-commands", real_data / "speech_commands_mini")
    assert (summary["clips"], summary["speaker_count"], summary["rejects"]) == (300, 41, 0)
    assert summary["hours"] == pytest.approx(300 / 3600, rel=0.02)  # a few words are shorter than a second
    assert len({cut.supervisions[0].text for cut in importing.cuts().values()}) == 30


def test_ambience_is_13_sources_of_noise(importing, real_data):
    summary = importing("folder", real_data / "noise_ambience", role="noise")
    assert (summary["clips"], summary["speaker_count"], summary["speakers"]) == (13, 13, "known")


def test_a_crowd_has_no_speakers(importing, real_data):
    summary = importing("folder", real_data / "wake_words_crowd/computer", role="keyword", limit=40)
    assert summary["speakers"] == "unknown"
    assert summary["most_common_texts"] == {"computer": 40 - summary["rejects"]}
