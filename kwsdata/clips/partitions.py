"""Which partition a speaker, voice, noise source or room belongs to, by a hash of its name.

Placing one speaker looks at no other, so a corpus that grows moves nobody.
"""

import unicodedata
from typing import Literal, TypeAlias

from kwsdata.draws import unit_for
from kwsdata.params import PartitionsParams

Partition: TypeAlias = Literal["train", "dev", "test"]
PARTITIONS: tuple[Partition, ...] = ("train", "dev", "test")


def person_in(namespace: str, speaker: str) -> str:
    """Return the identity of `speaker` wherever corpora share a `namespace`: case and kinds of letters do not count."""
    return f"{namespace}:{fold_name(speaker)}"


def fold_name(name: str) -> str:
    """Return `name` as it is compared: "Alice", "ALICE" and full-width letters are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def partition_of(speaker: str, params: PartitionsParams) -> Partition:
    """Return the partition of `speaker` ("corpus:name").

    A hash of (seed, speaker) gives a number in [0, 1): below `train` is train, then `dev`, then test.
    """
    place = unit_for(params.seed, "partition", speaker)
    if place < params.train:
        return "train"
    return "dev" if place < params.train + params.dev else "test"
