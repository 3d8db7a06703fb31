"""Laws of the phoneme distance, and of the alphabets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwsdata.stages.synthesize.phonemes import (
    SYMBOLS,
    VOWELS,
    distance,
    distances,
    from_ipa,
    segments,
    skip_cost,
    substitution_cost,
    to_espeak,
    to_ipa,
)

WORDS = st.text(alphabet=SYMBOLS, max_size=8)


@pytest.mark.parametrize("one", SYMBOLS)
def test_substitution_is_symmetric_zero_only_on_itself_and_at_most_one(one):
    for other in SYMBOLS:
        cost = substitution_cost(one, other)
        assert cost == substitution_cost(other, one)
        assert (cost == 0) == (one == other)
        assert cost <= 1


def test_voicing_is_nearer_than_manner_and_manner_than_another_kind():
    assert substitution_cost("p", "b") < substitution_cost("p", "m") < substitution_cost("p", "i")
    assert substitution_cost("ɪ", "i") < substitution_cost("ɪ", "ɑ")
    assert substitution_cost("ʃ", "s") < substitution_cost("ʃ", "k")


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_zero_on_itself(one, other):
    assert distance(one, one) == 0
    assert distance(one, other) == pytest.approx(distance(other, one), abs=1e-5)  # float32 sums in another order


@given(WORDS, st.lists(WORDS, min_size=1, max_size=5))
def test_distances_of_many_are_the_textbook_recurrence_of_each(target, words):
    assert distances(target, words) == pytest.approx([_wagner_fischer(target, word) for word in words], abs=1e-4)


@given(WORDS, WORDS, WORDS)
def test_a_word_contains_itself_with_anything_around_it(before, target, after):
    assert distances(target, [before + target + after], inside=True)[0] == pytest.approx(0, abs=1e-6)


@given(WORDS, WORDS)
def test_the_best_stretch_is_never_farther_than_the_whole(target, word):
    assert distances(target, [word], inside=True)[0] <= distances(target, [word])[0] + 1e-5


def test_segments_fold_marks_and_variants():
    assert segments("kəmpjˈuTəɹ") == segments("kəmpjˈuːɾəɹ") == "kəmpjutəɹ"


def test_ipa_is_read_in_one_character_a_sound():
    assert from_ipa("tʃˈeɪndʒ") == "ʧˈAnʤ"
    assert from_ipa("ɡˈoʊ wˈɜːk") == "ɡˈO wˈɜk"


@given(st.text(alphabet=sorted(set(SYMBOLS) - set("Qə")), max_size=10))
def test_plain_ipa_reads_back_as_the_same(phonemes):
    assert segments(from_ipa(to_ipa(phonemes))) == segments(from_ipa(phonemes))


def test_espeak_notation_has_a_name_for_every_english_sound():
    for symbol in segments("bdfhjklmnpstvwzðŋɡɹʃʒʤʧθ") + "AIOWYiuæɑɔəɛɪʊʌ":
        assert to_espeak(symbol), symbol
    assert to_espeak("kəmpjˈu") == "k@mpj'u:"


def _wagner_fischer(target: str, word: str) -> float:
    rows = np.zeros((len(target) + 1, len(word) + 1))
    rows[1:, 0] = np.cumsum([skip_cost(symbol) for symbol in target])
    rows[0, 1:] = np.cumsum([skip_cost(symbol) for symbol in word])
    for i, one in enumerate(target, 1):
        for j, other in enumerate(word, 1):
            rows[i, j] = min(
                rows[i - 1, j] + skip_cost(one),
                rows[i, j - 1] + skip_cost(other),
                rows[i - 1, j - 1] + substitution_cost(one, other),
            )
    return float(rows[-1, -1])


def test_every_vowel_of_the_alphabet_has_features():
    assert VOWELS.issuperset(set(SYMBOLS) & VOWELS)
    assert set("AIOQWYaiuæɑɒɔəɛɜɪʊʌ") <= set(SYMBOLS)
