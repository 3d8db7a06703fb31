"""Make words that do not exist, the keyword with letters changed, for languages without a dictionary here."""

import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import islice

from kwsdata.draws import rng_for
from kwsdata.stages.synthesize.pronounce import pronounce
from kwsdata.text import clusters

_VOWELS = "aeiou"
_CONSONANTS = "bdfgklmnprstvz"
_TRIES = 400
_NEAR = 16  # code points: letters of one alphabet stand together, and Hangul that differs in its last sound


def respellings(keyword: str, language: str) -> list[tuple[str, str]]:
    """Return (text, phonemes) of respelled `keyword`s, always the same ones for the same keyword."""
    texts = sorted(set(islice(_mutants(keyword), _TRIES)) - {keyword})
    return [(text, pronounce(text, language)) for text in texts]


def _mutants(keyword: str) -> Iterator[str]:
    rng = rng_for(0, "respell", keyword)
    whole = clusters(keyword)
    places = [place for place, letters in enumerate(whole) if letters[0].isalpha()]
    while places:
        parts = list(whole)
        for _ in range(int(rng.integers(1, 3))):
            place = int(rng.choice(places))
            letter = whole[place][0]
            drop = rng.random() < 0.2 and len(places) > 3
            parts[place] = "" if drop else str(rng.choice(_others(letter))) + whole[place][1:]
        yield "".join(parts)


@cache
def _others(letter: str) -> list[str]:
    """Return letters that may stand for `letter`: vowels or consonants of Latin, neighbours in another script."""
    script = unicodedata.name(letter, "?").split()[0]
    if script == "LATIN":
        return list(_VOWELS if letter in _VOWELS else _CONSONANTS)
    near = map(chr, range(ord(letter) - _NEAR, ord(letter) + _NEAR + 1))
    alike = [other for other in near if other.isalpha() and unicodedata.name(other, "").startswith(script)]
    return [other for other in alike if unicodedata.category(other) == unicodedata.category(letter)]
