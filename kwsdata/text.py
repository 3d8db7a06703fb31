"""Compare texts as words, find one in another, and make file names from them.

A keyword comes from params.yaml, folders, tables and transcripts, which were typed on different keyboards and systems.
All of the project compares texts by `key`, in which the spellings of one word are one:

    case, and compatibility forms     "GRÖSSE", "größe" with a combining umlaut, full-width letters, ligatures
    punctuation, spaces, - and _      "hey-lumen", "Hey, Lumen!"; the kinds of apostrophe are one inside a word
    characters that are not seen      joiners, soft hyphens, marks of direction, variation selectors, byte order marks
    marks that writers leave out      points of Hebrew and Arabic, tatweel, accents of Greek; ё is е
    letters of two keyboards          ك ي and ک ی; ț ș and ţ ş; ı İ and i, as a capital I is either of them; all digits
    nasals of Devanagari              हिन्दी and हिंदी: before its own row of stops a nasal may be a dot
    spaces that nobody must write     between letters of Chinese, Japanese, Thai and the like

All other marks are letters of their word: "schön" is not "schon", and a vowel sign of Hindi or Tamil is a sound.
"""

import hashlib
import re
import unicodedata
from functools import lru_cache

# Scripts that put no spaces between words: Thai, Lao, Tibetan, Myanmar, Khmer, Tai, kana, bopomofo, Han, Yi.
UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"
    "\u3031-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua9e0-\ua9ff\uaa60-\uaadf\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U000323af"
)
_BESIDE_UNSPACED = re.compile(f"(?<=[{UNSPACED}]) | (?=[{UNSPACED}])")
_BETWEEN = " '"  # what a key holds beside letters, marks and digits
_EDGE = re.compile(f"[{_BETWEEN}{UNSPACED}]")

# Default_Ignorable_Code_Point of Unicode, beyond the category Cf.
_UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_LEFT_OUT = (
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # points and accents of Hebrew
    "\u0610-\u061a\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08ff"
    "\u0640"  # tatweel, which only widens a word
)
_DROPPED = re.compile(f"[{_UNSEEN}{_LEFT_OUT}]")
_ACCENTS = re.compile(  # after _DROPPED: nothing else stands between them and their letter
    "(?<=[α-ω])[\u0300\u0301\u0313\u0314\u0342]+|(?<=[α-ω]\u0308)[\u0300\u0301\u0342]+"  # of Greek
    "|(?<=е)[\u0308\u0301]+|(?<=[аиоуыэюяіє])\u0301+"  # ё for е; the stress of Cyrillic dictionaries
    "|(?<=i)\u0307+"  # what is left of İ
)
_COMMAS = str.maketrans({"ș": "ş", "ț": "ţ"})  # keyboards had no comma below before 2007; no language has both
_NASALS = re.compile(  # of each row of Devanagari's stops, before one of them
    "ङ्(?=[क-घ])|ञ्(?=[च-झ])|ण्(?=[ट-ढ])|न्(?=[त-ध])|म्(?=[प-भ])"
)
_ALIKE = str.maketrans(dict.fromkeys("`´‘’‚‛ʹʻʼʽ′‵ꞌ＇׳՚", "'") | {"ı": "i", "ك": "ک", "ي": "ی"})
_UNSAID = ("Cc", "Cs", "Co", "Cn", "So", "Me")  # categories: control, none, emoji and other symbols, keycaps
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DOTLESS = frozenset({"tr", "az"})  # languages whose capital of ı is I, and of i is İ

