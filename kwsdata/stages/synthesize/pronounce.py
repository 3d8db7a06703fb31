"""Turn text into phonemes, by dictionary (misaki's, in `hibari-tts`, Apache-2.0) or G2P.

English goes through hibari's dictionary, rules and, for unknown words, its small network. Other languages go through
eSpeak NG. `frequent_words` gives the words that a tagger learnt from running text, with their part of speech.
"""

import ctypes
import gzip
import importlib.resources
import json
import re
from functools import cache
from typing import Any

from kwsdata.errors import MissingExtraError, ParamsError
from kwsdata.stages.synthesize.espeak_library import fresh_library
from kwsdata.stages.synthesize.phonemes import VOWELS, from_ipa, segments, sound_count

_UTF8, _IPA = 1, 2  # how eSpeak's text comes in, how its phonemes come out
_SWITCH = re.compile(r"\([^)]*\)")  # between phonemes: eSpeak goes on with the voice of another language


def _assets() -> Any:
    try:
        return importlib.resources.files("hibari") / "assets"
    except ModuleNotFoundError:
        raise MissingExtraError("hibari-tts", "kokoro", "the pronunciation dictionary") from None


@cache
def _load(name: str) -> Any:
    return json.loads(gzip.decompress((_assets() / name).read_bytes()))


@cache
def dictionary(level: str = "gold") -> dict[str, str]:
    """Return {lower-case word: phonemes with stress marks} of American English, 1 pronunciation a word.

    Args:
        level: "gold" (90 000 checked entries) or "silver" (93 000 rarer ones). Names, abbreviations and words with
            anything but letters are left out.
    """
    words: dict[str, str] = {}
    for word, entry in _load(f"lexicon_us_{level}.json.gz").items():
        phonemes = entry.get("DEFAULT") if isinstance(entry, dict) else entry
        sounds = segments(phonemes or "")
        if sounds and word.isascii() and word.isalpha() and word.islower() and VOWELS.intersection(sounds):
            words[word] = str(phonemes)
    return words


@cache
def frequent_words() -> dict[str, str]:
    """Return {word: Penn Treebank tag} of some 11 000 words of one clear tag in running text, roughly commonest first.

    Words are lower-case but for names (tags NNP, NNPS).
    """
    found: dict[str, str] = {}
    for word, tag in _load("tagger.json.gz")["tagdict"].items():
        word = word if tag in ("NNP", "NNPS") else word.lower()
        if len(word) > 1 and word.isascii() and word.isalpha() and not word[1:].isupper():
            found.setdefault(word, tag)
    return found


@cache
def common_words() -> frozenset[str]:
    """Return the words of the checked dictionary that occur often in running text, whatever their tags."""
    return frozenset(dictionary()).intersection(_load("tagger.json.gz")["vocab"])


@cache
def _english(british: bool) -> Any:
    _assets()
    from hibari.g2p import G2P

    return G2P(british=british)


def pronounce(text: str, language: str) -> str:
    """Return the phonemes of `text`, stress marks and punctuation kept, as Kokoro reads them.

    Args:
        text: any words, known or not.
        language: a tag; "en-gb..." gives British, other "en..." American pronunciations; the rest eSpeak's.

    Raises:
        MissingExtraError: `hibari-tts` (English) or `espeakng-loader` (other languages) is not installed.
        ParamsError: there is no such language.
    """
    language = language.lower()
    if is_english(language):
        return str(_english(language.startswith("en-gb"))(text))
    return from_ipa(_espeak_ipa(text, language))


def is_english(language: str) -> bool:
    """Tell whether a language tag is one of English: "en", "en-gb", "en-us"."""
    return language.lower().split("-")[0] == "en"


def sounds_in(text: str, language: str) -> int:
    """Return how many sounds it takes to say `text`, whatever it is written in: letters, digits, syllables, signs.

    Words of English are looked up in the dictionaries first, which is quick enough for thousands of sentences.
    """
    if not is_english(language):
        return _sounds_of(text, language)
    return sum(_sounds_of(word.strip(".,;:!?"), language) for word in text.lower().split())


@cache
def _sounds_of(text: str, language: str) -> int:
    known = (dictionary().get(text) or dictionary("silver").get(text)) if is_english(language) else None
    return sound_count(known or pronounce(text, language))


def _espeak_ipa(text: str, language: str) -> str:
    with fresh_library() as (library, _):
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        if library.espeak_SetVoiceByName(language.encode()) != 0:
            raise ParamsError(f"keyword.language = {language!r} is not a language of eSpeak NG: see its `lang` folder.")
        rest = ctypes.c_char_p(text.encode())
        parts = []
        while rest.value:
            spoken = library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA)
            parts.append(_SWITCH.sub("", (spoken or b"").decode()))
    return " ".join(parts)
