import numpy as np
import pytest
from sound import tone, white_noise

from kwsdata.corpus import CorpusInfo, Item, write_corpus
from kwsdata.errors import CorpusError
from kwsdata.exclusions import exclude
from kwsdata.index.label import label_of, says
from kwsdata.index.stage import run
from kwsdata.manifests import read_cuts


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("computer", "Computer", True),
        ("computer", "hey computer!", True),
        ("computer", "two computers", True),
        ("computer", "a microcomputer", True),
        ("computer", "compute", False),
        ("hey lumen", "say hey, Lumen now", True),
        ("hey lumen", "hey newman", False),
    ],
)
def test_a_keyword_is_heard_at_the_edges_of_words(keyword, text, expected):
    assert says(keyword, text) is expected


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


def test_no_keyword_anywhere_is_a_clear_error(project, params):
    corpus(project / "real", "talk", "speech", [Item("a", tone(), "hello", "x")])
    with pytest.raises(CorpusError, match="no clip says the keyword 'computer'"):
        run(params, (project / "real",), project / "index")
    assert not (project / "index").exists()


def test_no_corpus_says_how_to_get_one(project, params):
    with pytest.raises(CorpusError, match="kwsdata import"):
        run(params, (project / "real",), project / "index")
