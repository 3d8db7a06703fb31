"""The project's phonemes, how alike two of them sound, and the edit distance between strings of them.

The alphabet is the one Kokoro reads (misaki's): IPA with one character a sound, where A I O W Y Q stand for the
diphthongs of "say, sigh, so, now, boy, British so" and ʤ ʧ are one sound each; ˈ and ˌ mark stress. For comparing,
`segments` drops the marks and folds variants that no listener keeps apart.

A substitution costs the share of differing features, an insertion or deletion costs `_SKIP` (less for weak sounds), so
that pat/bat is nearer than pat/mat and either is nearer than pat/peat.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np

VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌeoyøœɨɯɤ")
STRESS_MARKS = "ˈˌ"
PAUSE = "_"  # between two syllables: 50 to 150 ms of silence
# Variants, and sounds of other languages than English, as the nearest sound that has features below.
_FOLDED = str.maketrans(
    "ɾTʔᵊɐᵻgrʁʈɖcɟqɢɱɳɴʙʀⱱɽɺɸʂʐɕʑʝχħʕɦɬɮʋɻɰɭʟɫɥʍɓɗɠʄʉɘɵɞʏɶäãẽĩõũ",
    "tttəəɪɡɹɹtdkɡkɡmnŋbɹvɹlfʃʒʃʒjxhhhllvɹwllljwbdɡɡuəøɜyœaaeiou",
)
_IPA = (
    ("eɪ", "A"), ("aɪ", "I"), ("oʊ", "O"), ("əʊ", "Q"), ("aʊ", "W"), ("ɔɪ", "Y"), ("tʃ", "ʧ"), ("dʒ", "ʤ"),
    ("ɚ", "əɹ"), ("ɝ", "ɜɹ"), ("əl", "ᵊl"),
)  # fmt: skip

# (height 0 close .. 3 open, backness 0 front .. 2 back, rounding, glide 0 none, 1 towards i, 2 towards u).
_VOWEL_FEATURES = {
    "i": (0, 0, 0, 0), "ɪ": (0.5, 0.3, 0, 0), "e": (1, 0, 0, 0), "ɛ": (2, 0, 0, 0), "æ": (2.6, 0.2, 0, 0),
    "a": (3, 0.7, 0, 0), "ɑ": (3, 2, 0, 0), "ɒ": (3, 2, 1, 0), "ɔ": (2, 2, 1, 0), "ʌ": (2, 1.6, 0, 0),
    "ə": (1.5, 1, 0, 0), "ɜ": (1.7, 1, 0, 0), "ʊ": (0.5, 1.7, 1, 0), "u": (0, 2, 1, 0), "o": (1, 2, 1, 0),
    "y": (0, 0, 1, 0), "ø": (1, 0, 1, 0), "œ": (2, 0, 1, 0), "ɨ": (0, 1, 0, 0), "ɯ": (0, 2, 0, 0), "ɤ": (1, 2, 0, 0),
    "A": (1, 0, 0, 1), "I": (3, 1, 0, 1), "Y": (2, 2, 1, 1), "O": (1, 2, 1, 2), "Q": (1.5, 1, 1, 2), "W": (3, 1, 0, 2),
}  # fmt: skip
# (place 0 lips .. 9 throat, manner, voiced): manners 0 stop, 1 affricate, 2 fricative, 3 nasal, 4 liquid, 5 glide.
_CONSONANT_FEATURES = {
    "p": (0, 0, 0), "b": (0, 0, 1), "t": (3, 0, 0), "d": (3, 0, 1), "k": (7, 0, 0), "ɡ": (7, 0, 1),
    "ʧ": (4, 1, 0), "ʤ": (4, 1, 1), "ʦ": (3, 1, 0), "ʣ": (3, 1, 1), "f": (1, 2, 0), "v": (1, 2, 1), "θ": (2, 2, 0),
    "ð": (2, 2, 1), "s": (3, 2, 0), "z": (3, 2, 1), "ʃ": (4, 2, 0), "ʒ": (4, 2, 1), "ç": (6, 2, 0), "x": (7, 2, 0),
    "ɣ": (7, 2, 1), "β": (0, 2, 1), "h": (9, 2, 0), "m": (0, 3, 1), "n": (3, 3, 1), "ɲ": (6, 3, 1), "ŋ": (7, 3, 1),
    "l": (3, 4, 1), "ʎ": (6, 4, 1), "ɹ": (4, 4, 1), "j": (6, 5, 1), "w": (0, 5, 1),
}  # fmt: skip
# Similarity of manners, by (lower, higher) manner; any other pair of manners differs whole.
_NEAR_MANNERS = {(0, 1): 0.4, (1, 2): 0.4, (0, 2): 0.7, (4, 5): 0.4, (3, 4): 0.7}
_NEAR_KINDS = {("j", "i"): 0.3, ("j", "ɪ"): 0.4, ("w", "u"): 0.3, ("w", "ʊ"): 0.4, ("ɹ", "ɜ"): 0.5, ("ɹ", "ə"): 0.6}
SYMBOLS = "".join((*_VOWEL_FEATURES, *_CONSONANT_FEATURES))
_SKIP = 0.8
_WEAK_SKIPS = {"ə": 0.5, "ɪ": 0.6, "h": 0.5, "j": 0.6, "w": 0.6, "ɹ": 0.6}
_PAD = len(SYMBOLS)  # code of the padding in arrays


def segments(phonemes: str) -> str:
    """Return `phonemes` as bare sounds for comparing: no stress, length, spaces or punctuation; variants folded."""
    folded = phonemes.translate(_FOLDED)
    return "".join(symbol for symbol in folded if symbol in SYMBOLS)


def sound_count(phonemes: str) -> int:
    """Return how many sounds `phonemes` are: letters of any language's IPA, without marks, tones and modifiers."""
    return sum(unicodedata.category(symbol) in ("Ll", "Lu", "Lo") for symbol in phonemes.translate(_FOLDED))


