"""Whose recordings are heard in a clip: its own, and every noise, voice and room that was mixed into it.

A source is a corpus, or one engine's voices within a synthetic corpus (`speech:kokoro`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kwsdata.dataset.members import STREAM, Member, manifests_of, members_of
from kwsdata.dataset.trace import heard_in
from kwsdata.dataset.trees import Tree
from kwsdata.publish.voices import voice_source

NOWHERE = "(not found)"  # the source of a sound that no manifest has


@dataclass(frozen=True, slots=True)
class Share:
    """A source, as one clip has it, and the licence that the clip's row gives."""

    source: str
    licence: str


class Hearing:
    """Answers which sources are heard in a clip. Memory grows with the sounds that are mixed in, not the clips."""

    def __init__(self, tree: Tree, parts: Iterable[str]) -> None:
        """Read in the manifests of `parts` what their clips were made of, then find that in the split and rooms."""
        wanted: set[str] = set()
        for member in members_of(tree, parts):
            wanted |= _made_of(member)
        self._shares: dict[str, Share] = {}
        shares: dict[Share, Share] = {}  # one object for each that is equal
        origins = [part for part in manifests_of(tree) if part.startswith(("split/", "rirs/", "mined/"))]
        for member in members_of(tree, origins) if wanted else ():
            if member.id in wanted and (share := own_share(member)) is not None:
                self._shares.setdefault(member.id, shares.setdefault(share, share))

    def shares(self, member: Member) -> list[Share]:
        """Return the sources of a clip, its own first, each once."""
        own = own_share(member)
        if own is not None and member.parent in self._shares and member.part.startswith("mined/"):
            own = self._shares[member.parent]  # a window does not say which engine spoke it
        rest = (self._shares.get(one, Share(NOWHERE, f"of {one}")) for one in sorted(heard_in(member.recipe)))
        return list(dict.fromkeys([*([own] if own is not None else []), *rest]))


def _made_of(member: Member) -> set[str]:
    parent = {member.parent} if member.parent and member.part.startswith("mined/") else set()
    return heard_in(member.recipe) | parent


def own_share(member: Member) -> Share | None:
    """Return the source of a clip's own sound; a test stream has none but those of its segments."""
    if member.label == STREAM and member.part.startswith("testsets/"):
        return None
    corpus = member.recipe.get("parent_corpus") or member.corpus
    return Share(*(voice_source(corpus, member.recipe) or (corpus, member.licence)))
