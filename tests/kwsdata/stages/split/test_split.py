from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwsdata.clips.manifests import make_cut, read_cuts, write_cuts
from kwsdata.clips.partitions import PARTITIONS, partition_of
from kwsdata.errors import PartitionError
from kwsdata.params.data import PartitionsParams, SplitParams
from kwsdata.stages.split.stage import place as placements
from kwsdata.stages.split.stage import run

SHARES = PartitionsParams(seed=1, train=0.6, dev=0.2, test=0.2)
NO_WHOLE = SplitParams(whole={})
SPEAKERS = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 60)), min_size=1, max_size=80)


def cuts_of(speakers):
    return [
        make_cut(f"{corpus}-{i}", 100, speaker=f"{corpus}:{speaker}", custom={"corpus": corpus, "label": "speech"})
        for i, (corpus, speaker) in enumerate(speakers)
    ]


def place(cuts, split, shares):
    placed = {name: [] for name in PARTITIONS}
    for partition, cut in placements(cuts, split, shares):
        placed[partition].append(cut)
    return placed


def where(placed):
    return {cut.id: name for name in PARTITIONS for cut in placed[name]}


@given(speakers=SPEAKERS)
def test_no_speaker_is_in_two_partitions_and_no_clip_is_lost(speakers):
    placed = place(cuts_of(speakers), NO_WHOLE, SHARES)
    sets = [{cut.custom["speaker"] for cut in placed[name]} for name in PARTITIONS]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert len(where(placed)) == len(speakers)


@given(speakers=SPEAKERS, more=SPEAKERS)
def test_growth_moves_nobody(speakers, more):
    before = where(place(cuts_of(speakers), NO_WHOLE, SHARES))
    after = where(place(cuts_of([*speakers, *more]), NO_WHOLE, SHARES))
    assert before.items() <= after.items()


def test_shares_are_those_asked_for():
    places = [partition_of(f"corpus:{i}", SHARES) for i in range(4000)]
    for name, share in (("train", 0.6), ("dev", 0.2), ("test", 0.2)):
        # Binomial: 4 standard deviations of 4000 draws is 0.031 at most.
        assert places.count(name) / 4000 == pytest.approx(share, abs=0.031)


def test_a_named_corpus_goes_whole_where_it_is_told():
    placed = place(cuts_of([("a", i) for i in range(30)]), SplitParams(whole={"a": "test"}), SHARES)
    assert (len(placed["train"]), len(placed["dev"]), len(placed["test"])) == (0, 0, 30)
    assert all(cut.custom["partition"] == "test" for cut in placed["test"])


def test_unknown_speakers_must_be_placed_by_name():
    crowd = [make_cut("crowd-1", 100, custom={"corpus": "crowd", "label": "keyword"})]
    with pytest.raises(PartitionError, match=r"crowd \(1 clips\).*whole: \{crowd: train\}"):
        place(crowd, NO_WHOLE, SHARES)


def test_a_placed_corpus_that_is_not_there_is_refused():
    with pytest.raises(PartitionError, match=r"names \['gone'\], but the corpora are \['a'\]"):
        place(cuts_of([("a", 1)]), SplitParams(whole={"gone": "test"}), SHARES)


def test_the_files_are_those_that_the_writer_of_manifests_writes(project, params):
    """The three partitions are written side by side, row by row; the bytes are the same."""
    cuts = cuts_of([("a", i) for i in range(40)])
    write_cuts(Path("data/index/cuts.jsonl.gz"), cuts)
    told = run(params)
    placed = place(read_cuts(Path("data/index/cuts.jsonl.gz")), params.split, params.partitions)
    for name in PARTITIONS:
        write_cuts(Path("expected.jsonl.gz"), placed[name])
        assert Path(f"data/split/{name}.jsonl.gz").read_bytes() == Path("expected.jsonl.gz").read_bytes()
        counts = told["partitions"][name].get("speech", {"clips": 0, "speakers": 0})
        assert counts["clips"] == counts["speakers"] == len(placed[name])


def test_nothing_is_written_where_somebody_is_homeless(project, params):
    write_cuts(Path("data/index/cuts.jsonl.gz"), [*cuts_of([("a", 1)]), make_cut("b", 9, custom={"corpus": "b"})])
    with pytest.raises(PartitionError, match=r"b \(1 clips\)"):
        run(params)
    assert not Path("data/split").exists()


def test_a_person_goes_to_one_partition_whichever_corpus_they_are_in():
    people = [str(number) for number in range(200)]
    cuts = cuts_of([(corpus, person) for person in people for corpus in ("a", "b")])
    for cut in cuts:
        cut.custom["person"] = f"books:{cut.custom['speaker'].split(':')[1]}"
    home = where(place(cuts, NO_WHOLE, SHARES))
    for one, other in zip(cuts[::2], cuts[1::2], strict=True):
        assert home[one.id] == home[other.id] == partition_of(one.custom["person"], SHARES)


def test_a_corpus_without_a_namespace_stays_where_it_was():
    cuts = cuts_of([("a", number) for number in range(100)])
    assert where(place(cuts, NO_WHOLE, SHARES)) == {cut.id: partition_of(cut.custom["speaker"], SHARES) for cut in cuts}
