"""Check that the voices of a language can say a keyword, before any work begins."""

import re
import unicodedata

from kwsdata.errors import ParamsError
from kwsdata.params import KeywordParams
from kwsdata.stages.synthesize.phonemes import segments, sound_count
from kwsdata.stages.synthesize.pronounce import is_english, pronounce
from kwsdata.text import UNSPACED

# Sounds a letter. What eSpeak cannot read it names ("Chinese letter", "Hebrew shin"), in eight or more; a letter of a
# script that it reads is one to five.
_MOST_SOUNDS = 6
_SYLLABLES = re.compile(f"[{UNSPACED}]")


def check_sayable(keyword: KeywordParams) -> None:
    """Make sure that each word of the keyword has sounds of its own in its language.

    Raises:
        ParamsError: it has none, or eSpeak would name its letters one by one; or there is no such language.
        MissingExtraError: what pronounces the language is not installed.
    """
    for word in keyword.text.split():
        problem = _problem(word, keyword.language) if any(map(str.isalnum, word)) else None
        if problem:
            raise ParamsError(
                f"no voice says keyword.text = {keyword.text!r} in keyword.language = {keyword.language!r}: {problem}. "
                "Set keyword.language to the language of the word, by its name in eSpeak NG (ar, cmn, de, hi, ja, ko, "
                "ru, th, ...), or write the word in letters that this language is read from (Japanese: in kana)."
            )


def _problem(word: str, language: str) -> str | None:
    others = [char for char in word if char.isalpha() and not unicodedata.name(char, "").startswith("LATIN")]
    if others and is_english(language):
        return f"English is not read from {others[0]!r}"
    if not segments(pronounce(word, language)):
        return f"{word!r} has no sounds there"
    # A syllable or word sign is asked about alone: one that is not read may stand among others that are.
    signs = [char for char in others if _SYLLABLES.match(char) and unicodedata.category(char) == "Lo"]
    for part in sorted({*signs, word}):
        letters = sum(char in others for char in part)
        if letters and sound_count(pronounce(part, language)) > _MOST_SOUNDS * letters:
            return f"the letters of {part!r} are not read there but named, one by one"
    return None
