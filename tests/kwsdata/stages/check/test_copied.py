"""Which pairs of clips are compared: all but two that `synthesize` spoke here."""

from pathlib import Path

import pytest
from talk import talk

from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.shards import shard_cuts
from kwsdata.stages.check.copied import PartitionWriter, find_in
from kwsdata.stages.check.facts import facts_in, groups_to_measure, measure_group

FOLDERS = {"spoken here": "data/synthetic/speech", "imported": "data/corpora/talk"}


def written(folder: str, name: str, wave):
    """The one cut of a corpus with `wave` in it."""
    info = CorpusInfo(name, "folder", "speech", "CC0", "none", "made here", "known")
    write_corpus(Path(folder) / name, info, [Item("a", wave, None, "s")], 100, 0.0)
    return next(iter(shard_cuts(Path(folder) / name)))


@pytest.mark.parametrize("one", FOLDERS)
@pytest.mark.parametrize("other", FOLDERS)
def test_a_quieter_copy_is_found_unless_both_were_spoken_here(project, params, one, other):
    wave = talk(1, 3.0)
    held, asked = written(FOLDERS[one], "held", wave), written(FOLDERS[other], "asked", 0.4 * wave)
    writer = PartitionWriter("test", Path("scratch").absolute())
    for group in groups_to_measure([held]):
        for facts in facts_in(group, measure_group(group)):
            writer.add(facts)
    partition = writer.close()
    executor = params.executor.model_copy(update={"kind": "serial"})
    ((_, found),) = find_in([asked], [partition], writer.tars, params.check.copies, executor, "listen")
    both_here = one == other == "spoken here"
    assert [each.cut_id for each in found] == ([] if both_here else [held.id])
