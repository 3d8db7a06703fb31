"""The keyword_filter's table, and the choice among what it lets through."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.decisions import Decision, Decisions, append_decision, load_decisions
from kwsdata.clips.pieces import Piece
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.params.negatives import PhrasesParams
from kwsdata.stages.mine_negatives import transcribe
from kwsdata.stages.mine_negatives.candidate import Candidate, rank_of
from kwsdata.stages.mine_negatives.choose import choose
from kwsdata.stages.mine_negatives.keyword_filter import KeywordFilter, Verdict, hold_back_neighbours
from kwsdata.stages.mine_negatives.phrases import Phrase, worst_first

FILTER = KeywordFilter("computer", doubt=0.4, keyword=0.6)
PIECE = Piece("clip", "a.tar:0:1", 0, 160_000, 160_000, "sha", "speech")


def test_what_a_synthetic_clip_says_is_known():
    assert FILTER.rule(candidate(0.9, text="the tutor", synthetic=True), "the tutor").status == "mine"
    assert FILTER.rule(candidate(0.9, text="a computer", synthetic=True), "a computer").status == "keyword"


def candidate(similarity=0.2, clip="clip", middle=0, rank=0.5, **piece):
    made = replace(PIECE, clip=clip, identity=piece.pop("identity", clip), **piece)
    return Candidate(0, 0, made, middle, similarity, 0.1, "word", similarity, None, rank, "neighbour")


@pytest.mark.parametrize(
    ("similarity", "text", "status"),
    [
        (0.7, None, "keyword"),
        (0.5, None, "review"),
        (0.3, None, "mine"),
        (0.7, "the tutor spoke", "review"),
        (0.5, "the tutor spoke", "mine"),
        (0.3, "the tutor spoke", "mine"),
        (0.7, "my computer is slow", "keyword"),
        (0.5, "micro-computers", "keyword"),
        (0.3, "my computer is slow", "review"),
    ],
)
def test_the_guards_table(similarity, text, status):
    assert FILTER.rule(candidate(similarity), text).status == status


@pytest.mark.parametrize(
    ("keyword", "with_it", "without_it"),
    [
        ("größe", "in DEINER GRO\u0308SSE", "ein großer Hund"),
        ("नमस्ते", "सबको नमस्ते कहो", "सबको नमन कहो"),
        ("வணக்கம்", "அனைவருக்கும் வணக்கம்", "அனைவருக்கும் நன்றி"),
        ("مرحبا", "قال مَرْحَبًا بكم", "قال شكرا لكم"),
        ("שלום", "אמרתי שָׁלוֹם לכולם", "אמרתי תודה לכולם"),
        ("привет", "всем ПРИВЕТ", "всем ответ"),
        ("ışık", "IŞIĞIN altında IŞIK", "aşık oldu"),
        ("小爱同学", "我想和小爱 同学说话", "我想和同学说话"),
        ("コンピュータ", "このｺﾝﾋﾟｭｰﾀは速い", "このｺﾝﾋﾞﾆは速い"),
        ("안녕하세요", "그는 안녕하세요라고 했다", "그는 안녕이라고 했다"),
        ("สวัสดี", "เขาพูดสวัสดีครับ", "เขาพูดขอบคุณครับ"),
        ("on", "turn it on", "a second of the monday"),
    ],
)
def test_the_guard_reads_transcripts_of_any_script(keyword, with_it, without_it):
    keyword_filter = replace(FILTER, keyword_text=keyword)
    assert keyword_filter.rule(candidate(0.3), with_it).status == "review"
    assert keyword_filter.rule(candidate(0.5), with_it).status == "keyword"
    assert keyword_filter.rule(candidate(0.3), without_it).status == "mine"


def test_what_a_recogniser_hears_confirms_a_keyword_and_clears_nobody(params, project, monkeypatch):
    said = {"a": "my computer", "b": "the tutor", "c": "nothing"}
    monkeypatch.setattr(transcribe, "check_installed", lambda needed_for: None)
    monkeypatch.setattr(transcribe, "heard_at", lambda piece, middle: said[piece.clip])
    ones = [candidate(0.5, clip=clip, middle=40_000) for clip in said]
    verdicts = {
        ones[0].id: Verdict("review", "near"),
        ones[1].id: Verdict("keyword", "near"),
        ones[2].id: Verdict("mine", "far"),
    }
    heard = transcribe.transcribe_doubtful(ones, verdicts, params.keyword)
    assert [heard[one.id].status for one in ones] == ["keyword", "keyword", "mine"]
    assert "hears 'the tutor'" in heard[ones[1].id].reason
    with pytest.raises(ParamsError, match="knows English"):
        transcribe.transcribe_doubtful(ones, verdicts, params.keyword.model_copy(update={"language": "de"}))


def test_sound_around_a_doubtful_window_is_held_back_unless_a_person_kept_it(params):
    block = params.mine_negatives
    reach = round((block.before_s + block.after_s) * SAMPLE_RATE)
    ones = [
        candidate(0.5, middle=50_000),
        candidate(0.1, middle=50_000 + reach - 1),
        candidate(0.1, middle=50_000 + reach),
    ]
    verdicts = {one.id: FILTER.rule(one, None) for one in ones}
    held = hold_back_neighbours(ones, verdicts, block)
    assert [held[one.id].status for one in ones] == ["review", "left_out", "mine"]
    verdicts[ones[1].id] = Verdict("mine", "a person kept it")
    assert hold_back_neighbours(ones, verdicts, block)[ones[1].id].status == "mine"


@given(likeness=st.floats(-2, 3), score=st.floats(0, 1), share=st.floats(0, 1))
def test_a_rank_lies_in_its_range_and_grows_with_the_score(likeness, score, share):
    rank = rank_of(likeness, score, share)
    assert 0 <= rank <= 1 + 1e-9
    assert rank_of(likeness, min(1, score + 0.1), share) >= rank - 1e-12


def unit(*values):
    vectors = np.asarray(values, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_same_sound_is_taken_once_and_the_harder_one_wins(params):
    ones = [candidate(clip="a", rank=0.2), candidate(clip="b", rank=0.9), candidate(clip="c", rank=0.5)]
    vectors = unit([1, 0, 0.01], [1, 0, 0], [0, 1, 0])
    chosen, left_out = choose(ones, vectors, params.mine_negatives)
    assert chosen == [1, 2]
    assert left_out == {0: f"the same sound as {ones[1].id}"}


@given(count=st.integers(1, 40), per_speaker=st.integers(1, 5), budget=st.integers(1, 20), seed=st.integers(0, 9))
def test_no_speaker_passes_its_limit_and_the_budget_is_filled_if_it_can_be(params, count, per_speaker, budget, seed):
    rng = np.random.default_rng(seed)
    ones = [candidate(clip=f"c{i}", rank=float(rng.random()), speaker=f"s{i % 3}") for i in range(count)]
    diversity = params.mine_negatives.diversity.model_copy(
        update={"per_speaker": per_speaker, "per_cluster": 1000, "clusters": 2}
    )
    block = params.mine_negatives.model_copy(update={"budget": budget, "diversity": diversity})
    chosen, left_out = choose(ones, unit(*rng.standard_normal((count, 64))), block)
    speakers = [ones[place].piece.speaker for place in chosen]
    assert all(speakers.count(name) <= per_speaker for name in speakers)
    assert len(chosen) == min(budget, sum(min(per_speaker, len(range(s, count, 3))) for s in range(3)))
    assert sorted([*chosen, *left_out]) == list(range(count))


def phrase(text, hardness):
    return Phrase(text, 3, hardness, hardness, None, 0)


def test_windows_of_the_worst_phrases_come_before_any_other(params):
    said = {"kind": "confusable", "synthetic": True}
    ones = [candidate(clip=f"c{i}", rank=0.3 - 0.01 * i, text="commuter", **said) for i in range(4)]
    ones += [
        candidate(clip="t", rank=0.1, text="tutor", **said),
        candidate(clip="in", rank=0.9, text="well, tutor, so"),
    ]
    ones += [candidate(clip=f"p{i}", rank=0.8) for i in range(9)]
    phrases = [phrase("commuter", 0.5), phrase("tutor", 0.2)]
    first = worst_first(ones, phrases, PhrasesParams(worst=1, windows=2))
    assert first == {ones[0].id, ones[1].id}
    first = worst_first(ones, phrases, PhrasesParams(worst=2, windows=2))
    assert first == {ones[0].id, ones[1].id, ones[4].id}
    block = params.mine_negatives.model_copy(update={"budget": 6})
    chosen, _ = choose(ones, unit(*np.eye(len(ones))), block, first=first)
    assert {0, 1, 4} < set(chosen)
    ranks = [ones[place].rank for place in chosen]
    assert ranks == sorted(ranks, reverse=True)


def test_only_where_people_are_recorded_is_synthetic_sound_limited(params):
    block = params.mine_negatives.model_copy(update={"budget": 10})
    synthetic = [candidate(clip=f"s{i}", rank=0.9, synthetic=True) for i in range(12)]
    vectors = unit(*np.eye(24))
    assert len(choose(synthetic, vectors[:12], block)[0]) == 10
    people = [candidate(clip=f"p{i}", rank=0.1) for i in range(12)]
    chosen, _ = choose([*synthetic, *people], vectors, block)
    assert sum(place < 12 for place in chosen) == 5  # synthetic_share is 0.5


def test_the_last_decision_about_a_place_holds_and_is_read_back(tmp_path):
    path = tmp_path / "review" / "decisions.jsonl"
    for verdict, middle in (("drop", 16_000), ("keep", 17_000), ("keyword", 40_000), ("undecided", 40_100)):
        append_decision(path, Decision("sha", middle, "clip", verdict))
    decisions = load_decisions(path)
    assert decisions.verdict("sha", 16_500) == "keep"
    assert decisions.verdict("sha", 40_000) is None
    assert decisions.verdict("sha", 60_000) is None
    assert decisions.verdict("other", 16_500) is None
    assert len(decisions) == 1
    assert len(load_decisions(tmp_path / "none")) == len(Decisions()) == 0


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "null", "1", '"x"', '{"middle": 1}', "[" * 100_000, "<<<<<<< HEAD", '{"identity": "a\u2028b"}',
        '{"identity": "a", "middle": 1, "clip": "c", "verdict": "perhaps"}',
        '{"identity": "a", "middle": 1, "clip": "c", "verdict": ["keep"]}',
        '{"identity": "a", "middle": 1.5, "clip": "c", "verdict": "keep"}',
        '{"identity": "a", "middle": true, "clip": "c", "verdict": "keep"}',
        '{"identity": "a", "middle": -1, "clip": "c", "verdict": "keep"}',
        '{"identity": "a", "middle": NaN, "clip": "c", "verdict": "keep"}',
        '{"identity": "", "middle": 1, "clip": "c", "verdict": "keep"}',
        '{"identity": 5, "middle": 1, "clip": "c", "verdict": "keep"}',
        '{"identity": "a", "middle": 1, "clip": "c", "verdict": "keep", "by": "me"}',
        '{"identity": "a", "middle": 1, "clip": "c", "verdict": "keep"}{"identity": "b"}',
    ],
)  # fmt: skip
def test_a_damaged_decision_names_its_line(tmp_path, line):
    path = tmp_path / "decisions.jsonl"
    append_decision(path, Decision("sha", 1, "clip", "keep"))
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(StageInputError, match="line 2"):
        load_decisions(path)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n", "  \n"])
def test_a_decision_is_added_on_a_line_of_its_own(tmp_path, end):
    path = tmp_path / "decisions.jsonl"
    path.write_bytes((json.dumps({"identity": "x", "middle": 1, "clip": "c", "verdict": "drop"}) + end).encode())
    append_decision(path, Decision("y\u2028", 5, "Bär\n", "keyword"))
    decisions = load_decisions(path)
    assert decisions.verdict("x", 1) == "drop"
    assert decisions.verdict("y\u2028", 5) == "keyword"
    assert decisions.clips("keyword") == {"Bär\n"}


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (Decision("y\udcff", 5, "c", "keyword"), "half of a character"),
        (Decision("y", 5, "c\ud800", "keyword"), "half of a character"),
        (Decision("", 5, "c", "keyword"), "identity is ''"),
        (Decision("y", -1, "c", "keyword"), "middle is -1"),
        (Decision("y", 5, "c", "perhaps"), "verdict is 'perhaps'"),  # type: ignore[arg-type]
    ],
)
def test_a_decision_that_could_not_be_read_again_is_not_written(tmp_path, decision, said):
    path = tmp_path / "decisions.jsonl"
    append_decision(path, Decision("x", 1, "c", "drop"))
    before = path.read_bytes()
    with pytest.raises(StageInputError, match=f"cannot be kept: .*{said}"):
        append_decision(path, decision)
    assert path.read_bytes() == before
