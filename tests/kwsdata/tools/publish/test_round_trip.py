"""A published dataset that comes back through an importer has the licences it left with, and may not lose them."""

import json
from pathlib import Path

import pytest
from augmenting import eventful
from licensing import relicense, set_publish
from params_files import copy_params

from kwsdata.clips.manifests import with_fields, write_cuts
from kwsdata.clips.shards import shard_cuts
from kwsdata.errors import CorpusError
from kwsdata.importers.run import run_import
from kwsdata.params import load_params
from kwsdata.tools.dataset.members import corpus_members, members_of
from kwsdata.tools.dataset.trees import open_tree
from kwsdata.tools.publish.heard import Hearing
from kwsdata.tools.publish.licences import LicenceError
from kwsdata.tools.publish.run import publish

ND = "CC-BY-NC-ND-4.0"


@pytest.fixture
def published(publishing, tmp_path, monkeypatch, params):
    """A published dataset whose noises may not be handed on, but for a permission; another project to import it in."""
    relicense("street", ND)
    set_publish(permit={"street": "its owner, for a review, 2026-11-03"})
    publishing(layouts=["shar", "hf"])
    dist = Path("dist").resolve()
    project = tmp_path / "second"
    project.mkdir()
    monkeypatch.chdir(project)
    copy_params(Path())

    def take(kind, part, **asked):
        path = f"{dist}:{part}" if kind == "hf" else dist / "shar" / part / "train"
        return run_import(kind, path, name="theirs", params=params.import_, executor=eventful(params).executor,
                          role="noise", **asked)  # fmt: skip

    return take


def split_of(corpus: str) -> None:
    """Write a train manifest of one corpus."""
    Path("data/split").mkdir(parents=True)
    cuts = (with_fields(cut, label="noise", partition="train") for cut in shard_cuts(Path("data/corpora") / corpus))
    write_cuts(Path("data/split/train.jsonl.gz"), cuts)


@pytest.mark.parametrize("kind", ["lhotse", "hf"])
def test_what_was_mixed_in_keeps_its_licence(published, tmp_path, monkeypatch, kind):
    if kind == "hf":
        datasets = pytest.importorskip("datasets")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    with pytest.raises(CorpusError, match=r"--licence CC0-1.0 permits more than \d+ of \d+ sounds do.*CC-BY-NC-ND-4.0"):
        published(kind, "augmented", licence="CC0-1.0")
    summary = published(kind, "augmented")
    assert set(summary["licence"].split(" AND ")) <= {"CC0", ND}
    split_of("theirs")
    tree = open_tree()
    hearing = Hearing(tree)
    heard = {one.id: hearing.shares(one) for one in members_of(tree)}
    touched = [
        clip for clip, shares in heard.items() if ("theirs:street", ND) in [(s.source, s.licence) for s in shares]
    ]
    assert 0 < len(touched) < len(heard)
    with pytest.raises(LicenceError, match="theirs:street: CC-BY-NC-ND-4.0 permits copies but no changed ones"):
        publish(load_params(Path("params.yaml")), Path("params.yaml"), Path("dist"), ["shar"], ["split"], [])
    told = publish(
        load_params(Path("params.yaml")), Path("params.yaml"), Path("dist"), ["shar"], ["split"], ["theirs:street"]
    )
    assert told["left_out"] == {"theirs:street": len(touched)}


def test_a_reason_is_recorded_and_printed_on_the_card(published):
    why = "the city's office for noise, by letter, 2026-11-03 | final"
    summary = published("lhotse", "split", licence="CC0-1.0", licence_override=why)
    assert summary["licence"] == "CC0-1.0"
    assert summary["licence_override"] == {"reason": why, "replaced": {ND: 4}}
    assert (
        json.loads(Path("data/corpora/theirs/corpus.json").read_text())["licence_override"]
        == summary["licence_override"]
    )
    said = {(one.licence, *(licence for _, licence in one.credits or ())) for one in corpus_members(open_tree())}
    assert said == {("CC0-1.0",), ("CC0", "CC0")}  # four that were replaced; the others keep what they say
    split_of("theirs")
    told = publish(load_params(Path("params.yaml")), Path("params.yaml"), Path("dist"), ["shar"], ["split"], [])
    assert told["licence_overrides"] == {"theirs": summary["licence_override"]}
    card = Path("dist/README.md").read_text()
    assert f"`theirs`: declared to be CC0-1.0 where 4 clips said {ND}: {why}" in card


def test_a_stricter_licence_is_kept_beside_the_credits(published):
    published("lhotse", "split", licence="all rights reserved")
    split_of("theirs")
    hearing = Hearing(open_tree())
    for one in members_of(open_tree()):
        found = [(share.source, share.licence) for share in hearing.shares(one)]
        assert ("theirs", "all rights reserved") in found
        assert any(source.startswith("theirs:") for source, _ in found)
