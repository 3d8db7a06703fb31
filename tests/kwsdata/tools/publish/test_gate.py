"""What the gate refuses, and what is left when a corpus is left out."""

import json
import re
import shutil
from pathlib import Path

import pytest
from licensing import relicense, set_publish

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz, write_jsonl_gz
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.trees import open_tree
from kwsdata.tools.publish.heard import Hearing
from kwsdata.tools.publish.licences import LicenceError


def test_permitted_sources_pass(publishing):
    told = publishing()
    assert set(told["sources"]) == {"held", "others", "simulated", "street", "talk", "words"}
    assert told["left_out"] == {}


@pytest.mark.parametrize("licence", ["unknown", "own", "CC-BY-ND-4.0", "all rights reserved", ""])
def test_a_licence_that_permits_nothing_is_refused_by_name(publishing, licence):
    relicense("talk", licence)
    with pytest.raises(LicenceError, match=r"talk: .*--exclude NAME.*publish: \{permit: \{NAME: \.\.\.\}\}") as raised:
        publishing()
    assert "words" not in str(raised.value)
    assert not Path("dist").exists()


def test_corpora_that_cannot_be_in_one_work_are_both_named(publishing):
    relicense("words", "GPL-2.0")
    relicense("street", "CC-BY-NC-4.0")
    with pytest.raises(LicenceError, match=r"street \(CC-BY-NC-4.0\) and words \(GPL-2.0-only\) cannot be in one work"):
        publishing()
    assert publishing(exclude=["street"])["left_out"]["street"] > 0


def test_the_licence_of_mixed_in_sound_counts(publishing):
    """`simulated` rooms are in no part that is asked for, and are heard in augmented clips."""
    relicense("simulated", "unknown")
    publishing(parts=["split"], out="split")
    with pytest.raises(LicenceError, match="simulated: its licence is 'unknown'"):
        publishing(parts=["augmented"])


def test_leaving_a_corpus_out_leaves_out_every_clip_it_is_heard_in(publishing):
    tree = open_tree()
    hearing = Hearing(tree, ["augmented/train"])
    members = list(members_of(tree, ["augmented/train"]))
    touched = {one.id for one in members if "street" in {share.source for share in hearing.shares(one)}}
    own = {one.id for one in members if one.corpus == "street"}
    assert own < touched < {one.id for one in members}
    told = publishing(parts=["augmented"], exclude=["street"], layouts=["shar"])
    kept = {row["id"] for path in Path("dist/shar").rglob("cuts.*") for row in read_jsonl_gz(path)}
    assert kept == {one.id for one in members} - touched
    assert told["left_out"] == {"street": len(touched)}
    assert "street" not in told["sources"]


def test_a_permission_is_kept_in_the_card(publishing):
    relicense("talk", "own")
    set_publish(permit={"talk": "Ada Lovelace, by letter, 2026-11-03"})
    told = publishing()
    assert told["sources"]["talk"]["permission"] == "Ada Lovelace, by letter, 2026-11-03"
    card = Path("dist/README.md").read_text()
    assert "`talk`: by permission: Ada Lovelace, by letter, 2026-11-03 (declared: own)" in card
    assert "- other" in card.split("---")[1]


def test_names_that_mean_nothing_are_refused(publishing):
    with pytest.raises(StageInputError, match=r"publish.exclude names 'stret'.*street, talk"):
        publishing(exclude=["stret"])
    set_publish(permit={"nobody": "somebody"})
    with pytest.raises(StageInputError, match="publish.permit names 'nobody'"):
        publishing()


def test_nothing_left_is_an_error(publishing):
    with pytest.raises(StageInputError, match="nothing is left without words, talk, street, others, held"):
        publishing(exclude=["words", "talk", "street", "others", "held"], parts=["split"])


def test_sound_from_nowhere_is_refused(publishing):
    path = Path("data/split/train.jsonl.gz")
    rows = list(read_jsonl_gz(path))
    write_jsonl_gz(path, [row for row in rows if row["custom"]["corpus"] != "street"])
    publishing(parts=["augmented"])  # the corpus still has it
    shutil.rmtree("data/corpora/street")
    sha256 = {row["id"]: row["custom"]["audio_sha256"] for row in rows}
    with pytest.raises(LicenceError, match=r"\d+ clips hold sound that no manifest here has, for example ") as raised:
        publishing(parts=["augmented"])
    told = re.search(
        r"example (\S+) has (\S+) \(SHA-256 of its samples: (\w+)\): `dvc pull` or `dvc repro`", str(raised.value)
    )
    assert sha256[told[2]] == told[3]
    assert told[1] in {member.id for member in members_of(open_tree(), ["augmented/train"])}


def test_a_synthetic_clip_counts_with_its_voice(publishing):
    path = Path("data/split/train.jsonl.gz")
    rows = list(read_jsonl_gz(path))
    for row in rows[:2]:
        row["custom"] |= {"corpus": "speech", "engine": "piper", "request": {"voice": "en_US-lessac-medium"}}
    write_jsonl_gz(path, rows)
    with pytest.raises(LicenceError, match="speech:piper:en_US-lessac-medium: its licence is 'unknown'"):
        publishing(parts=["split"])
    assert publishing(parts=["split"], exclude=["speech"])["left_out"] == {"speech": 2}
    assert json.loads(Path("dist/publish.json").read_text())["parts"]["split/train"]["cuts"] == len(rows) - 2
