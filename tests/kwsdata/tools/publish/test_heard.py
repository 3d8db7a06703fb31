"""Whose recordings are heard in a clip: followed by the hashes of samples, over any number of steps."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kwsdata.clips.manifests import make_cut, write_cuts
from kwsdata.errors import StageInputError
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.trees import open_tree
from kwsdata.tools.publish.heard import NOWHERE, Hearing

ND = "CC-BY-NC-ND-4.0"


def sha(sound: str) -> str:
    """Return what stands for the hash of a sound's samples."""
    return sha256(sound.encode()).hexdigest()


def row(clip: str, sound: str | None = None, **custom: Any):
    """Return a cut whose samples are those of `sound` (its own name by default)."""
    fields = {"audio_sha256": sha(sound or clip), "label": "speech", "corpus": "free", "licence": "CC0-1.0"} | custom
    return make_cut(clip, 16_000, text="x", custom={k: v for k, v in fields.items() if v is not None})


def copy(clip: str, parent: str, mixed: tuple[str, ...] = (), **custom: Any):
    """Return an augmented copy of `parent` with the sounds `mixed` in it."""
    made = {"parent": parent, "parent_sha256": sha(parent), "sources": [[one, sha(one)] for one in mixed]}
    return row(clip, **(made | custom))


PLACES = {
    "split": "data/split/train.jsonl.gz",
    "mined": "data/mined/shar/cuts.000000.jsonl.gz",
    "rirs": "data/rirs/train/cuts.000000.jsonl.gz",
    "augmented": "data/augmented/shar/cuts.000000.jsonl.gz",
    "testsets": "data/testsets/test/clean/cuts.000000.jsonl.gz",
    "corpus": "data/corpora/theirs/shar/cuts.000000.jsonl.gz",
    "synthetic": "data/synthetic/speech/shar/cuts.000000.jsonl.gz",
}


@pytest.fixture
def heard(project: Path):
    """Write manifests: heard(split=[...], ...) returns {clip: [(source, licence), ...]} of all parts."""

    def read(**rows) -> dict[str, list[tuple[str, str]]]:
        for place, cuts in ({"split": [row("any")]} | rows).items():
            Path(PLACES[place]).parent.mkdir(parents=True, exist_ok=True)
            write_cuts(Path(PLACES[place]), cuts)
        hearing = Hearing(open_tree())
        return {
            one.id: [(share.source, share.licence) for share in hearing.shares(one)] for one in members_of(open_tree())
        }

    return read


VOICE = {"corpus": "speech", "licence": "Apache-2.0", "engine": "piper", "request": {"voice": "en_US-lessac-medium"}}
WINDOW = {"corpus": "mined", "parent_corpus": "speech", "licence": "Apache-2.0", "label": "mined"}
OF_VOICE = ("speech:piper:en_US-lessac-medium", "unknown")


def test_a_copy_of_a_window_of_a_voice_has_the_voices_licence(heard):
    found = heard(
        split=[row("said", **VOICE)],
        mined=[copy("window", "said", sources=None, **WINDOW)],
        augmented=[copy("window-a01", "window", **WINDOW), copy("said-a01", "said", **VOICE)],
    )
    assert found == {clip: [OF_VOICE] for clip in ("said", "window", "window-a01", "said-a01")}


def test_what_was_mixed_in_is_followed_to_its_own_sources(heard):
    found = heard(
        split=[row("word"), row("said", **VOICE), row("hum", corpus="street", licence="CC-BY-4.0", label="noise")],
        mined=[copy("window", "said", sources=None, **WINDOW)],
        rirs=[row("hall", corpus="halls", licence=ND, label="rir", speaker="halls:hall")],
        augmented=[copy("word-a01", "word", ("hum", "hall", "window"))],
        testsets=[
            row("stream", label=None, corpus=None, licence=None, sources=[[one, sha(one)] for one in ("word", "hum")])
        ],
    )
    assert found["word-a01"] == [("free", "CC0-1.0"), ("street", "CC-BY-4.0"), ("halls", ND), OF_VOICE]
    assert found["stream"] == [("free", "CC0-1.0"), ("street", "CC-BY-4.0")]


def test_ids_that_two_sounds_share_are_told_apart_by_their_samples(heard):
    """A pool, a published dataset and the split may all have a clip called book-01."""
    found = heard(
        split=[row("book-01")],
        corpus=[row("book-01", "another book", corpus="evil", licence=ND)],
        mined=[copy("window", "book-01", sources=None, parent_sha256=sha("another book"), corpus="mined")],
        augmented=[
            copy("a", "book-01"),
            copy("b", "book-01", parent_sha256=sha("another book")),
            copy("c", "book-01", sources=[["book-01", sha("another book")]]),
        ],
    )
    assert found["book-01"] == found["a"] == [("free", "CC0-1.0")]
    for clip in ("window", "b", "c"):
        assert ("evil", ND) in found[clip], clip


def test_one_sound_under_two_licences_has_both(heard):
    """Of clips with the same samples, `index` keeps the first; what the other one says is not lost."""
    found = heard(
        split=[row("book", "the book")],
        corpus=[row("theirs-1", "the book", corpus="theirs", licence=ND), row("book", "the book")],
        augmented=[copy("book-a01", "book", parent_sha256=sha("the book"))],
    )
    assert found == {clip: [("free", "CC0-1.0"), ("theirs", ND)] for clip in ("book", "book-a01")}