def from_ipa(ipa: str) -> str:
    """Return IPA (as eSpeak or a dictionary writes it) in the project's alphabet, stress marks kept."""
    text = ipa.replace("͡", "").replace("^", "").replace("ː", "")
    for written, ours in _IPA:
        text = text.replace(written, ours)
    return text.replace("g", "ɡ").replace("r", "ɹ")


def to_ipa(phonemes: str) -> str:
    """Return `phonemes` in plain IPA, stress marks kept: what `from_ipa` reads back as the same."""
    written = {ours: ipa for ipa, ours in _IPA if len(ours) == 1}
    return "".join(written.get(symbol, symbol) for symbol in phonemes.replace("T", "ɾ").replace("ᵊ", "ə"))


@cache
def substitution_cost(one: str, other: str) -> float:
    """Return how unlike two sounds are: 0 (the same) to 1."""
    if one == other:
        return 0.0
    if one in _VOWEL_FEATURES and other in _VOWEL_FEATURES:
        height, back, rounding, glide = zip(_VOWEL_FEATURES[one], _VOWEL_FEATURES[other], strict=True)
        cost = 0.16 * abs(height[0] - height[1]) + 0.14 * abs(back[0] - back[1]) + 0.08 * (rounding[0] != rounding[1])
        cost += 0.3 if glide[0] != glide[1] else 0.0
        return min(1.0, 0.05 + cost)
    if one in _CONSONANT_FEATURES and other in _CONSONANT_FEATURES:
        place, manner, voiced = zip(_CONSONANT_FEATURES[one], _CONSONANT_FEATURES[other], strict=True)
        apart = abs(place[0] - place[1])
        cost = 0.0 if apart == 0 else 0.2 + 0.03 * apart
        if manner[0] != manner[1]:
            cost += 0.5 * _NEAR_MANNERS.get((min(manner), max(manner)), 1.0)
        return min(1.0, 0.05 + cost + 0.2 * (voiced[0] != voiced[1]))
    return min(_NEAR_KINDS.get((one, other), 1.0), _NEAR_KINDS.get((other, one), 1.0))


