"""Make general sentences from a small grammar.

Each sentence is a few clauses joined by short words; content words come from running text with the common ones more
often (rank drawn with density falling as its square root), and now and then from the whole dictionary, so that all
sounds and their neighbours occur. One generator makes one sentence; the same generator always makes the same.
"""

import re
from collections.abc import Callable
from functools import cache

import numpy as np

from kwsdata.errors import ParamsError
from kwsdata.stages.synthesize.grammar import CLAUSES, ENDS, LINKS, OPENERS, TAGS, WORDS
from kwsdata.stages.synthesize.phonemes import segments
from kwsdata.stages.synthesize.pronounce import dictionary, frequent_words

_SLOT = re.compile(r"\b[A-Z]{2,}\b")
_DRAWS = 200  # sentences tried before giving up on avoiding the keyword


@cache
def _fillers() -> dict[str, tuple[str, ...]]:
    fillers = {slot: tuple(words.split(" ")) for slot, words in WORDS.items()}
    by_tag = frequent_words()
    for slot, tags in TAGS.items():
        fillers[slot] = tuple(word for word, tag in by_tag.items() if tag in tags and len(word) > 2)
    fillers["ANY"] = tuple(sorted(dictionary()))
    return fillers


def sentence(rng: np.random.Generator, clauses: int) -> str:
    """Return one sentence of `clauses` clauses, capitalised, with its end mark."""
    parts = [str(rng.choice(OPENERS))]
    for number in range(clauses):
        if number:
            parts.append(str(rng.choice(LINKS)))
        parts.append(_SLOT.sub(lambda slot: _fill(slot.group(), rng), str(rng.choice(CLAUSES))))
    text = " ".join(filter(None, parts)).replace("_", " ")
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    return text[0].upper() + text[1:] + str(rng.choice(ENDS))


def _fill(slot: str, rng: np.random.Generator) -> str:
    words = _fillers().get(slot)
    if words is None:
        return slot
    place = rng.random()
    if slot in TAGS:
        place *= place  # the commoner, the oftener
    return words[int(place * len(words))]


def sentence_without(rng: np.random.Generator, clauses: int, unwanted: Callable[[str], bool]) -> str:
    """Return the first sentence from `rng` that is not `unwanted`: another keyword changes only the sentences it is in.

    Raises:
        ParamsError: none was found; the keyword is a word that every sentence holds.
    """
    for _ in range(_DRAWS):
        text = sentence(rng, clauses)
        if not unwanted(text):
            return text
    raise ParamsError(f"{_DRAWS} sentences in a row hold the keyword: choose a rarer keyword.text, or no sentences.")


def rough_sounds(text: str) -> str:
    """Return the bare sounds of the words of `text` that the dictionary has: quick, to look for a keyword in."""
    gold, silver = dictionary(), dictionary("silver")
    words = re.findall(r"[a-z]+", text.lower())
    return segments("".join(gold.get(word) or silver.get(word) or "" for word in words))
