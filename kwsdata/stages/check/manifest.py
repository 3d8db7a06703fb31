"""A manifest that is read from disk each time, so that a million cuts are never in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lhotse import MonoCut

from kwsdata.clips.manifests import read_cuts

_NEEDED = ("audio_sha256", "corpus", "label", "shard")  # of every cut


@dataclass(frozen=True)
class Manifest:
    """The cuts of a file, in order."""

    path: Path

    def __iter__(self) -> Iterator[MonoCut]:
        """Read the file."""
        return read_cuts(self.path, *_NEEDED)


def groups_of(cuts: Iterable[MonoCut], size: int) -> Iterator[list[MonoCut]]:
    """Yield the cuts in lists of `size`; the last is shorter."""
    rest = iter(cuts)
    while group := list(islice(rest, size)):
        yield group
