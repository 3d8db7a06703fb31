"""Which partition a speaker (or voice, noise source, room) belongs to: a pure function of its name.

Placing one speaker looks at no other, so a corpus that grows moves nobody.
"""

from typing import Literal, TypeAlias

from kwsdata.draws import unit_for
from kwsdata.params import PartitionsParams

Partition: TypeAlias = Literal["train", "dev", "test"]
PARTITIONS: tuple[Partition, ...] = ("train", "dev", "test")


def partition_of(speaker: str, params: PartitionsParams) -> Partition:
    """Return the partition of `speaker` ("corpus:name").

    A hash of (seed, speaker) gives a number in [0, 1): below `train` is train, then `dev`, then test.
    """
    place = unit_for(params.seed, "partition", speaker)
    if place < params.train:
        return "train"
    return "dev" if place < params.train + params.dev else "test"
