"""Keywords of many scripts, of digits and of many sounds: counted by their sounds, let through, or refused."""

import unicodedata

import numpy as np
import pytest

pytest.importorskip("hibari", reason="pronunciations come with the extra `kokoro`")
pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")

from kwsdata.errors import ParamsError
from kwsdata.params import KeywordParams
from kwsdata.stages.synthesize.confusables import confusable_phrases
from kwsdata.stages.synthesize.engines import Request, load_engine
from kwsdata.stages.synthesize.gate import cut_to_voice, failure
from kwsdata.stages.synthesize.partials import partial_phrases
from kwsdata.stages.synthesize.phonemes import from_ipa, segments, sound_count
from kwsdata.stages.synthesize.pronounce import sounds_in
from kwsdata.stages.synthesize.sayable import check_sayable
from kwsdata.text import same, says

SPOKEN = {  # keyword: (language, sounds it takes at least and at most, by ear and by eSpeak's habits)
    "computer": ("en-us", 8, 9),
    "r2d2": ("en-us", 8, 8),
    "k9": ("en-us", 4, 5),
    "7": ("en-us", 5, 5),
    "c++": ("en-us", 9, 10),
    "don't": ("en-us", 4, 4),
    "good morning my dear computer please wake up": ("en-us", 30, 36),
    "supercalifragilisticexpialidocious": ("en-us", 30, 36),
    "größe": ("de", 5, 5),
    "नमस्ते": ("hi", 7, 8),
    "वाणी २": ("hi", 5, 7),
    "வணக்கம்": ("ta", 7, 8),
    "مرحبا": ("ar", 5, 7),
    "שלום": ("he", 4, 6),
    "привет": ("ru", 6, 6),
    "ışık": ("tr", 4, 4),
    "小爱同学": ("cmn", 11, 16),
    "こんにちは": ("ja", 8, 10),
    "コンピュータ": ("ja", 7, 9),
    "ok グーグル": ("ja", 9, 11),
    "안녕하세요": ("ko", 10, 12),
    "สวัสดี": ("th", 6, 9),
    "xin chào": ("vi", 6, 6),
    "γειά σου": ("el", 4, 6),
    "კომპიუტერი": ("ka", 10, 10),
}


@pytest.mark.parametrize("keyword", SPOKEN)
def test_the_sounds_of_a_keyword_are_counted_not_its_letters(keyword):
    language, least, most = SPOKEN[keyword]
    assert least <= sounds_in(keyword, language) <= most


def test_marks_tones_and_changes_of_voice_are_no_sounds():
    assert sound_count("ˈkʰuː.") == 2
    assert sound_count("ɕjˈɑu2 ˈai5") == 6
    assert segments("ħʂʈɳä") == "hʃtna"
    assert sound_count(from_ipa("prʲivʲˈet")) == 6
    assert sounds_in("नमस्ते", "de") == sounds_in("नमस्ते", "hi")  # eSpeak goes on with the voice of Hindi
    assert sounds_in("Hello, there!", "en-us") == sounds_in("hello there", "en-us") == 7


@pytest.mark.parametrize("keyword", SPOKEN)
def test_the_gate_lets_through_what_slow_and_quick_voices_say(params, keyword):
    language, gate = SPOKEN[keyword][0], params.synthesize.gate
    engine, ranges = load_engine("espeak"), params.synthesize.espeak
    check_sayable(KeywordParams(text=keyword, language=language))
    for voice in ("f3", "Annie", "klatt2", "grandpa"):
        for speed in (ranges.speed.low, 1.0, ranges.speed.high):
            wave = engine.speak(Request("espeak", voice, f"{keyword}!", language, speed=speed))
            voiced = cut_to_voice(wave, gate)
            assert failure(voiced.wave, voiced.span, sounds_in(keyword, language), gate) is None, (voice, speed)


@pytest.mark.parametrize("language", ["ja", "cmn", "hi", "de"])
def test_a_sentence_of_english_is_counted_as_its_voice_reads_it(params, language):
    text = "Well, nobody watched the kettle on the roof, and the doctor wants to find some lamps."
    wave = load_engine("espeak").speak(
        Request("espeak", "f3", text, language, speed=params.synthesize.espeak.speed.low)
    )
    voiced = cut_to_voice(wave, params.synthesize.gate)
    assert failure(voiced.wave, voiced.span, sounds_in(text, language), params.synthesize.gate) is None
    if language == "ja":  # letter by letter
        assert sounds_in(text, language) > 2 * sounds_in(text, "en-us")


def test_the_gate_still_finds_what_was_not_said(params):
    gate = params.synthesize.gate
    wave = load_engine("espeak").speak(Request("espeak", "f3", "k", "en-us"))
    voiced = cut_to_voice(wave, gate)
    long_word = sounds_in("supercalifragilisticexpialidocious", "en-us")
    assert failure(voiced.wave, voiced.span, long_word, gate).startswith("too short")
    assert failure(np.tile(wave, 9), (0, 9 * wave.size), 2, gate).startswith("too slow")


@pytest.mark.parametrize(
    ("keyword", "language", "why"),
    [
        ("小爱同学", "en-us", "English is not read from '小'"),
        ("привет", "en-us", "English is not read from 'п'"),
        ("hey नमस्ते", "en-gb", "English is not read from 'न'"),
        ("電脳", "ja", "not read there but named"),
        ("ねえ電脳", "ja", "not read there but named"),
        ("日本", "ko", "not read there but named"),
        ("中文", "de", "not read there but named"),
        ("こんにちは", "cmn", "not read there but named"),
        ("привет", "de", "not read there but named"),
        ("שלום", "fr", "not read there but named"),
        ("مرحبا", "es", "not read there but named"),
        ("สวัสดี", "de", "not read there but named"),
        ("computer", "tlh-none", "not a language of eSpeak"),
    ],
)
def test_a_keyword_that_no_voice_of_its_language_says_is_refused(keyword, language, why):
    with pytest.raises(ParamsError, match=why):
        check_sayable(KeywordParams(text=keyword, language=language))


@pytest.mark.parametrize("keyword", SPOKEN)
def test_a_part_of_a_keyword_is_some_of_its_letters_with_their_marks(keyword):
    for phrase in partial_phrases(keyword, SPOKEN[keyword][0]):
        assert keyword.startswith(phrase.text) != keyword.endswith(phrase.text)
        assert not says(keyword, phrase.text)
        place = len(phrase.text) if keyword.startswith(phrase.text) else -len(phrase.text)
        assert not unicodedata.category(keyword[place:][0]).startswith("M")


@pytest.mark.parametrize("keyword", ["größe", "привет", "小爱同学"])
def test_a_respelling_is_another_word_in_the_same_script(keyword):
    scripts = {unicodedata.name(letter).split()[0] for letter in keyword}
    phrases = confusable_phrases(keyword, SPOKEN[keyword][0], 30, 0.6)
    assert len(phrases) == 30
    for phrase in phrases:
        assert {unicodedata.name(letter).split()[0] for letter in phrase.text} <= scripts
        assert not same(phrase.text, keyword)
        assert not unicodedata.category(phrase.text[0]).startswith("M")