MAX_KEYWORD = 100  # characters: some ten seconds of speech, where a wake word takes one; file names hold it whole
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # names that Windows keeps for devices
_LATIN = str.maketrans({"ł": "l", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ı": "i"})
_DIGEST = 8  # hexadecimal digits


class _Spaced(dict[int, str | int]):
    """For `str.translate`: what stands in no word becomes a space, digits become ASCII. Filled as asked."""

    def __missing__(self, code: int) -> str | int:
        char = chr(code)
        kind = unicodedata.category(char)
        if kind == "Nd":
            self[code] = str(unicodedata.decimal(char))
        else:
            self[code] = code if char == "'" or (kind[0] in "LNM" and kind != "Me") else " "
        return self[code]


_SPACED = _Spaced()


@lru_cache(maxsize=4096)
def key(text: str) -> str:
    """Return `text` as it is compared: words of letters, marks, digits and inner apostrophes, single spaces between.

    Two texts are the same words if their keys are equal; the key is empty where there is no letter and no digit.
    """
    folded = text.translate(_ALIKE)
    if not folded.isascii():
        folded = "".join(char for char in folded if unicodedata.category(char) != "Cf")
        # The caseless match of compatible strings: Unicode, 3.13, D146.
        folded = unicodedata.normalize("NFD", folded).casefold()
        folded = unicodedata.normalize("NFKD", folded).casefold()
        folded = _DROPPED.sub("", unicodedata.normalize("NFKD", folded.translate(_ALIKE)))
        folded = unicodedata.normalize("NFC", _ACCENTS.sub("", folded)).translate(_COMMAS)
        folded = _NASALS.sub("ं", folded)
    words = (_bare(word) for word in folded.lower().translate(_SPACED).split())
    return _BESIDE_UNSPACED.sub("", " ".join(filter(None, words)))


def _bare(word: str) -> str:
    """Return `word` without apostrophes around it and without marks that stand on no letter."""
    start = next((place for place, char in enumerate(word) if unicodedata.category(char)[0] in "LN"), len(word))
    return word[start:].rstrip("'")


def same(one: str, other: str) -> bool:
    """Tell whether two texts are the same words. A text without any is the same as no other."""
    return bool(key(one)) and key(one) == key(other)


def says(keyword: str, text: str) -> bool:
    """Tell whether `text` holds `keyword` at the start or the end of a word ("computers" and "microcomputer" do).

    Where words are not apart by spaces, it may stand anywhere.
    """
    word, heard = key(keyword), key(text)
    starts = (found.start() for found in re.finditer(f"(?={re.escape(word)})", heard)) if word else ()
    return any(_is_edge(heard, start) or _is_edge(heard, start + len(word)) for start in starts)


def contains(text: str, keyword: str) -> bool:
    """Tell whether the letters of `keyword` stand in `text` from the start or to the end of a word of it.

    What is between words does not count: "micro-computers" and "my com puter" have "computer". "second" does not have
    "on", which is inside of a word.
    """
    wanted, joined = letters(keyword), letters(text)
    if not wanted or wanted not in joined:
        return False
    heard, edges, count = key(text), set(), 0
    for place, char in enumerate(heard):
        if _is_edge(heard, place):
            edges.add(count)
        count += char not in _BETWEEN
    edges.add(count)
    starts = (found.start() for found in re.finditer(f"(?={re.escape(wanted)})", joined))
    return any(start in edges or start + len(wanted) in edges for start in starts)


def letters(text: str) -> str:
    """Return the letters, marks and digits of `text` as they are compared, without what is between."""
    return re.sub(f"[{_BETWEEN}]", "", key(text))


def _is_edge(heard: str, place: int) -> bool:
    """Tell whether a word begins or ends before character `place` of a key."""
    beside = heard[max(0, place - 1) : place + 1]
    return place in (0, len(heard)) or _EDGE.search(beside) is not None


def clusters(text: str) -> list[str]:
    """Return the letters of `text`, each with the marks and joiners that belong to it."""
    found: list[str] = []
    for char in text:
        if found and (unicodedata.category(char)[0] == "M" or unicodedata.category(char) == "Cf"):
            found[-1] += char
        else:
            found.append(char)
    return found


def compose(text: str) -> str:
    """Return `text` with letters and their marks as one character where there is one (NFC): as most systems type."""
    return unicodedata.normalize("NFC", text)


def tidy(text: str, language: str | None = None) -> str:
    """Return `text` composed, in lower case (by the rules of `language`), with single spaces. Punctuation stays."""
    text = compose(text)
    if (language or "").lower().split("-")[0] in _DOTLESS:
        text = text.replace("I", "ı").replace("İ", "i")
    return " ".join(text.lower().split())


def words_of_name(name: str) -> str:
    """Return the words that the name of a folder stands for: "hey_computer" is "hey computer"."""
    return re.sub(r"[_\-\u2010-\u2015\uff0d\uff3f]+", " ", name)


def keyword_of(text: str, language: str | None = None) -> str:
    """Return a keyword as it is to be spoken: tidy, with letters for compatibility forms, without unseen characters.

    Joiners stay: Persian and the scripts of India are read by them.

    Raises:
        ValueError: no voice can say it, in words for people: no letter or digit, a symbol or control character, or
            more than `MAX_KEYWORD` characters.
    """
    for place, char in enumerate(text, start=1):
        if char in _DIRECTION or (unicodedata.category(char) in _UNSAID and not char.isspace()):
            name = unicodedata.name(char, "a control character")
            raise ValueError(
                f"its character {place} is U+{ord(char):04X} ({name}), which no voice says: write the words alone"
            )
    seen = re.sub(f"[{_UNSEEN}\u00ad\u200b\u2060\ufeff]", "", unicodedata.normalize("NFKC", text))
    spoken = tidy(seen, language)
    if not key(spoken):
        raise ValueError("holds no letter and no digit that could be said: must hold at least one word")
    if len(spoken) > MAX_KEYWORD:
        raise ValueError(f"has {len(spoken)} characters, more than {MAX_KEYWORD}: a wake word is a few words")
    return spoken


def spell_out(text: str) -> str:
    """Return `text` in quotes, with escapes beside it where letters may look like others: 'é' ('\\xe9')."""
    return repr(text) if text.isascii() else f"{text!r} ({text!a})"


def ascii_part(text: str) -> str:
    """Return `text` with every run of characters but ASCII letters, digits, _ and - as one _, none at the ends."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")


def file_stem(text: str, longest: int = MAX_KEYWORD) -> str:
    """Return the name of a file (without its extension) or the id that stands for `text`: ASCII, never empty.

    Plain text keeps its letters: "hey lumen" is hey_lumen. Other letters cannot stand in a tar, a shell or on every
    disk: they are left out but for what is Latin below their marks, and a digest keeps texts apart: "größe" is
    grosse-d179961a. So it is with names that Windows keeps for devices ("con").

    Args:
        text: any.
        longest: characters that the name may have, at least 10; what is longer is cut.
    """
    plain = ascii_part(text)
    if plain.strip("-") and text.isascii() and not _RESERVED.fullmatch(plain):
        return plain[:longest]
    latin = unicodedata.normalize("NFKD", text.casefold().translate(_LATIN)).encode("ascii", "ignore").decode()
    words = ascii_part(latin).strip("-")[: longest - _DIGEST - 1].rstrip("_-") or "text"
    digest = hashlib.sha256((key(text) or text).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{words}-{digest[:_DIGEST]}"
