"""Words that do not exist: a keyword with one or two letters changed, for languages without a dictionary here."""

from collections.abc import Iterator
from itertools import islice

from kwsdata.draws import rng_for
from kwsdata.synthesize.pronounce import pronounce

_VOWELS = "aeiou"
_CONSONANTS = "bdfgklmnprstvz"
_TRIES = 400


def respellings(keyword: str, language: str) -> list[tuple[str, str]]:
    """Return (text, phonemes) of respelled `keyword`s, always the same ones for the same keyword."""
    texts = sorted(set(islice(_mutants(keyword), _TRIES)) - {keyword})
    return [(text, pronounce(text, language)) for text in texts]


def _mutants(keyword: str) -> Iterator[str]:
    rng = rng_for(0, "respell", keyword)
    places = [place for place, letter in enumerate(keyword) if letter.isalpha()]
    while places:
        letters = list(keyword)
        for _ in range(int(rng.integers(1, 3))):
            place = int(rng.choice(places))
            letter = letters[place]
            drop = rng.random() < 0.2 and len(places) > 3
            letters[place] = "" if drop else str(rng.choice(list(_VOWELS if letter in _VOWELS else _CONSONANTS)))
        yield "".join(letters)
