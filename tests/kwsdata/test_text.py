"""Spellings of one word are one, other words are others; a keyword is found where it is said, and names its files."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kwsdata.text import MAX_KEYWORD, contains, file_stem, key, keyword_of, same, says, spell_out, tidy, words_of_name
from kwsdata.tools.command import safe_name

WORDS = {
    "de": "größe", "hi": "नमस्ते", "ta": "வணக்கம்", "ar": "مرحبا", "he": "שלום", "ru": "привет", "tr": "ışık",
    "cmn": "小爱同学", "ja": "こんにちは", "ko": "안녕하세요", "th": "สวัสดี", "vi": "xin chào", "el": "καλημέρα",
    "fa": "کتاب", "uk": "п'ять", "ka": "გამარჯობა", "hy": "բարեւ", "am": "ሰላም", "en": "hey lumen", "fr": "l'été",
}  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("größe", "GRÖSSE"),
        ("straße", "STRAẞE"),
        ("ışık", "IŞIK"),
        ("istanbul", "İSTANBUL"),
        ("istanbul", "ISTANBUL"),
        ("ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("καλημέρα", "ΚΑΛΗΜΕΡΑ"),
        ("προΐσταμαι", "ΠΡΟΪΣΤΑΜΑΙ"),
        ("ёлка", "Елка"),
        ("приве́т", "привет"),
        ("don't", "DON’T"),
        ("п'ять", "пʼять"),
        ("ג'ירפה", "ג׳ירפה"),
        ("'computer'", "computer"),
        ("hey lumen", "Hey,  Lumen!"),
        ("hey lumen", "hey_lumen"),
        ("hey lumen", "hey‑lumen"),
        ("hey lumen", "hey\u00a0lumen\u3000"),
        ("computer", "ｃｏｍｐｕｔｅｒ"),
        ("find", "ﬁnd"),
        ("computer", "com\u00adpu\u200bter"),
        ("computer", "\ufeff\u200ecomputer\u200f"),
        ("computer", "computer☕\ufe0f"),
        ("می‌خواهم", "میخواهم"),
        ("کتاب", "كتاب"),
        ("فارسی", "فارسي"),
        ("مرحبا", "مَرْحَبًا"),
        ("مرحبا", "مـرحـبا"),
        ("مرحبا", "ﻣﺮﺣﺒﺎ"),
        ("שלום", "שָׁלוֹם"),
        ("कक्षा १०", "कक्षा 10"),
        ("क़लम", "क़लम"),
        ("हिन्दी", "हिंदी"),
        ("गङ्गा", "गंगा"),
        ("पञ्च", "पंच"),
        ("अण्डा", "अंडा"),
        ("कम्प्यूटर", "कंप्यूटर"),
        ("țară", "ţară"),
        ("Șase", "ŞASE"),
        ("s\u0326ase", "s\u0327ase"),
        ("क्ष", "क्‍ष"),
        ("コンピュータ", "ｺﾝﾋﾟｭｰﾀ"),
        ("小爱同学", "小爱 同学"),
        ("ok グーグル", "OKグーグル"),
        ("สวัสดีครับ", "สวัสดี ครับ"),
        ("r2d2", "Ｒ２Ｄ２"),
    ],
)
def test_spellings_of_one_word_are_the_same(one, other):
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("schön", "schon"),
        ("élan", "elan"),
        ("don't", "dont"),
        ("we'll", "well"),
        ("नमस्ते", "नमसत"),
        ("काम", "कम"),
        ("जन्म", "जंम"),
        ("अन्न", "अंन"),
        ("हंस", "हँस"),
        ("şi", "si"),
        ("க", "கா"),
        ("が", "か"),
        ("мой", "мои"),
        ("ты", "ть"),
        ("ma", "mä"),
        ("สวย", "สว่ย"),
        ("hey lumen", "heylumen"),
        ("안녕", "안냥"),
        ("小爱", "小爱同学"),
        ("c", "ç"),
        ("computer", "сomputer"),  # a Cyrillic с
        ("", ""),
        ("!!!", "..."),
        ("☕", ""),
    ],
)
def test_other_words_are_others(one, other):
    assert not same(one, other)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("language", WORDS)
def test_the_form_that_a_system_writes_changes_no_word(language, form):
    word = WORDS[language]
    written = unicodedata.normalize(form, word)
    assert same(word, written)
    assert same(word, written.upper())
    assert file_stem(written) == file_stem(word)
    assert keyword_of(written, language) == keyword_of(word, language)


@given(st.text())
@example("İ\u0307ǰ\u0345ß")
@example("'\u0301'")
@example("\ud800")
def test_a_key_is_its_own_key(text):
    assert key(key(text)) == key(text)
    assert same(text, key(text)) == bool(key(text))


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("computer", "two Computers.", True),
        ("computer", "a microcomputer", True),
        ("computer", "the computer's", True),
        ("computer", "compute it", False),
        ("computer", "telecomputers", False),
        ("on", "Monday, one second", True),
        ("on", "Monday, a second", False),
        ("hey lumen", "say hey, Lumen now", True),
        ("größe", "die gro\u0308ßen", True),
        ("größe", "DIE SCHUHGRÖSSE", True),
        ("été", "l’été dernier", True),
        ("привет", "всем приветик", True),
        ("कंप्यूटर", "मेरे कंप्यूटरों में", True),
        ("வணக்கம்", "அனைவருக்கும் வணக்கம்", True),
        ("மரம்", "அம்மரம்கள்", False),
        ("مرحبا", "قال مَرحَبًا بكم", True),
        ("מחשב", "והמחשב שלי", True),
        ("ışık", "IŞIKLAR söndü", True),
        ("컴퓨터", "내 컴퓨터가 꺼졌다", True),
        ("小爱同学", "我想和小爱同学说话", True),
        ("小爱同学", "我想和小明同学说话", False),
        ("コンピュータ", "このｺﾝﾋﾟｭｰﾀは速い", True),
        ("สวัสดี", "เขาพูดว่าสวัสดีครับ", True),
        ("ok グーグル", "ねえOKグーグルと言う", True),
        ("", "anything", False),
        ("!", "what!", False),
    ],
)
def test_a_keyword_is_heard_at_the_edges_of_words_and_anywhere_where_words_have_none(keyword, text, expected):
    assert says(keyword, text) is expected
    if expected:
        assert contains(text, keyword)


@pytest.mark.parametrize(
    ("text", "keyword", "expected"),
    [
        ("MY COM-PUTER!", "computer", True),
        ("micro-computers", "computer", True),
        ("hey, Computer", "hey computer", True),
        ("heylumen", "hey lumen", True),
        ("compute a sum", "computer", False),
        ("on second thought", "on", True),
        ("a second", "on", False),
        ("a bond", "on", False),
        ("the bottom line", "tom", True),
        ("the atomic age", "tom", False),
        ("小 爱 同 学", "小爱同学", True),
        ("anything", "?", False),
    ],
)
def test_letters_are_found_across_spaces_but_not_inside_of_a_word(text, keyword, expected):
    assert contains(text, keyword) is expected


@pytest.mark.parametrize(
    ("text", "language", "tidied"),
    [
        ("  Hey \t Lumen ", "en-us", "hey lumen"),
        ("Gro\u0308ße!", None, "größe!"),
        ("IŞIK", "tr", "ışık"),
        ("İZMİR", "tr-TR", "izmir"),
        ("IT IS", "en", "it is"),
        (" ", None, ""),
    ],
)
def test_a_tidy_text_is_composed_and_in_lower_case(text, language, tidied):
    assert tidy(text, language) == tidied


def test_a_folders_name_is_words():
    assert words_of_name("hey_computer") == "hey computer"
    assert words_of_name("hey--computer‑now") == "hey computer now"
    assert words_of_name("コンピューター") == "コンピューター"


@pytest.mark.parametrize(
    ("text", "says_why"),
    [
        ("", "no letter and no digit"),
        (" \u3000\t", "no letter and no digit"),
        ("!!!", "no letter and no digit"),
        ("…—’", "no letter and no digit"),
        ("\u093f\u0902", "no letter and no digit"),  # vowel signs alone
        ("\u200b\u00ad\ufeff", "no letter and no digit"),
        ("🎉", "U\\+1F389 \\(PARTY POPPER\\)"),
        ("hey ☕", "character 5 is U\\+2615 \\(HOT BEVERAGE\\)"),
        ("1\ufe0f\u20e3", "U\\+20E3"),
        ("hey\x00", "U\\+0000 \\(a control character\\)"),
        ("\x1b[31mred", "U\\+001B"),
        ("\u202ecomputer\u202c", "U\\+202E \\(RIGHT-TO-LEFT OVERRIDE\\)"),
        ("שלום\u200f", "U\\+200F"),
        ("\ue000", "U\\+E000"),
        ("\ud800", "U\\+D800"),
        ("a" * (MAX_KEYWORD + 1), f"101 characters, more than {MAX_KEYWORD}"),
    ],
)
def test_a_keyword_that_nobody_can_say_is_refused(text, says_why):
    with pytest.raises(ValueError, match=says_why):
        keyword_of(text)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Computer", "computer"),
        ("  Hey   Lumen ", "hey lumen"),
        ("R2D2", "r2d2"),
        ("c++", "c++"),
        ("don’t", "don’t"),
        ("ＨＥＹ", "hey"),
        ("com\u00adputer\ufeff", "computer"),
        ("می‌خواهم", "می‌خواهم"),  # its joiner stays: it is read by it
        ("a" * MAX_KEYWORD, "a" * MAX_KEYWORD),
    ],
)
def test_a_keyword_is_spoken_as_it_was_typed_but_for_its_case(text, spoken):
    assert keyword_of(text, "en") == spoken


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("computer", "computer"),
        ("hey lumen", "hey_lumen"),
        ("wi-fi", "wi-fi"),
        ("don't", "don_t"),
        ("c++", "c"),
        ("r2d2", "r2d2"),
        ("gr e", "gr_e"),
    ],
)
def test_a_plain_keyword_is_the_name_of_its_files(text, stem):
    assert file_stem(text) == stem


def test_names_of_files_are_never_empty_and_apart():
    texts = [
        *WORDS.values(),
        "hey ☕",
        "hey",
        "gr e",
        "grosse",
        "łódź",
        "lodz",
        "!!!",
        "",
        ".",
        "..",
        "-",
        "con",
        "NUL",
    ]
    stems = [file_stem(text) for text in texts]
    assert len({stem.lower() for stem in stems}) == len(texts)
    for stem in stems:
        assert stem.isascii()
        assert stem[0].isalnum()
        assert not set(stem) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
        assert stem.lower() not in ("con", "nul")
    assert file_stem("größe").startswith("grosse-")
    assert file_stem("łódź").startswith("lodz-")
    assert len(file_stem("größe" * 20, 32)) == 32


@pytest.mark.parametrize(
    ("path", "name"),
    [("~/wake/Hey Computer", "Hey_Computer"), ("привет", "text-e58f1e8c"), ("größe", "grosse-d179961a"), ("!", None)],
)
def test_a_corpus_is_named_by_its_folder_whatever_its_script(path, name):
    made = safe_name(Path(path).name)
    assert made == (name or file_stem("!"))
    assert file_stem(made, 32) == made  # what the importer asks of a name


def test_texts_that_look_alike_are_shown_with_their_escapes():
    assert spell_out("computer") == "'computer'"
    assert spell_out("сomputer") == "'сomputer' ('\\u0441omputer')"