@cache
def skip_cost(symbol: str) -> float:
    """Return what inserting or dropping a sound costs."""
    return _WEAK_SKIPS.get(symbol, _SKIP)


@cache
def _costs() -> tuple[np.ndarray, np.ndarray]:
    """Return (substitution [S, S + 1], skip [S + 1]) over symbol codes and the padding."""
    substitution = np.full((len(SYMBOLS), len(SYMBOLS) + 1), 9.0, np.float32)
    for row, one in enumerate(SYMBOLS):
        substitution[row, :-1] = [substitution_cost(one, other) for other in SYMBOLS]
    skip = np.array([*(skip_cost(symbol) for symbol in SYMBOLS), 9.0], np.float32)
    return substitution, skip


def encode(words: Sequence[str]) -> np.ndarray:
    """Return `words` (each as `segments`) as codes [words, longest], padded."""
    codes = np.full((len(words), max(map(len, words), default=0)), _PAD, np.int16)
    index = {symbol: code for code, symbol in enumerate(SYMBOLS)}
    for row, word in enumerate(words):
        codes[row, : len(word)] = [index[symbol] for symbol in word]
    return codes


def distances(target: str, words: Sequence[str], inside: bool = False) -> np.ndarray:
    """Return the weighted edit distance of `target` to each of `words`, [words] float32.

    Args:
        target, words: as `segments` returns them.
        inside: compare with the best matching stretch of each word, not with the whole of it: near 0 says that the
            word contains the target.
    """
    out = np.zeros(len(words), np.float32)
    by_length: dict[int, list[int]] = {}
    for row, word in enumerate(words):
        by_length.setdefault(len(word), []).append(row)
    for rows in by_length.values():
        out[rows] = _distances_of_length(target, [words[row] for row in rows], inside)
    return out


def _distances_of_length(target: str, words: list[str], inside: bool) -> np.ndarray:
    """Wagner and Fischer's recurrence, for words of one length at once."""
    substitution, skip = _costs()
    codes = encode(words)  # [words, length]
    length = codes.shape[1]
    above = np.zeros((length + 1, len(words)), np.float32)
    if not inside:
        for column in range(length):
            above[column + 1] = above[column] + skip[codes[:, column]]
    for code in encode([target])[0]:
        row = np.empty_like(above)
        row[0] = above[0] + skip[code]
        for column in range(length):
            here = codes[:, column]
            row[column + 1] = np.minimum(
                np.minimum(above[column + 1] + skip[code], row[column] + skip[here]),
                above[column] + substitution[code, here],
            )
        above = row
    return above.min(axis=0) if inside else above[-1]


def distance(one: str, other: str) -> float:
    """Return the weighted edit distance of two phoneme strings, given with or without marks."""
    return float(distances(segments(one), [segments(other)])[0])


_ESPEAK = {
    "A": "eI", "I": "aI", "O": "oU", "Q": "oU", "W": "aU", "Y": "OI", "a": "a", "i": "i:", "u": "u:", "æ": "a",
    "ɑ": "A:", "ɒ": "0", "ɔ": "O:", "ə": "@", "ɛ": "E", "ɜ": "3:", "ɪ": "I", "ʊ": "U", "ʌ": "V", "e": "e", "o": "o",
    "ð": "D", "θ": "T", "ŋ": "N", "ɡ": "g", "ɹ": "r", "ʃ": "S", "ʒ": "Z", "ʤ": "dZ", "ʧ": "tS", "ˈ": "'", "ˌ": ",",
    " ": " ", PAUSE: "_:",
}  # fmt: skip


def to_espeak(phonemes: str) -> str:
    """Return `phonemes` (stress marks kept) in eSpeak's ASCII notation for English, for use inside `[[ ]]`."""
    folded = phonemes.translate(_FOLDED)
    joined = "".join(_ESPEAK.get(symbol, symbol if symbol.isascii() and symbol.isalpha() else "") for symbol in folded)
    return joined.replace("3:r", "3:")  # eSpeak's "bird" has its r inside the vowel
