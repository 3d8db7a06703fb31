"""Cut the keyword's beginnings and ends at syllables: negatives that are only part of it.

"computer" gives com, compu, puter, ter; "hey lumen" gives hey, hey lu, lumen, men. A word of one syllable is cut
around its vowel. Syllables follow the rule of the longest onset.
"""

from collections.abc import Iterator
from functools import cache
from itertools import accumulate, pairwise

from kwsdata.draws import rng_for
from kwsdata.stages.synthesize.confusables import Confusable
from kwsdata.stages.synthesize.phonemes import STRESS_MARKS, VOWELS, distance, segments
from kwsdata.stages.synthesize.pronounce import frequent_words, is_english, pronounce
from kwsdata.text import clusters, same

# What a syllable can begin with, beyond one consonant.
_SECOND = "lɹjw"
_LETTERS = {
    "k": "kcqx", "s": "scxz", "z": "zsx", "f": "fp", "ʃ": "scth", "ʒ": "sgz", "ʧ": "ct", "ʤ": "jgd", "j": "yuie",
    "θ": "t", "ð": "t", "ŋ": "ng", "ɹ": "r", "w": "wuo", "t": "td", "T": "td", "ɡ": "g", "v": "vf",
}  # fmt: skip
_LEAST = 0.75  # distance (absolute) to the keyword: about one whole sound; "'lexa" is still "alexa"
_VOWEL_LETTERS = "aeiouyw"
_SKIP_LETTER, _SKIP_SOUND, _MISMATCH = 0.4, 0.7, 1.0


def partial_phrases(keyword: str, language: str) -> list[Confusable]:
    """Return every proper beginning and end of `keyword` at a syllable, longest first within each.

    The text is the keyword's letters up to (or from) the cut, as nearly as letters and sounds can be matched.
    """
    phonemes = pronounce(keyword, language)
    sounds = segments(phonemes)
    found: dict[str, Confusable] = {}
    for cut in syllable_starts(phonemes) if len(clusters(keyword)) > 1 else ():
        place = _letter_at(keyword, phonemes, cut)
        halves = ((keyword[:place], phonemes[:cut]), (keyword[place:], phonemes[cut:]))
        for text, spoken in halves:
            if not is_english(language):  # engines read the text: what its letters sound like alone
                spoken = pronounce(text, language)
            apart = distance(sounds, spoken)
            heard = segments(spoken)
            is_word = len(heard) > 1 and VOWELS.intersection(heard) and apart >= _LEAST
            if text.strip() and is_word and not same(text, keyword):  # "c+" is "c++" without what is no letter
                phrase = Confusable(text.strip(), _stressed(spoken.strip()), round(apart / len(sounds), 4))
                found.setdefault(phrase.text, phrase)
    return sorted(found.values(), key=lambda phrase: (phrase.distance, phrase.text))


def half_phrases(keyword: str, language: str, count: int) -> list[Confusable]:
    """Return `count` phrases of several words that share only their first or their last word with `keyword`.

    "hey lumen" gives "hey Denver", "modern lumen"; a keyword of one word, or of another language than English, gives
    none. The other words are common ones, drawn by the keyword alone.
    """
    words = keyword.split()
    if len(words) < 2 or not is_english(language):
        return []
    rng = rng_for(0, "half", keyword)
    tags = frequent_words()
    names = [word for word, tag in tags.items() if tag == "NNP" and len(word) > 2]
    before = [word for word, tag in tags.items() if tag in ("JJ", "NN") and len(word) > 2]
    target = segments(pronounce(keyword, language))
    found: dict[str, Confusable] = {}
    while len(found) < count:
        first_stays = len(found) % 2 == 0
        other = str(rng.choice(names if first_stays else before))
        text = f"{words[0]} {other}" if first_stays else f"{other} {words[-1]}"
        phonemes = pronounce(text, language)
        apart = distance(target, phonemes)
        if apart >= _LEAST:
            found.setdefault(text, Confusable(text, phonemes, round(apart / len(target), 4)))
    return sorted(found.values(), key=lambda phrase: (phrase.distance, phrase.text))


def _stressed(phonemes: str) -> str:
    """Return `phonemes` with a stress on the first vowel if it has none: nobody says a word without any."""
    if any(mark in phonemes for mark in STRESS_MARKS):
        return phonemes
    place = next(place for place, symbol in enumerate(phonemes) if symbol in VOWELS)
    return f"{phonemes[:place]}ˈ{phonemes[place:]}"


def syllable_starts(phonemes: str) -> Iterator[int]:
    """Yield the places in `phonemes` where a syllable begins, but for the first."""
    nuclei = [place for place, symbol in enumerate(phonemes) if symbol in VOWELS]
    if len(nuclei) == 1 and len(segments(phonemes)) > 3:
        nucleus = nuclei[0]
        start = nucleus - 1 if nucleus and phonemes[nucleus - 1] in STRESS_MARKS else nucleus
        yield from (place for place in (start, nucleus + 1) if 0 < place < len(phonemes))
    for before, after in pairwise(nuclei):
        between = phonemes[before + 1 : after]
        if " " in between:
            yield before + 1 + between.index(" ") + 1
            continue
        cluster = [place for place in range(before + 1, after) if phonemes[place] not in STRESS_MARKS + "ː"]
        onset = len(cluster) - 1
        if len(cluster) > 1 and phonemes[cluster[-1]] in _SECOND and phonemes[cluster[-2]] in "pbtdkɡfθsʃmnvh":
            onset -= 1
        if onset > 0 and phonemes[cluster[onset]] in "ptk" and phonemes[cluster[onset - 1]] == "s":
            onset -= 1
        place = cluster[onset] if cluster else after
        yield place - 1 if phonemes[place - 1] in STRESS_MARKS else place


def _letter_at(text: str, phonemes: str, cut: int) -> int:
    """Return the place inside of `text` where the sound at `phonemes[cut]` begins, by the best monotone match.

    The place has letters on both sides, none of them apart from its marks.
    """
    sounds = [symbol for symbol in phonemes if symbol not in STRESS_MARKS + "ː"]
    before = sum(symbol not in STRESS_MARKS + "ː" for symbol in phonemes[:cut])  # sounds on the left of the cut

    @cache
    def cost(letter: int, sound: int, letters_end: int, sounds_end: int) -> float:
        """Return the cost of matching letters and sounds from here to the ends."""
        if letter == letters_end and sound == sounds_end:
            return 0.0
        options = []
        if letter < letters_end and sound < sounds_end:
            rest = cost(letter + 1, sound + 1, letters_end, sounds_end)
            options.append(rest + _mismatch(text[letter], sounds[sound]))
        if letter < letters_end:
            options.append(cost(letter + 1, sound, letters_end, sounds_end) + _SKIP_LETTER)
        if sound < sounds_end:
            options.append(cost(letter, sound + 1, letters_end, sounds_end) + _SKIP_SOUND)
        return min(options)

    places = list(accumulate(map(len, clusters(text))))[:-1]

    def key(place: int) -> tuple[float, int]:
        left, right = cost(0, 0, place, before), cost(place, before, len(text), len(sounds))
        return left + right, -place  # of equals the last: "snow|boy", not "sno|wboy"

    return min(places, key=key)


def _mismatch(letter: str, sound: str) -> float:
    letter = letter.lower()
    if letter == sound or letter in _LETTERS.get(sound, "") or (sound in VOWELS and letter in _VOWEL_LETTERS):
        return 0.0
    return _MISMATCH * 2 if (letter == " ") != (sound == " ") else _MISMATCH
