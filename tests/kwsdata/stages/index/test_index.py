import unicodedata

import numpy as np
import pytest
from corpus_trees import put_tone
from sound import tone, white_noise

from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.exclusions import exclude
from kwsdata.clips.manifests import read_cuts
from kwsdata.errors import CorpusError
from kwsdata.importers.run import run_import
from kwsdata.params import KeywordParams
from kwsdata.stages.index.label import label_of
from kwsdata.stages.index.stage import run


@pytest.mark.parametrize(
    ("role", "kind", "text", "label"),
    [
        ("keyword", None, "computer", "keyword"),
        ("keyword", None, "snowboy", "speech"),
        ("speech", "confusable", "commuter", "confusable"),
        ("speech", None, None, "speech"),
        ("speech", None, "the computer is on", None),
        ("noise", None, None, "noise"),
    ],
)
def test_labels(role, kind, text, label):
    assert label_of(role, kind, text, "computer")[0] == label


def corpus(root, name, role, items, synthetic=False):
    info = CorpusInfo(name, "folder", role, "CC0", "none", "made here", "known", synthetic)
    write_corpus(root / name, info, items, 10, 0.0)


def test_index_labels_excludes_and_drops_duplicates(project, params):
    same = tone(300)
    corpus(
        project / "real", "words", "keyword", [Item("a", tone(440), "computer", "x"), Item("b", same, "snowboy", "y")]
    )
    corpus(
        project / "made",
        "talk",
        "speech",
        [Item("c", tone(500), "my computer"), Item("d", same, "snowboy"), Item("e", tone(600), "hello", "z")],
        synthetic=True,
    )
    corpus(project / "real", "hiss", "noise", [Item("n", white_noise())])
    corpus(project / "real", "halls", "rir", [Item("h", np.eye(1, 800, dtype=np.float32)[0])])
    summary = run(params, (project / "real", project / "made"), project / "index")
    cuts = {cut.id: cut.custom for cut in read_cuts(project / "index" / "cuts.jsonl.gz")}
    assert {cut_id: custom["label"] for cut_id, custom in cuts.items()} == {
        "words-a": "keyword",
        "words-b": "speech",
        "hiss-n": "noise",
        "talk-e": "speech",
    }
    assert cuts["talk-e"]["synthetic"] is True
    assert "synthetic" not in cuts["words-a"]
    assert summary["excluded"]["same sound as another clip"]["first"] == ["talk-d"]
    assert summary["excluded"]["says the keyword among other words"]["first"] == ["talk-c"]


def test_a_clip_that_is_listed_as_excluded_is_in_no_partition(project, params):
    corpus(
        project / "real", "words", "keyword", [Item(k, tone(440 + 10 * i), "computer", k) for i, k in enumerate("abc")]
    )
    exclude(["words-b"], "says something else", project / "excluded.txt")
    summary = run(params, (project / "real",), project / "index", project / "excluded.txt")
    assert [cut.id for cut in read_cuts(project / "index" / "cuts.jsonl.gz")] == ["words-a", "words-c"]
    assert summary["excluded"]["listed in review/excluded.txt"] == {"clips": 1, "first": ["words-b"]}


