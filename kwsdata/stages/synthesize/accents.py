"""Say a phrase with another accent: substitutions of its phonemes by first language, or a syllable at a time.

Speech engines say a word as a dictionary has it; a third of a crowd does not. The rules are data (`accents.yaml`), so
that an accent is added without code.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import yaml

from kwsdata.stages.synthesize.partials import syllable_starts
from kwsdata.stages.synthesize.phonemes import PAUSE, STRESS_MARKS, VOWELS, distance, segments

_APPLIED = 0.7  # of the substitutions that an accent has for a phrase
_FULL = "ʌɑɔoaɛ"  # what a reduced vowel may be in full
_CONSONANTS = "bdfhjklmnpstvwxzðŋɡɹrʁʃʒθʤʧʔʈɖT"


@dataclass(frozen=True)
class Rule:
    """A sound, where it stands, and what may be said instead."""

    pattern: re.Pattern[str]
    said: tuple[str, ...]


@dataclass(frozen=True)
class Accent:
    """How speakers of one first language say English; the probabilities are those of a phrase."""

    name: str
    full_vowels: float
    even_stress: float
    pause: float
    rules: tuple[Rule, ...]


@cache
def accents() -> tuple[Accent, ...]:
    """Return every accent of `accents.yaml`, in its order."""
    text = files(__package__).joinpath("accents.yaml").read_text(encoding="utf-8")
    return tuple(
        Accent(
            name,
            entry["full_vowels"],
            entry["even_stress"],
            entry["pause"],
            tuple(Rule(_pattern(place), tuple(said)) for place, said in entry["rules"].items()),
        )
        for name, entry in yaml.safe_load(text).items()
    )


def accented(phonemes: str, accent: Accent, max_distance: float, rng: np.random.Generator) -> str:
    """Return `phonemes` as `accent` says them.

    Substitutions are done in a random order while what is said stays near enough to what was to be said.

    Args:
        phonemes: with stress marks and punctuation, as `pronounce` returns them.
        accent: one of `accents()`.
        max_distance: weighted edit distance to `phonemes`, relative to the number of their sounds, that is not passed.
        rng: decides which of the accent's rules apply.
    """
    limit = max_distance * max(1, len(segments(phonemes)))
    said = phonemes
    for number in rng.permutation(len(accent.rules)).tolist():
        rule = accent.rules[number]
        sound, wanted = str(rng.choice(rule.said)), rng.random() < _APPLIED
        if wanted:
            said = _within(rule.pattern.sub(sound, said), said, phonemes, limit)
    if rng.random() < accent.full_vowels:  # one after the other, as far as the limit goes
        for place in [at for at, symbol in enumerate(said) if symbol in "əᵊ"]:
            vowel = str(rng.choice(list(_FULL)))
            said = _within(f"{said[:place]}{vowel}{said[place + 1 :]}", said, phonemes, limit)
    even, pause, where = rng.random() < accent.even_stress, rng.random() < accent.pause, rng.random()
    if even:
        said = _stressed_throughout(said)
    return _with_pause(said, where) if pause else said


def _within(changed: str, said: str, meant: str, limit: float) -> str:
    """Return `changed` if it is a word still and near enough to what is `meant`, else `said`."""
    if changed == said or not segments(changed):
        return said
    return changed if distance(meant, changed) <= limit else said


def _stressed_throughout(phonemes: str) -> str:
    """Return `phonemes` with a main stress on every vowel."""
    bare = phonemes.translate(str.maketrans("", "", STRESS_MARKS))
    return "".join(f"ˈ{symbol}" if symbol in VOWELS or symbol in "ɐᵊ" else symbol for symbol in bare)


def _with_pause(phonemes: str, where: float) -> str:
    """Return `phonemes` with a break between two syllables, `where` in [0, 1) of the places there are."""
    starts = [place for place in syllable_starts(phonemes) if 0 < place < len(phonemes)]
    if not starts:
        return phonemes
    place = starts[int(where * len(starts))]
    return f"{phonemes[:place]}{PAUSE}{phonemes[place:]}"


def _pattern(place: str) -> re.Pattern[str]:
    """Return the expression of a rule's left side: it matches the sound alone, or the place of an insertion."""
    edge_before, edge_after = r"(?<![^\s_,.!?])", r"(?![^\s_,.!?])"
    consonant = f"[{_CONSONANTS}]"
    parts = re.fullmatch(r"(\|?)(?:\((.+)\)|([^|C]+)|(?=C))(C?)(\|?)", place)
    if not parts:
        raise ValueError(
            f"accents.yaml: {place!r} is no rule: sounds, with | at an edge of a word and C for a consonant"
        )
    before, bracketed, plain, kind, after = parts.groups()
    sound = re.escape(bracketed or plain or "")
    sound = f"(?<={consonant})" if not sound and kind else sound + (f"(?=[{STRESS_MARKS}]?{consonant})" if kind else "")
    return re.compile(f"{edge_before if before else ''}{sound}{edge_after if after else ''}")
