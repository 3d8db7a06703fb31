"""A window of a pool tells the sources of its recording, which is in no manifest of the project."""

import json
from pathlib import Path

import pytest
from corpus_trees import put_tone
from sound import white_noise

from kwsdata.clips.manifests import audio_sha256, make_cut, write_cuts
from kwsdata.clips.pieces import piece_from_row
from kwsdata.clips.shards import Clip, write_shard, write_shards
from kwsdata.errors import StageInputError
from kwsdata.stages.mine_negatives.candidate import Candidate
from kwsdata.stages.mine_negatives.pools import pieces_at
from kwsdata.stages.mine_negatives.stage import _clips
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.trees import open_tree
from kwsdata.tools.publish.heard import NOWHERE, Hearing

ND = "CC-BY-NC-ND-4.0"
SHA = "a" * 64
KNOWN = {"audio_sha256": audio_sha256(white_noise(3)), "label": "speech"}


def heard_in_window(params, pool: Path) -> list[tuple[str, str]]:
    """Mine one window of a pool, through a row on disk as the store keeps it; return its sources."""
    piece = piece_from_row(json.loads(json.dumps(next(iter(pieces_at(pool, 16_000, []))).row())))
    one = Candidate(1, 0, piece, 8_000, 0.5, 0.1, "word", 0.5, None, 0.5, "neighbour")
    write_shards(Path("data/mined/shar"), _clips([one], params.mine_negatives), 10)
    Path("data/split").mkdir(parents=True)
    write_cuts(Path("data/split/train.jsonl.gz"), [make_cut("any", 16_000, custom=KNOWN | {"audio_sha256": "b" * 64})])
    (window,) = members_of(open_tree(), ["mined/train"])
    return [(share.source, share.licence) for share in Hearing(open_tree()).shares(window)]


@pytest.mark.parametrize(
    ("custom", "heard"),
    [
        ({"corpus": "evil", "licence": ND}, [("evil", ND)]),
        ({"corpus": "evil"}, [("evil", "")]),
        (
            {"corpus": "speech", "licence": "Apache-2.0", "engine": "piper", "request": {"voice": "x"}},
            [("speech:piper:x", "unknown")],
        ),
        (
            {"corpus": "theirs", "licence": "CC0-1.0", "credits": [["words", "CC0-1.0"], ["street", ND]]},
            [("words", "CC0-1.0"), ("street", ND)],
        ),
        (
            {"corpus": "theirs", "licence": "own", "credits": [["words", "CC0-1.0"]]},
            [("words", "CC0-1.0"), ("theirs", "own")],
        ),
        (
            {"corpus": "c", "licence": "CC0-1.0", "parent": "c-1", "parent_sha256": SHA, "sources": [["n", SHA]],
             "recipe": {"copy": 1}},
            [("c", "CC0-1.0"), (NOWHERE, f"c-1 (SHA-256 of its samples: {SHA})"),
             (NOWHERE, f"n (SHA-256 of its samples: {SHA})")],
        ),
        (
            {"corpus": "c", "licence": "CC0-1.0", "recipe": {"copy": 0}},
            [("c", "CC0-1.0"), (NOWHERE, "what was mixed into it (SHA-256 of its samples: not recorded)")],
        ),
    ],
)  # fmt: skip
def test_what_the_cut_of_a_pool_says_is_what_a_window_of_it_says(project, params, custom, heard):
    write_shard(Path("data/pools/p"), 0, [Clip(make_cut("a", 16_000, custom=KNOWN | custom), white_noise(3))])
    assert heard_in_window(params, Path("data/pools/p")) == heard


def test_a_file_says_nothing_and_so_permits_nothing(project, params):
    put_tone(Path("data/pools/tv/a.wav"), 3)
    assert heard_in_window(params, Path("data/pools/tv")) == [("tv", "")]


def test_a_recording_that_is_a_clip_of_the_project_has_that_ones_licence_too(project, params):
    cut = make_cut("a", 16_000, text="x", custom=KNOWN | {"corpus": "evil", "licence": ND})
    write_shard(Path("data/corpora/evil/shar"), 0, [Clip(cut, white_noise(3))])
    theirs = make_cut("a", 16_000, custom=KNOWN | {"corpus": "free", "licence": "CC0-1.0"})
    write_shard(Path("data/pools/p"), 0, [Clip(theirs, white_noise(3))])
    assert set(heard_in_window(params, Path("data/pools/p"))) == {("evil", ND), ("free", "CC0-1.0")}


@pytest.mark.parametrize("told", ["x", 7, [["a", "b"]]])
def test_what_a_piece_says_must_be_a_mapping(told):
    row = {
        "clip": "a",
        "place": "a.wav",
        "start": 0,
        "samples": 1,
        "clip_samples": 1,
        "identity": "x",
        "label": "speech",
    }
    assert piece_from_row(row | {"told": {"elsewhere": True}}).told == {"elsewhere": True}
    with pytest.raises(StageInputError, match="piece 'a' is malformed"):
        piece_from_row(row | {"told": told})