def for_keyword(params, text, language):
    return params.model_copy(update={"keyword": KeywordParams(text=text, language=language)})


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    ("keyword", "language", "folder", "sentence"),
    [
        ("größe", "de", "GRÖßE", "in meiner größe"),
        ("नमस्ते", "hi", "नमस्ते", "सबको नमस्ते कहो"),
        ("வணக்கம்", "ta", "வணக்கம்", "அனைவருக்கும் வணக்கம்"),
        ("مرحبا", "ar", "مَرحَبًا", "قال مرحبا بكم"),
        ("שלום", "he", "שָׁלוֹם", "אמרתי שלום לכולם"),
        ("привет", "ru", "Привет", "всем привет"),
        ("ışık", "tr", "IŞIK", "bir ışık yandı"),
        ("小爱同学", "cmn", "小爱_同学", "我想和小爱同学说话"),
        ("コンピュータ", "ja", "コンピュータ", "このｺﾝﾋﾟｭｰﾀは速い"),
        ("안녕하세요", "ko", "안녕하세요", "그는 안녕하세요라고 했다"),
        ("สวัสดี", "th", "สวัสดี", "เขาพูดสวัสดีครับ"),
        ("hey lumen", "en-us", "Hey-Lumen", "he said hey lumen twice"),
        ("don't", "en-us", "don’t", "please don't"),
    ],
)
def test_a_folder_named_on_any_system_holds_the_keyword(project, params, keyword, language, folder, sentence, form):
    put_tone(project / "in" / unicodedata.normalize(form, folder) / "1.wav", 0)
    asked = {"params": params.import_, "executor": params.executor.model_copy(update={"kind": "serial"})}
    run_import("folder", project / "in", name="words", role="keyword", out_root=project / "real", **asked)
    corpus(project / "real", "talk", "speech", [Item("a", tone(500), unicodedata.normalize(form, sentence), "x")])
    summary = run(for_keyword(params, keyword, language), (project / "real",), project / "index")
    assert summary["hours_by_label"].keys() == {"keyword"}
    assert summary["excluded"]["says the keyword among other words"]["first"] == ["talk-a"]


@pytest.mark.parametrize(
    ("keyword", "said", "shows"),
    [
        ("größe", "grosse", ["'größe' ('gr\\xf6\\xdfe')", "'grosse' in 2", "--label 'größe'"]),
        (
            "computer",
            "сomputer",
            ["keyword 'computer'", "'сomputer' ('\\u0441omputer') in 2", "--label computer", "index.other_words"],
        ),
        ("hey lumen", "heylumen", ["'hey lumen'", "'heylumen' in 2", "--label 'hey lumen'"]),
        ("computer", "the computer", ["'the computer' in 2", "--role speech"]),
    ],
)
def test_keyword_recordings_that_never_say_the_keyword_are_an_error_that_shows_both(
    project, params, keyword, said, shows
):
    corpus(project / "real", "right", "keyword", [Item("a", tone(400), keyword, "x")])
    corpus(project / "real", "wrong", "keyword", [Item(k, tone(440 + 10 * i), said, k) for i, k in enumerate("bc")])
    with pytest.raises(CorpusError) as error:
        run(for_keyword(params, keyword, "en-us"), (project / "real",), project / "index")
    for part in ("none of the 2 clips of wrong does", *shows):
        assert part in str(error.value)
    assert "right" not in str(error.value)
    assert not (project / "index").exists()


def test_keyword_recordings_of_another_word_of_the_project_are_speech(project, params):
    corpus(project / "real", "right", "keyword", [Item("a", tone(400), "computer", "x")])
    corpus(project / "real", "other", "keyword", [Item("a", tone(440), "Stop, Lumen!", "y")])
    index = params.index.model_copy(update={"other_words": ["stop lumen"]})
    summary = run(params.model_copy(update={"index": index}), (project / "real",), project / "index")
    counts = {row["name"]: row["clips_by_label"] for row in summary["corpora"]}
    assert counts == {"other": {"speech": 1}, "right": {"keyword": 1}}


def test_keyword_recordings_that_are_all_left_out_are_no_error(project, params):
    corpus(project / "real", "first", "keyword", [Item("a", tone(440), "computer", "x")])
    corpus(project / "real", "again", "keyword", [Item("a", tone(440), "computer", "x")])
    corpus(project / "real", "other", "speech", [Item("a", tone(460), "snowboy", "x")])
    summary = run(params, (project / "real",), project / "index")
    assert [row["clips_by_label"] for row in summary["corpora"]] == [{"keyword": 1}, {}, {"speech": 1}]


def test_no_keyword_anywhere_is_a_clear_error(project, params):
    corpus(project / "real", "talk", "speech", [Item("a", tone(), "hello", "x")])
    with pytest.raises(CorpusError, match="no clip says the keyword 'computer'"):
        run(params, (project / "real",), project / "index")
    assert not (project / "index").exists()


def test_no_corpus_says_how_to_get_one(project, params):
    with pytest.raises(CorpusError, match="kwsdata import"):
        run(params, (project / "real",), project / "index")
