"""General sentences: plausible, varied, without the keyword, and the same for every keyword that is not in them."""

from functools import partial

import numpy as np
import pytest

pytest.importorskip("hibari", reason="the words come with the extra `kokoro`")

from kwsdata.errors import ParamsError
from kwsdata.stages.synthesize.grammar import CLAUSES, TAGS, WORDS
from kwsdata.stages.synthesize.phonemes import segments
from kwsdata.stages.synthesize.pronounce import pronounce
from kwsdata.stages.synthesize.sentences import _SLOT, sentence, sentence_without
from kwsdata.text import says


def sentences(count, unwanted=lambda _text: False):
    return [sentence_without(np.random.default_rng(seed), 3, unwanted) for seed in range(count)]


def test_one_generator_makes_one_sentence():
    assert sentence(np.random.default_rng(3), 3) == sentence(np.random.default_rng(3), 3)
    assert len(set(sentences(300))) == 300


def test_every_slot_is_filled():
    slots = {slot for clause in CLAUSES for slot in _SLOT.findall(clause)}
    assert slots == {*WORDS, *TAGS, "ANY"}
    assert not any(_SLOT.search(text) or "_" in text for text in sentences(200))


def test_more_clauses_are_more_words():
    short, long = (np.mean([len(sentence(np.random.default_rng(s), n).split()) for s in range(50)]) for n in (1, 4))
    assert long > 3 * short


def test_common_words_come_oftener_than_rare_ones():
    words = " ".join(sentences(300)).lower().split()
    assert words.count("the") > 20 * words.count("implementing")
    assert len(set(words)) > 1500


def test_all_english_sounds_occur():
    heard = set(segments(" ".join(pronounce(text, "en-us") for text in sentences(60))))
    assert set("bdfhjklmnpstvwzðŋɡɹʃʒʤʧθAIOWYiuæɑɔəɛɜɪʊʌ") <= heard


def test_a_keyword_changes_only_the_sentences_that_say_it():
    free = sentences(200)
    without = sentences(200, partial(says, "kitchen"))
    assert any("kitchen" in text for text in free)
    assert not any("kitchen" in text for text in without)
    for one, other in zip(free, without, strict=True):
        assert one == other or "kitchen" in one


def test_a_keyword_that_cannot_be_avoided_is_an_error():
    with pytest.raises(ParamsError, match="rarer keyword"):
        sentences(1, lambda _text: True)
