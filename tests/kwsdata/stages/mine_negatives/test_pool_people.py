"""Who speaks in a pool is compared with dev and test by declared identity, whatever their corpora are called."""

from pathlib import Path

import pytest
from cached_steps import NETWORK, write_network
from sound import burst

from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.manifests import make_cut, with_fields, write_cuts
from kwsdata.clips.shards import shard_cuts, write_shards
from kwsdata.errors import PartitionError
from kwsdata.stages.check.leaks import shared_speakers
from kwsdata.stages.mine_negatives.candidate import Candidate
from kwsdata.stages.mine_negatives.held_out import refuse_held_out
from kwsdata.stages.mine_negatives.pools import pieces_at
from kwsdata.stages.mine_negatives.stage import _clips

TERMS = ("speech", "CC0-1.0", "none", "made here", "known")


def spoken_corpus(name: str, speaker: str, namespace: str | None, seed: int) -> Path:
    info = CorpusInfo(name, "folder", *TERMS, speaker_namespace=namespace)  # type: ignore[arg-type]
    write_corpus(Path("data/corpora") / name, info, [Item("a", burst(seed, 0.1, 0.4, 0.1), "x", speaker)], 10, 0.0)
    return Path("data/corpora") / name


def pool_and_split(one: tuple[str, str, str | None], held: tuple[str, str, str | None], partition: str) -> Path:
    """Write a pool and a split whose `partition` has a recording; each is (corpus, speaker, namespace)."""
    cuts = list(shard_cuts(spoken_corpus(*held, seed=1)))
    for name in ("train", "dev", "test"):
        listed = [with_fields(cut, label="speech", partition=name) for cut in cuts if name == partition]
        write_cuts(Path(f"data/split/{name}.jsonl.gz"), listed)
    return spoken_corpus(*one, seed=2)


def refused(params, pool: Path) -> str:
    write_network()
    params = params.model_copy(update={"embed": params.embed.model_copy(update={"embedder": str(NETWORK)})})
    try:
        refuse_held_out(str(pool), list(pieces_at(pool, 1 << 20, [])), params, Path("data/split"))
    except PartitionError as error:
        return str(error)
    return ""


SAME = [
    (("l1", "1272", "libri"), ("l2", "1272", "libri")),
    (("l1", "Alice", "ours"), ("l2", "ALICE", "ours")),
    (("l1", "Zoe\u0301", "ours"), ("l2", "ZO\u00c9", "ours")),
    (("l1", "\uff21lice", "ours"), ("l2", "alice", "ours")),
]
OTHERS = [
    (("l1", "1272", "libri"), ("l2", "1273", "libri")),
    (("l1", "1272", "libri"), ("l2", "1272", "other")),
    (("l1", "1272", None), ("l2", "1272", None)),
    (("l1", "1272", "libri"), ("l2", "1272", None)),
]


@pytest.mark.parametrize("partition", ["dev", "test"])
@pytest.mark.parametrize(("one", "held"), SAME)
def test_a_pool_with_a_person_of_dev_or_test_is_refused_by_both_names(project, params, one, held, partition):
    said = refused(params, pool_and_split(one, held, partition))
    assert said.startswith(f"mine_negatives.pools: {Path('data/corpora/l1')} has l1-a by")
    assert f"l1-a by l1:{one[1]}, who is l2:{held[1]}, a speaker of the {partition} partition" in said


@pytest.mark.parametrize(("one", "held"), OTHERS)
def test_others_and_people_of_train_are_no_reason(project, params, one, held):
    assert refused(params, pool_and_split(one, held, "test")) == ""
    assert refused(params, pool_and_split(SAME[0][0], SAME[0][1], "train")) == ""


def test_case_does_not_count_in_a_corpus_without_a_namespace_either(project, params):
    pool = pool_and_split(("l1", "Alice", None), ("l2", "x", None), "test")
    cuts = [make_cut("t", 100, custom={"audio_sha256": "a" * 64, "shard": "none", "speaker": "L1:alice"})]
    write_cuts(Path("data/split/test.jsonl.gz"), cuts)
    assert "l1-a by l1:Alice, who is L1:alice, a speaker of the test partition" in refused(params, pool)


@pytest.mark.parametrize(("one", "held"), [*SAME, *OTHERS])
def test_a_window_says_who_is_heard_and_the_gate_names_namesakes(project, params, one, held):
    pool = pool_and_split(one, held, "dev")
    (piece,) = pieces_at(pool, 1 << 20, [])
    mined = [Candidate(1, 0, piece, 4_000, 0.5, 0.1, "word", 0.5, None, 0.5, "neighbour")]
    write_shards(Path("data/mined/shar"), _clips(mined, params.mine_negatives), 10)
    windows = list(shard_cuts(Path("data/mined/shar")))
    (pooled,) = shard_cuts(pool)
    assert [window.custom.get("person") for window in windows] == [pooled.custom.get("person")]
    (cut,) = shard_cuts(Path("data/corpora/l2"))
    found = list(shared_speakers({"dev": [with_fields(cut, label="speech")]}, windows))
    namesakes = (one[1] == held[1] and one[2] != held[2]) or one == ("l1", "1272", None)
    assert [finding.rule for finding in found] == (["speaker_namesake"] if namesakes else [])
