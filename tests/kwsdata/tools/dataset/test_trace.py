"""The provenance of one clip."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kwsdata.cli import app
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz, write_jsonl_gz
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.trace import trace
from kwsdata.tools.dataset.trees import open_tree


def test_an_augmented_clip_leads_to_its_parent_its_noise_and_their_corpora(built):
    tree = open_tree()
    member = next(one for one in members_of(tree) if one.recipe.get("recipe", {}).get("noise"))
    found = trace(tree, member.id)
    assert [parent["id"] for parent in found["parents"]] == [member.parent]
    assert {one["id"] for one in found["heard"]} == {clip for clip, _ in member.sources}
    assert {one["corpus"] for one in found["heard"]} >= {"street"}
    assert found["corpora"][member.corpus]["source"] == "made here"
    assert "snr db" in found["recipe_words"].replace("_", " ")
    assert found["made"]["stage"] == "augment"
    assert found["made"]["commit"] is None


def test_a_clip_is_traced_to_its_sources_by_the_hashes_of_samples(built):
    """A clip of another corpus that has the id of the parent is not its parent; what is nowhere is named."""
    tree = open_tree()
    member = next(one for one in members_of(tree) if one.recipe.get("recipe", {}).get("noise"))
    found = trace(tree, member.id)
    assert {row["source"] for row in found["sources"]} >= {member.corpus, "street"}
    assert found["not_found"] == []
    noise = member.recipe["recipe"]["noise"]["noise"]
    path = Path("data/split/train.jsonl.gz")
    rows = list(read_jsonl_gz(path))
    for row in rows:
        if row["id"] in (noise, member.parent):
            row["custom"] |= {"audio_sha256": "e" * 64, "licence": "own", "corpus": "evil"}
    write_jsonl_gz(path, rows)
    shutil.rmtree("data/corpora/street")
    found = trace(tree, member.id)
    assert found["parents"] == []
    assert found["parent_not_found"] == member.parent
    assert found["not_found"] == [{"id": noise, "audio_sha256": dict(member.sources)[noise]}]
    sources = {row["source"]: row["licence"] for row in found["sources"]}
    assert "evil" not in sources
    assert sources["(not found)"] == f"{noise} (SHA-256 of its samples: {dict(member.sources)[noise]})"


def test_a_stream_leads_to_the_clips_in_it(built):
    found = trace(open_tree(), "test-clean-0000")
    assert [one["part"] for one in found["heard"]] == ["split/test"]
    assert found["made"]["command"] == "kwsdata make-testsets"


def test_an_unknown_clip_says_where_ids_are(built):
    with pytest.raises(StageInputError, match="no clip of workspace"):
        trace(open_tree(), "nobody")


def test_stats_count_what_trace_finds(built):
    found = json.loads(CliRunner().invoke(app, ["stats", "--json"]).stdout)
    assert found["split/test"]["corpora"] == {"held": found["split/test"]["labels"]["speech"]}
    assert found["split/train"]["speakers"] == 14
    shown = CliRunner().invoke(app, ["stats"])
    assert "split/train" in shown.stdout
