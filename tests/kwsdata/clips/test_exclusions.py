"""What `kwsdata exclude` writes is what `index` reads, whatever an editor, git or a full disk did in between."""

import json
import logging

import pytest
from sound import tone

from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.decisions import Decision, append_decision
from kwsdata.clips.exclusions import exclude, load_excluded
from kwsdata.errors import KwsError, StageInputError
from kwsdata.stages.index.stage import run
from kwsdata.tools.dataset.leave_out import leave_out


@pytest.mark.parametrize(
    ("text", "cuts"),
    [
        ("# by hand\ncrowd-17", {"crowd-17"}),
        ("crowd-17  # by hand", {"crowd-17"}),
        ("crowd-17\t# clipped # and more", {"crowd-17"}),
        ("crowd-17 \r\n\r\n  crowd-18\r\n", {"crowd-17", "crowd-18"}),
        ("\ufeffcrowd-17\n", {"crowd-17"}),
        ("#crowd-17\n#\n # crowd-18\n", set()),
        ("", set()),
    ],
)
def test_the_next_id_does_not_stick_to_the_last_one(tmp_path, text, cuts):
    path = tmp_path / "excluded.txt"
    path.write_bytes(text.encode())
    assert load_excluded(path) == cuts
    assert exclude(["crowd-99", *cuts], "clipped", path) == 1
    assert load_excluded(path) == cuts | {"crowd-99"}
    assert exclude(["crowd-99"], "clipped", path) == 0
    assert path.read_bytes().startswith(text.encode())


@pytest.mark.parametrize(
    "line",
    ["crowd-17 crowd-18", "crowd-17\tby hand", "crowd#17", "crowd-17#by hand", "crowd-17, crowd-18", "crowd\u200b-17",
     "\u00a0crowd-17\u00a0crowd-18", "crowd\u202e-17"],
)  # fmt: skip
def test_a_line_that_is_no_id_is_named(tmp_path, line):
    path = tmp_path / "excluded.txt"
    path.write_text(f"crowd-1\n\n{line}\n", encoding="utf-8")
    before = path.read_bytes()
    for function in (load_excluded, lambda path: exclude(["crowd-2"], "clipped", path)):
        with pytest.raises(StageInputError, match=r"excluded\.txt, line 3: "):
            function(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", ["", " ", "a b", "a\nb", "a#b", "# a", "a\u2028b", "a\x00"])
def test_what_cannot_be_an_id_is_not_written(tmp_path, cut):
    with pytest.raises(KwsError, match="no id of a clip"):
        exclude([cut], "clipped", tmp_path / "excluded.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("why", "written"), [("two\nlines\u2028more", "two lines more"), ("", ""), ("a # b", "a # b")])
def test_a_comment_stays_on_its_line(tmp_path, why, written):
    path = tmp_path / "excluded.txt"
    assert exclude(["crowd-1"], why, path) == 1
    assert path.read_text() == (f"crowd-1  # {written}\n" if written else "crowd-1\n")
    assert load_excluded(path) == {"crowd-1"}


def test_a_comment_that_would_garble_a_terminal_is_refused(tmp_path):
    with pytest.raises(KwsError, match="--why"):
        exclude(["crowd-1"], "\x1b[2J", tmp_path / "excluded.txt")


@pytest.fixture
def corpora(project):
    info = CorpusInfo("crowd", "folder", "keyword", "CC0", "none", "made here", "known")
    items = [Item(f"c{number}", tone(300 + 10 * number), "computer", f"s{number}") for number in range(4)]
    write_corpus(project / "data/corpora/crowd", info, items, 10, 0.0)
    room = CorpusInfo("rooms", "folder", "rir", "CC0", "none", "made here", "known")
    write_corpus(project / "data/corpora/rooms", room, [Item("r1", tone(200), None, "a")], 10, 0.0)
    return project


def test_an_id_that_no_corpus_has_is_named_with_those_like_it_and_nothing_is_added(corpora):
    with pytest.raises(StageInputError, match=r"'crowd-c11' \(nearest: .*crowd-c1.*nothing was added"):
        leave_out(["crowd-c2", "crowd-c11"], "clipped")
    with pytest.raises(StageInputError, match="'rooms-r1'"):  # `index` reads no rooms
        leave_out(["rooms-r1"], "clipped")
    assert not (corpora / "review").exists()
    assert leave_out(["crowd-c2", "crowd-c3", "crowd-c2"], "clipped") == {"excluded": 2}
    assert load_excluded() == {"crowd-c2", "crowd-c3"}


def test_without_any_corpus_nothing_can_be_looked_up(project):
    with pytest.raises(StageInputError, match="dvc pull"):
        leave_out(["crowd-c2"], "clipped")


def test_rules_are_looked_up_too_and_pools_that_a_reviewer_heard_are_counted(corpora):
    finding = {"rule": "same_sound", "exclude": ["crowd-c1"], "cuts": []}
    (corpora / "data/check").mkdir()
    (corpora / "data/check/check.json").write_text(json.dumps({"findings": [finding]}))
    for clip in ("crowd-c0", "podcast/one.mp3"):
        append_decision(corpora / "review/decisions.jsonl", Decision(clip, 1, clip, "keyword"))
    assert leave_out([], "", rule="same_sound", heard=True) == {"excluded": 2, "in_no_corpus": 1}
    assert load_excluded() == {"crowd-c0", "crowd-c1"}
    finding["exclude"] = ["crowd-gone"]
    (corpora / "data/check/check.json").write_text(json.dumps({"findings": [finding]}))
    with pytest.raises(StageInputError, match="crowd-gone"):
        leave_out([], "", rule="same_sound")


def test_index_says_which_ids_leave_nothing_out(corpora, params, caplog):
    exclude(["crowd-c1", "crowd-c9", "village-1"], "by hand")
    with caplog.at_level(logging.WARNING):
        summary = run(params)
    assert "names 2 clip(s) that no corpus here has: crowd-c9, village-1" in caplog.text
    assert summary["excluded"]["listed in review/excluded.txt"]["first"] == ["crowd-c1"]
    assert summary["excluded"]["listed in review/excluded.txt, in no corpus"]["clips"] == 2
