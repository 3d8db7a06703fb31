"""Whose recordings are heard in a clip: its own, and every noise, voice and room that was mixed into it.

A clip is followed by the hashes of samples, never by ids, to what it was made of (`parent_sha256`) and what was mixed
in (`sources`), and from there on to clips that came from outside. All rows that have the same samples count, and so
does what the clip's own row says: of several licences none is lost.

A source is a corpus, one engine's voices within a synthetic corpus (`speech:kokoro`), or what a corpus that others
published says that it is made of (`theirs:street`).
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from kwsdata.licences.own import own_sources
from kwsdata.tools.dataset.members import STREAM, Member, corpus_members, manifests_of, members_of
from kwsdata.tools.dataset.trees import Tree

NOWHERE = "(not found)"  # the source of a sound that no manifest has
_ORIGINS = ("split/", "rirs/", "mined/")  # parts that others are made of
_MIXED = ("augmented/", "testsets/")  # parts whose clips say what was mixed in


@dataclass(frozen=True, slots=True)
class Share:
    """A source, as one clip has it, and the licence that the clip's row gives."""

    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class _Link:
    """A sound that a clip was made of, and the hash of its samples. Not `needed`: the clip's row tells its sources."""

    id: str
    audio: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class _Row:
    """What one row of a manifest tells: corpus and licence as written, the shares they are, and links to others."""

    corpus: str
    licence: str
    own: tuple[Share, ...]
    parent: _Link | None
    mixed: tuple[_Link, ...]

    def tells_as(self, other: "_Row") -> bool:
        """Tell whether corpus and licence are those of another row."""
        return (self.corpus, self.licence) == (other.corpus, other.licence)


class Hearing:
    """Answers which sources are heard in a clip. Memory: some 30 bytes for each clip of corpora and split."""

    def __init__(self, tree: Tree, parts: Iterable[str] | None = None) -> None:
        """Read what the manifests of corpora, split, rooms and mined windows tell.

        Args:
            tree: the project.
            parts: where else a sound is looked for that those do not have; None: everywhere.
        """
        self._table = _Table()
        every = list(manifests_of(tree))
        links: list[_Link] = []
        for member in chain(corpus_members(tree), members_of(tree, [p for p in every if p.startswith(_ORIGINS)])):
            row = _row_of(member)
            self._table.add(member.audio, row)
            links += [one for one in (row.parent, *row.mixed) if one is not None]
        self._table.sort()
        missing = {link.audio for link in links if not self._table.find(link.audio)}
        others = [part for part in every if not part.startswith(_ORIGINS) and (parts is None or part in parts)]
        for member in members_of(tree, others) if missing else ():
            if member.audio in missing:
                self._table.add(member.audio, _row_of(member))
        self._table.sort()

    def shares(self, member: Member) -> list[Share]:
        """Return the sources of a clip, its own first, each once."""
        rows = [_row_of(member), *self._table.find(member.audio)]
        return list(dict.fromkeys(share for row in rows for share in self._of(row, frozenset())))

    def _of(self, row: _Row, seen: frozenset[str]) -> Iterator[Share]:
        """Yield what a row's own sound is, as its parents and it tell, then what was mixed in."""
        parents = self._rows_of(row.parent, seen) if row.parent is not None else []
        parents.sort(key=lambda other: not other.tells_as(row))
        if row.parent is not None:
            yield from self._behind(row.parent, parents, seen)
        if not any(other.tells_as(row) for other in parents):
            yield from row.own
        for link in row.mixed:
            yield from self._behind(link, self._rows_of(link, seen), seen)

    def _rows_of(self, link: _Link, seen: frozenset[str]) -> list[_Row]:
        return self._table.find(link.audio) if link.audio not in seen else []

    def _behind(self, link: _Link, rows: list[_Row], seen: frozenset[str]) -> Iterator[Share]:
        for row in rows:
            yield from self._of(row, seen | {link.audio})
        if link.needed and not rows and link.audio not in seen:
            yield Share(NOWHERE, f"{link.id} (SHA-256 of its samples: {link.audio or 'not recorded'})")


def own_share(member: Member) -> Share | None:
    """Return the source of a clip's own sound, as its row tells it; None for a test stream, which is all mixed."""
    return next(iter(_row_of(member).own), None)


def _row_of(member: Member) -> _Row:
    corpus = member.told.parent_corpus or member.corpus
    own: tuple[tuple[str, str], ...] = ()
    if member.label != STREAM or not member.part.startswith("testsets/"):
        own = own_sources(corpus, member.licence, member.told, member.credits or ())
    parent = None
    if member.parent is not None:
        parent = _Link(member.parent, member.parent_audio or "", needed=not member.told.elsewhere)
    mixed = tuple(_Link(*pair) for pair in member.sources or ())
    if member.sources is None and member.part.startswith(_MIXED):
        mixed = (_Link("what was mixed into it", ""),)
    return _Row(corpus, member.licence, tuple(Share(*source) for source in own), parent, mixed)


class _Table:
    """Rows by the hash of their samples: 12 bytes each, as few rows differ; `sort` after the last `add`."""

    def __init__(self) -> None:
        self._keys = array("Q")
        self._numbers = array("I")
        self._rows: dict[_Row, int] = {}
        self._by_number: list[_Row] = []

    def add(self, audio: str, row: _Row) -> None:
        """Take in a row whose samples have the hash `audio`."""
        if (key := _key(audio)) is None:
            return
        if row not in self._rows:
            self._rows[row] = len(self._by_number)
            self._by_number.append(row)
        self._keys.append(key)
        self._numbers.append(self._rows[row])

    def sort(self) -> None:
        """Make the rows ready to be found."""
        keys, numbers = np.asarray(self._keys, np.uint64), np.asarray(self._numbers, np.uint32)
        order = np.argsort(keys, kind="stable")
        self._sorted, self._found = keys[order], numbers[order]

    def find(self, audio: str) -> list[_Row]:
        """Return the rows whose samples have the hash `audio`, each once."""
        if (key := _key(audio)) is None:
            return []
        first = int(np.searchsorted(self._sorted, np.uint64(key)))
        last = int(np.searchsorted(self._sorted, np.uint64(key), "right"))
        return [self._by_number[number] for number in dict.fromkeys(self._found[first:last].tolist())]


def _key(audio: str) -> int | None:
    """Return the first 8 bytes of a hash; None if it is none."""
    try:
        return int.from_bytes(bytes.fromhex(audio)[:8], "big") if len(audio) == 64 else None
    except ValueError:
        return None
