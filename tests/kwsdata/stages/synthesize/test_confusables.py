"""What sounds like the keyword, and is not it."""

import pytest

pytest.importorskip("hibari", reason="the pronunciation dictionary comes with the extra `kokoro`")

from kwsdata.stages.synthesize.confusables import SAME, confusable_phrases, contains, sounds_of
from kwsdata.stages.synthesize.partials import half_phrases, partial_phrases
from kwsdata.stages.synthesize.phonemes import distance, segments
from kwsdata.stages.synthesize.pronounce import dictionary, pronounce

KEYWORDS = ("computer", "hey lumen", "zorbik")


@pytest.fixture(scope="module", params=KEYWORDS)
def found(request):
    return request.param, confusable_phrases(request.param, "en-us", 60, 0.5)


def test_phrases_are_as_many_as_asked_near_ranked_and_distinct(found):
    _, phrases = found
    ranks = [phrase.distance for phrase in phrases]
    assert len(phrases) == len({phrase.text for phrase in phrases}) == 60
    assert ranks == sorted(ranks)
    assert max(ranks) <= 0.5


def test_the_distance_of_each_is_its_phonemes_distance(found):
    keyword, phrases = found
    target = sounds_of(keyword, "en-us")
    for phrase in phrases:
        assert phrase.distance == pytest.approx(distance(target, phrase.phonemes) / len(target), abs=1e-3)  # rounded


def test_no_phrase_would_be_heard_as_the_keyword(found):
    keyword, phrases = found
    target = sounds_of(keyword, "en-us")
    assert not contains(target, [segments(phrase.phonemes) for phrase in phrases]).any()
    assert all(keyword not in phrase.text for phrase in phrases)


def test_no_two_phrases_sound_the_same(found):
    _, phrases = found
    for place, one in enumerate(phrases):
        assert all(distance(one.phonemes, other.phonemes) >= SAME for other in phrases[:place])


def test_words_that_hold_the_keyword_are_found_out():
    target = sounds_of("computer", "en-us")
    inside = ["computers", "microcomputer", "supercomputers"]
    outside = ["commuter", "compute", "computing"]
    assert contains(target, [segments(pronounce(word, "en-us")) for word in inside]).all()
    assert not contains(target, [segments(pronounce(word, "en-us")) for word in outside]).any()


def test_the_classic_confusions_come_up():
    texts = {phrase.text for phrase in confusable_phrases("computer", "en-us", 80, 0.6)}
    assert {"commuter", "compute", "computing"} <= texts
    assert any(" " in text for text in texts)  # word pairs too


def test_a_homophone_is_left_out():
    texts = {phrase.text for phrase in confusable_phrases("hey lumen", "en-us", 200, 0.6)}
    assert "hay lumen" not in texts
    assert "lumen" in texts


def test_nothing_is_asked_nothing_is_given():
    assert confusable_phrases("computer", "en-us", 0, 0.6) == []
    assert confusable_phrases("computer", "en-us", 10, 1e-6) == []


def test_a_language_without_a_dictionary_gives_respellings():
    pytest.importorskip("espeakng_loader", reason="other languages are pronounced by the extra `espeak`")
    phrases = confusable_phrases("rechner", "de", 20, 0.5)
    assert len(phrases) == 20
    assert phrases == confusable_phrases("rechner", "de", 20, 0.5)


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("computer", {"com", "compu", "puter", "ter"}),
        ("hey lumen", {"hey", "hey lu", "lumen", "men"}),
        ("snowboy", {"snow", "boy"}),
        ("start", {"sta", "art"}),
        ("see", set()),
    ],
)
def test_partials_are_the_keyword_cut_at_its_syllables(keyword, expected):
    assert {phrase.text for phrase in partial_phrases(keyword, "en-us")} == expected


def test_partials_are_beginnings_and_ends_and_not_nearly_the_keyword():
    whole = pronounce("computer", "en-us").replace("ˈ", "")
    for phrase in partial_phrases("computer", "en-us"):
        sounds = phrase.phonemes.replace("ˈ", "")
        assert whole.startswith(sounds) or whole.endswith(sounds)
        assert phrase.distance * 9 >= 0.75
    assert "lexa" not in {phrase.text for phrase in partial_phrases("alexa", "en-us")}


def test_half_phrases_share_one_end_with_a_keyword_of_several_words():
    phrases = half_phrases("hey lumen", "en-us", 12)
    assert len({phrase.text for phrase in phrases}) == 12
    assert all(phrase.text.startswith("hey ") != phrase.text.endswith(" lumen") for phrase in phrases)
    assert phrases == half_phrases("hey lumen", "en-us", 12)
    assert half_phrases("computer", "en-us", 12) == []


def test_the_dictionary_holds_plain_words_with_a_vowel():
    words = dictionary()
    assert len(words) > 70_000
    assert segments(words["commuter"]) == "kəmjutəɹ"
    assert all(word.isalpha() and word.islower() for word in words)
