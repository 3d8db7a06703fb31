"""The plan: every voice speaks, partitions are never mixed, and what does not change stays as it was."""

from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("hibari", reason="pronunciations come with the extra `kokoro`")

from kwsdata.clips.partitions import partition_of
from kwsdata.stages.synthesize.confusables import Confusable
from kwsdata.stages.synthesize.engines import Voice
from kwsdata.stages.synthesize.phonemes import distances, segments
from kwsdata.stages.synthesize.plan import plan_engine, speaker_key
from kwsdata.stages.synthesize.pronounce import pronounce

NEAR = [Confusable(f"word{n}", "wˈɜd", 0.1 * n) for n in range(1, 6)]
PARTS = [Confusable("com", "kˈəm", 0.4), Confusable("puter", "pjˈutəɹ", 0.3)]


def planned(params, engine="kokoro", voices=12, keyword="computer", near=NEAR, parts=PARTS, accents=0.0, **counts):
    base = {"positives": 40, "confusables": 60, "sentences": 30}
    settings = getattr(params.synthesize, engine).model_copy(update=base | counts)
    changed = params.model_copy(
        update={
            "synthesize": params.synthesize.model_copy(
                update={
                    engine: settings,
                    "accents": params.synthesize.accents.model_copy(update={"probability": accents}),
                }
            ),
            "keyword": params.keyword.model_copy(update={"text": keyword}),
        }
    )
    people = [Voice(engine, f"v{n}", ("en-us", "en-gb"), None, ("de", "fr")) for n in range(voices)]
    return plan_engine(changed, engine, people, near, parts)


def by_key(lines):
    return {line.key: line for line in lines}


def test_counts_are_those_asked_and_keys_are_unique(params):
    lines = planned(params)
    kinds = Counter(line.kind for line in lines)
    assert kinds["keyword"] == 40
    assert kinds["confusable"] + kinds["partial"] == 60
    assert kinds["sentence"] == 30
    assert len(by_key(lines)) == len(lines)


def test_every_voice_speaks_about_as_much(params):
    for kind in ("keyword", "sentence"):
        counts = Counter(line.voice.name for line in planned(params) if line.kind == kind)
        assert len(counts) == 12
        assert max(counts.values()) - min(counts.values()) <= 1


def test_prosody_is_borrowed_only_inside_a_partition(params):
    lines = planned(params, voices=40, positives=400)
    mixed = [line for line in lines if line.request.partner]
    where = {line.voice.name: partition_of(speaker_key(line.voice), params.partitions) for line in lines}
    assert len(mixed) > 100
    assert len(set(where.values())) == 3
    assert all(where[line.voice.name] == where[line.request.partner] for line in mixed)
    assert all(line.request.partner != line.voice.name for line in mixed)


def test_more_clips_change_no_clip(params):
    few, many = by_key(planned(params)), by_key(planned(params, positives=80, confusables=90, sentences=60))
    assert all(many[key] == line for key, line in few.items())


def test_another_keyword_changes_no_sentence(params):
    one, other = (
        {k: v for k, v in by_key(planned(params, keyword=word)).items() if v.kind == "sentence"}
        for word in ("computer", "snowboy")
    )
    assert one == other


def test_sentences_leave_the_keyword_out_by_ear_too(params):
    texts = [line.says for line in planned(params, keyword="ten it", sentences=200) if line.kind == "sentence"]
    assert not any("ten it" in text.lower() for text in texts)


def test_all_confusables_have_their_turn(params):
    near = [line.says for line in planned(params) if line.kind in ("confusable", "partial")]
    said = {text for text in near if ", " not in text}  # the others are inside of sentences
    assert {phrase.text for phrase in (*NEAR, *PARTS)} == said


def test_shares_are_those_asked(params):
    lines = planned(params, confusables=2000)
    near = [line for line in lines if line.kind in ("confusable", "partial")]
    share = sum(line.kind == "partial" for line in near) / len(near)
    assert share == pytest.approx(params.synthesize.partial_share, abs=0.04)  # 4 sigma of 2000 draws
    whole = [line for line in near if line.kind == "confusable"]
    carried = sum(", " in line.says for line in whole)
    assert carried / len(whole) == pytest.approx(params.synthesize.carrier_share, abs=0.04)


def test_partials_are_spoken_by_their_phonemes_and_words_by_their_text(params):
    for line in planned(params):
        assert bool(line.request.phonemes) == (line.kind == "partial")
        if line.kind == "keyword":
            assert line.says == "computer"
            assert line.request.text.rstrip(".!?,") == "computer"


def test_accents_change_the_sounds_of_a_share_of_what_is_near_and_nothing_else(params):
    plain, some = planned(params), planned(params, accents=0.5, positives=400)
    assert by_key(plain).keys() < by_key(some).keys()
    keywords = [line for line in some if line.kind == "keyword"]
    assert sum(bool(line.request.phonemes) for line in keywords) / 400 == pytest.approx(0.5, abs=0.1)
    for line in plain:
        accented = by_key(some)[line.key]
        assert replace(accented.request, phonemes="") == replace(line.request, phonemes="")
        assert line.kind != "sentence" or accented == line


def test_no_phrase_comes_nearer_to_the_keyword_by_an_accent(params):
    target = segments(pronounce("computer", "en-us"))

    def apart(line):
        said = line.request.phonemes or pronounce(line.request.text, "en-us")
        return float(distances(target, [segments(said)], inside=True)[0])

    near = [Confusable("commuter", "kəmjˈuTəɹ", 0.1), Confusable("compute", "kəmpjˈut", 0.2)]
    before = by_key(planned(params, near=near, positives=0, confusables=60))
    for key, line in by_key(planned(params, near=near, positives=0, confusables=60, accents=1.0)).items():
        assert line.kind not in ("confusable", "partial") or apart(line) >= apart(before[key]) - 1e-6


def test_espeak_draws_inside_its_ranges_and_misreads_only_sentences(params):
    lines = planned(params, engine="espeak", sentences=300)
    settings = params.synthesize.espeak
    for line in lines:
        assert settings.speed.low <= line.request.speed <= settings.speed.high
        assert settings.pitch.low <= line.request.pitch <= settings.pitch.high
        assert not line.request.partner
        assert line.request.accent in ("en-us", "en-gb") or line.kind == "sentence"
    foreign = [line for line in lines if line.request.accent in ("de", "fr")]
    assert len(foreign) / 300 == pytest.approx(settings.foreign_share, abs=0.07)  # 4 sigma of 300 draws


def test_without_voices_or_phrases_nothing_is_planned(params):
    assert planned(params, voices=0) == []
    assert not [line for line in planned(params, near=[], parts=[]) if line.kind in ("confusable", "partial")]
