"""Choose phrases that sound like the keyword and are not it.

Candidates are single words, pairs of common words (the keyword's sounds cut in two at every place), and words near a
long beginning or end of it. They are ranked by phoneme edit distance over the keyword's length, common words first
among equals. What a listener would take for the keyword is left out: homophones, and whatever has the keyword's sounds
inside ("computers", "microcomputer").
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from kwsdata.stages.synthesize.phonemes import distances, segments
from kwsdata.stages.synthesize.pronounce import common_words, dictionary, is_english, pronounce
from kwsdata.stages.synthesize.respell import respellings
from kwsdata.text import letters

SAME = 0.3  # a distance (absolute) below this is the same word to the ear: less than one changed consonant
_RARE = 0.08  # what a rare word loses in rank, in units of relative distance
_SHARES = {"words": 0.55, "pairs": 0.3, "parts": 0.15}
_NEAR_PARTS = 14  # words tried on each side of a pair
_PER_STEM = 3  # phrases that have a word with the same first letters
_STEM = 5


@dataclass(frozen=True)
class Confusable:
    """A phrase, its phonemes (stress marks kept), and its distance relative to the keyword's length."""

    text: str
    phonemes: str
    distance: float


def sounds_of(keyword: str, language: str) -> str:
    """Return the bare sounds of `keyword`."""
    return segments(pronounce(keyword, language))


def contains(target: str, phrases: Sequence[str]) -> np.ndarray:
    """Tell for each of `phrases` whether `target` is heard inside it, [phrases] bool (both as bare sounds)."""
    return distances(target, phrases, inside=True) < SAME


def confusable_phrases(
    keyword: str, language: str, count: int, max_distance: float, min_distance: float = 0.0
) -> list[Confusable]:
    """Return up to `count` phrases that sound like `keyword`, nearest first.

    Args:
        keyword: the wake word or phrase.
        language: its tag; other than English, where there is no dictionary, the phrases are respellings of it.
        count: how many at most.
        max_distance: relative to the keyword's length in phonemes; 1 is about "nothing in common".
        min_distance: leave out what is nearer than this.
    """
    target = sounds_of(keyword, language)
    if not target or not count:
        return []
    if not is_english(language):
        groups = {"words": _ranked(target, keyword, respellings(keyword, language), max_distance)}
        shares = {"words": 1.0}
    else:
        groups = {
            "words": _ranked(target, keyword, dictionary().items(), max_distance),
            "pairs": _ranked(target, keyword, _pairs(target), max_distance),
            "parts": _ranked(target, keyword, _near_parts(target), max_distance),
        }
        shares = _SHARES
    chosen: dict[str, Confusable] = {}
    stems: Counter[str] = Counter()
    heard: list[str] = []
    for group, share in (*shares.items(), *((group, 1.0) for group in groups)):  # the second time round fills up
        room = len(chosen) + round(share * count)
        for candidate in groups[group]:
            if len(chosen) >= min(room, count):
                break
            sounds, own_stems = segments(candidate.phonemes), {word[:_STEM] for word in candidate.text.split()}
            if candidate.distance < min_distance or candidate.text in chosen:
                continue
            if any(stems[stem] >= _PER_STEM for stem in own_stems):
                continue
            if heard and distances(sounds, heard).min() < SAME:
                continue
            chosen[candidate.text] = candidate
            stems.update(own_stems)
            heard.append(sounds)
    return sorted(chosen.values(), key=lambda found: (found.distance, found.text))


def _ranked(target: str, keyword: str, candidates: Iterable[tuple[str, str]], max_distance: float) -> list[Confusable]:
    """Return the candidates (text, phonemes) within `max_distance` that are not the keyword, best first."""
    pairs = list(candidates)
    sounds = [segments(phonemes) for _, phonemes in pairs]
    relative = distances(target, sounds) / len(target)
    near = np.flatnonzero(relative <= max_distance)
    near = near[~contains(target, [sounds[row] for row in near])]
    own = letters(keyword)
    found = [
        Confusable(pairs[row][0], pairs[row][1], round(float(relative[row]), 4))
        for row in near
        if own not in letters(pairs[row][0])
    ]
    common = common_words()

    def rank(phrase: Confusable) -> tuple[float, str]:
        rare = any(word not in common for word in phrase.text.split())
        return phrase.distance + _RARE * rare, phrase.text

    return sorted(found, key=rank)


@cache
def _common() -> tuple[list[str], list[str], list[str]]:
    words = sorted(word for word in common_words() if len(word) > 1 or word == "a")
    phonemes = [dictionary()[word] for word in words]
    return words, phonemes, [segments(spoken) for spoken in phonemes]


def _nearest_common(part: str, count: int) -> list[tuple[str, str]]:
    words, phonemes, sounds = _common()
    order = np.argsort(distances(part, sounds), kind="stable")[:count]
    return [(words[row], phonemes[row]) for row in order]


def _pairs(target: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for cut in range(1, len(target)):
        sides = (_nearest_common(part, _NEAR_PARTS) for part in (target[:cut], target[cut:]))
        for (one, said_one), (other, said_other) in product(*sides):
            found[f"{one} {other}"] = f"{said_one} {said_other}"
    return list(found.items())


def _near_parts(target: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for length in range((len(target) + 1) // 2, len(target)):
        for part in (target[:length], target[-length:]):
            found |= dict(_nearest_common(part, _NEAR_PARTS))
    return list(found.items())
