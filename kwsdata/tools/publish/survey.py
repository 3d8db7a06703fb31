"""Read the manifests of what is to be handed on once: counts, hashes, sources and recipes. No sound is read."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kwsdata.errors import StageInputError
from kwsdata.licences.compare import strictest
from kwsdata.tools.dataset.lock import PartHash
from kwsdata.tools.dataset.members import Member, manifests_of, member_of, rows_of
from kwsdata.tools.dataset.stats import Tally
from kwsdata.tools.dataset.trees import Tree
from kwsdata.tools.publish.gate import Source, is_excluded, matches
from kwsdata.tools.publish.heard import Hearing, Share


@dataclass
class Survey:
    """What is to be handed on.

    `tallies`, `hashes`: of each part. `sources`: by name. `languages`: clips by language. `effects`: {part: clips with
    each augmentation}. `mute`: speech without a transcript, by corpus. `nobody`: clips without a speaker, by corpus.
    `left_out`: clips by the name in `exclude` that kept them back.
    """

    tallies: dict[str, Tally] = field(default_factory=dict)
    hashes: dict[str, PartHash] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    effects: dict[str, Counter[str]] = field(default_factory=dict)
    mute: Counter[str] = field(default_factory=Counter)
    nobody: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def clips(self) -> int:
        """How many clips there are in all parts."""
        return sum(tally.cuts for tally in self.tallies.values())

    @property
    def strictest(self) -> list[str]:
        """The licences of the whole: those that no other one here is stricter than."""
        terms = [one for source in self.sources.values() if source.permission is None for one in source.terms]
        return [one.spdx for one in strictest(terms)]

    def parts(self) -> dict[str, dict[str, Any]]:
        """Return {part: sha256, cuts, hours}: what `kwsdata lock` writes of a part, where nothing was left out."""
        rows = {part: tally.row() for part, tally in self.tallies.items()}
        return {
            part: {"sha256": self.hashes[part].hexdigest(), "cuts": row["cuts"], "hours": row["hours"]}
            for part, row in rows.items()
        }


def chosen_parts(tree: Tree, asked: Iterable[str]) -> list[str]:
    """Return the parts of a tree that are called so, or belong to a stage that is.

    Raises:
        StageInputError: there is none of a name.
    """
    there = list(manifests_of(tree))
    for name in asked:
        if not any(part == name or part.startswith(f"{name}/") for part in there):
            raise StageInputError(f"--part {name}: there is no such part; there are {', '.join(there)}.")
    return [part for part in there if any(part == name or part.startswith(f"{name}/") for name in asked)]


def kept_rows(
    tree: Tree, part: str, hearing: Hearing, exclude: Iterable[str], left_out: Counter[str] | None = None
) -> Iterator[tuple[str, dict[str, Any], Member, list[Share]]]:
    """Yield (manifest, row, its facts, its sources) of each clip in which nothing of `exclude` is heard."""
    names = list(exclude)
    for path in manifests_of(tree)[part]:
        for row in rows_of(tree, path):
            member = member_of(part, row)
            shares = hearing.shares(member)
            if not is_excluded(shares, names):
                yield path, row, member, shares
            elif left_out is not None:
                left_out.update(name for name in names if is_excluded(shares, [name]))


def survey(
    tree: Tree, parts: Iterable[str], hearing: Hearing, exclude: Iterable[str], permit: dict[str, str]
) -> Survey:
    """Return what the manifests tell of `parts` without what `exclude` names.

    Raises:
        StageInputError: a manifest is damaged, a name in `exclude` or `permit` is no source, or nothing is left.
        LockError: a clip has no hash of its samples.
    """
    found = Survey()
    names: set[str] = set()
    for part in parts:
        for _, row, member, shares in kept_rows(tree, part, hearing, exclude, found.left_out):
            _count(found, part, row, member, shares)
    names = {*found.sources, *(name for name in found.left_out)}
    for option, asked in (("exclude", list(exclude)), ("permit", list(permit))):
        for name in asked:
            if not any(matches(source, name) or source == name for source in names):
                raise StageInputError(
                    f"publish.{option} names {name!r}, which nothing here comes from; there are "
                    f"{', '.join(sorted(names))}."
                )
    if not found.clips:
        raise StageInputError(f"nothing is left without {', '.join(exclude)}: leave out less, or choose other parts.")
    for source in found.sources.values():
        source.permission = next((why for name, why in permit.items() if matches(source.name, name)), None)
    return found


def _count(found: Survey, part: str, row: dict[str, Any], member: Member, shares: list[Share]) -> None:
    found.tallies.setdefault(part, Tally()).add(member)
    found.hashes.setdefault(part, PartHash()).add(member)
    own = shares[0] if shares and member.label != "stream" else None
    for share in shares:
        source = found.sources.setdefault(share.source, Source(share.source, member.id))
        source.add(share.licence, member.samples, share is own)
    said = row["supervisions"]
    found.languages.update({one["language"] for one in said if one.get("language")})
    if part.startswith("split/"):
        if member.label != "noise" and not any(text for *_, text in member.said):
            found.mute[member.corpus] += 1
        if not member.speaker:
            found.nobody[member.corpus] += 1
    recipe = member.recipe.get("recipe")
    if isinstance(recipe, dict):
        found.effects.setdefault(part, Counter()).update(name for name in recipe if name != "copy")
