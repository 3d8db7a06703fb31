"""Accents change sounds as their rules say, no further than asked, and nothing that is not theirs."""

import numpy as np
import pytest

pytest.importorskip("hibari", reason="pronunciations come with the extra `kokoro`")

from kwsdata.stages.synthesize.accents import accented, accents
from kwsdata.stages.synthesize.engines import load_engine
from kwsdata.stages.synthesize.phonemes import PAUSE, distance, segments, sound_count, to_espeak
from kwsdata.stages.synthesize.pronounce import pronounce

NAMED = {accent.name: accent for accent in accents()}
PHRASES = ("computer", "stop the music", "thank you")


def said(text: str, name: str, max_distance: float = 0.25, seeds: int = 10) -> list[str]:
    phonemes = pronounce(text, "en-us")
    return [accented(phonemes, NAMED[name], max_distance, np.random.default_rng(seed)) for seed in range(seeds)]


@pytest.mark.parametrize("name", NAMED)
def test_what_is_said_is_near_enough_and_varies(name: str) -> None:
    for text in PHRASES:
        phonemes = pronounce(text, "en-us")
        found = said(text, name)
        assert found == said(text, name)
        assert all(distance(phonemes, one) <= 0.25 * len(segments(phonemes)) + 1e-6 for one in found)
        assert all(sound_count(one) >= 2 for one in found)
    assert len({one for text in PHRASES for one in said(text, name)}) > len(PHRASES)


@pytest.mark.parametrize("name", NAMED)
def test_both_engines_know_every_sound(name: str) -> None:
    numbers = load_engine("kokoro", ())._numbers
    for rule in NAMED[name].rules:
        for sounds in rule.said:
            assert set(sounds) <= set(numbers)
            assert not sounds or to_espeak(sounds)


def test_nothing_may_change_where_no_distance_is_allowed() -> None:
    phonemes = pronounce("thank you very much", "en-us")
    for one in said("thank you very much", "german", 1e-6):
        assert segments(one) == segments(phonemes)


@pytest.mark.parametrize(
    ("name", "text", "sound", "instead"),
    [
        ("german", "thin", "θ", "st"),
        ("japanese", "light", "l", "r"),
        ("arabic", "pay", "p", "b"),
        ("french", "hat", "h", "æa"),
    ],
)
def test_a_rule_is_heard_in_some_and_not_in_all(name: str, text: str, sound: str, instead: str) -> None:
    first = [one.strip("ˈˌ")[0] for one in said(text, name, 0.6, 80)]
    assert {sound} < set(first) <= {sound, *instead}


def test_edges_and_consonants_decide_where_a_rule_applies() -> None:
    ends = {one.rstrip("ˈ")[-1] for one in said("bad", "german", 0.6)}
    assert ends == {"d", "t"}
    assert all(one[0] == "d" for one in said("dog", "german", 0.6))  # not at a start
    starts = {one.strip("ˈ")[0] for one in said("star", "spanish", 0.6)}
    assert starts == {"s", "ɛ"}
    assert all(one.strip("ˈ")[0] == "s" for one in said("say", "spanish", 0.6))  # no consonant follows


def test_careful_speech_breaks_between_syllables_and_stresses_them() -> None:
    found = said("computer", "careful", seeds=100)
    broken = [one for one in found if PAUSE in one]
    assert {one.replace("ˈ", "").index(PAUSE) for one in broken} == {3, 6}  # kəm_pju_tə
    assert 0.4 < len(broken) / len(found) < 0.8
    assert any(one.count("ˈ") == 3 for one in found)


def test_a_pause_is_silence_inside_of_the_word(tmp_path) -> None:
    from kwsdata.stages.synthesize.engines import Request

    espeak = load_engine("espeak", ())
    whole, broken = (
        espeak.speak(Request("espeak", "f3", "computer", "en-us", phonemes=phonemes))
        for phonemes in ("kəmpjˈutəɹ", "kəm_pjˈutəɹ")
    )
    assert broken.size - whole.size > 0.03 * 16_000