@pytest.mark.parametrize("licence", [ND, "", "unknown", "CC-BY-SA-4.0"])
def test_what_a_copy_says_of_itself_counts_beside_its_parents(heard, licence):
    found = heard(split=[row("word")], augmented=[copy("word-a01", "word", licence=licence)])
    assert set(found["word-a01"]) == {("free", "CC0-1.0"), ("free", licence)}
    found = heard(split=[row("word", licence=licence)], augmented=[copy("word-a01", "word")])
    assert set(found["word-a01"]) == {("free", licence), ("free", "CC0-1.0")}


def test_a_clip_of_a_voice_that_says_something_stricter_has_both(heard):
    found = heard(split=[row("said", **VOICE | {"engine": "espeak", "licence": ND})])
    assert found["said"] == [("speech:espeak", "engine-output"), ("speech", ND)]


@pytest.mark.parametrize(
    ("clip", "missing"),
    [
        (copy("a", "gone"), f"gone (SHA-256 of its samples: {sha('gone')})"),
        (copy("a", "word", ("gone",)), f"gone (SHA-256 of its samples: {sha('gone')})"),
        (copy("a", "word", parent_sha256=sha("other")), f"word (SHA-256 of its samples: {sha('other')})"),
        (copy("a", "word", parent_sha256=None), "word (SHA-256 of its samples: not recorded)"),
        (copy("a", "word", parent_sha256="1" * 64), f"word (SHA-256 of its samples: {'1' * 64})"),
        (copy("a", "word", parent_sha256="no hash"), "word (SHA-256 of its samples: no hash)"),
        (copy("a", "word", sources=[["word", sha("word")[:63]]]), f"word (SHA-256 of its samples: {sha('word')[:63]})"),
        (copy("a", "word", sources=None), "what was mixed into it (SHA-256 of its samples: not recorded)"),
    ],
)
def test_a_sound_that_no_manifest_has_is_named(heard, clip, missing):
    found = heard(split=[row("word")], augmented=[clip])
    assert (NOWHERE, missing) in found["a"]


def test_a_window_whose_recording_is_gone_is_not_taken_for_its_own_words(heard):
    found = heard(
        mined=[copy("window", "gone", sources=None, **WINDOW)], augmented=[copy("window-a01", "window", **WINDOW)]
    )
    for clip in ("window", "window-a01"):
        assert found[clip][0] == (NOWHERE, f"gone (SHA-256 of its samples: {sha('gone')})")


def test_a_clip_from_elsewhere_keeps_the_sources_that_its_publisher_named(heard):
    credits = [["theirs:words", "CC0-1.0"], ["theirs:street", ND]]
    of_pool = {"credits": [["pool", ND]], "elsewhere": True}
    found = heard(
        split=[
            row("word", corpus="theirs", credits=credits),
            row("strict", corpus="theirs", credits=credits, licence="own"),
        ],
        mined=[copy("window", "nowhere", sources=None, corpus="mined", licence=ND, **of_pool)],
        augmented=[
            copy("word-a01", "word", corpus="theirs", credits=credits),
            copy("window-a01", "window", credits=[]),
        ],
    )
    assert found["word"] == found["word-a01"] == [("theirs:words", "CC0-1.0"), ("theirs:street", ND)]
    assert found["strict"] == [*found["word"], ("theirs", "own")]
    assert found["window"] == [("pool", ND)]
    assert ("pool", ND) in found["window-a01"]


def test_windows_of_augmented_clips_and_of_windows_are_followed_all_the_way(heard):
    found = heard(
        split=[row("word", licence=ND), row("hum", corpus="street", licence="CC-BY-4.0", label="noise")],
        augmented=[copy("word-a01", "word", ("hum",), licence=ND), copy("deep-a01", "deep", corpus="mined")],
        mined=[
            copy("window", "word-a01", sources=None, corpus="mined", parent_corpus="free", licence="CC0-1.0"),
            copy("deep", "window", sources=None, corpus="mined", parent_corpus="mined", licence="CC0-1.0"),
        ],
    )
    for clip in ("window", "deep", "deep-a01"):
        assert {("free", ND), ("street", "CC-BY-4.0")} <= set(found[clip])
        assert NOWHERE not in dict(found[clip])


def test_sounds_that_are_made_of_each_other_come_to_an_end(heard):
    found = heard(
        mined=[
            copy("a", "b", sources=None, corpus="mined", licence=ND),
            copy("b", "a", sources=None, corpus="mined", licence="own"),
            copy("c", "c", sources=None, corpus="mined"),
        ]
    )
    assert set(found["a"]) == set(found["b"]) == {("mined", ND), ("mined", "own")}
    assert found["c"] == [("mined", "CC0-1.0")]


def test_a_room_that_was_measured_is_followed_to_its_recording(heard):
    found = heard(
        rirs=[copy("hall", "clap", sources=None, corpus="halls"), row("room", corpus="simulated")],
        corpus=[row("clap", corpus="halls", licence="CC-BY-NC-4.0", label=None, role="rir")],
    )
    assert set(found["hall"]) == {("halls", "CC-BY-NC-4.0"), ("halls", "CC0-1.0")}
    assert found["room"] == [("simulated", "CC0-1.0")]


@pytest.mark.parametrize("value", ["word", [["word"]], [["word", 3]], [["a", "b", "c"]], {"word": "x"}, [None], 7])
@pytest.mark.parametrize("name", ["sources", "credits"])
def test_malformed_sources_are_one_line(heard, name, value):
    with pytest.raises(StageInputError, match=rf"a of augmented/train: custom\['{name}'\] is no list of pairs"):
        heard(split=[row("word")], augmented=[copy("a", "word", **{name: value})])
