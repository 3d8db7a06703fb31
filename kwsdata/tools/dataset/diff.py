"""Compare two states of the dataset: clips added, removed, moved and changed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from kwsdata.tools.dataset.join import Row, outer_join
from kwsdata.tools.dataset.members import Member, members_of
from kwsdata.tools.dataset.stats import Tally
from kwsdata.tools.dataset.trees import Tree

# What two clips of one id are compared by; a clip whose part differs has moved to another partition.
FACTS = ("part", "audio", "label", "said", "speaker", "licence", "recipe")


def diff(before: Tree, after: Tree, listed: int) -> dict[str, Any]:
    """Return what changed from `before` to `after`.

    A clip is known by its stage and id. Memory grows with neither the clips nor their sizes.

    Args:
        listed: how many clips to name for each kind of change in each part.

    Returns:
        `from`, `to`: name and commit. `identical`. `parts`: {part: cuts, hours, speakers and cuts by label, each
        [before, after]; added, removed, changed (counts); changes ({fact: count})}. `cuts`: {part: {added | removed |
        changed: the first `listed`}}, where a changed clip says which facts changed, with both values of the short
        ones.
    """
    tallies: tuple[dict[str, Tally], dict[str, Tally]] = ({}, {})
    counts: dict[str, Counter[str]] = {}
    named: dict[str, dict[str, list[Any]]] = {}
    pairs = outer_join(_rows(members_of(before), tallies[0]), _rows(members_of(after), tallies[1]))
    for old, new in pairs:
        kind, part, changes = _compared(old, new)
        if kind == "same":
            continue
        count = counts.setdefault(part, Counter())
        count[kind] += 1
        count.update(f"changes {fact}" for fact in changes)
        first = named.setdefault(part, {}).setdefault(kind, [])
        if len(first) < listed:
            cut_id = str((new or old or [""])[0]).split(" ", 1)[1]
            first.append({"id": cut_id} | changes if changes else cut_id)
    parts = {
        part: _summary(tallies[0].get(part, Tally()), tallies[1].get(part, Tally()), counts.get(part, Counter()))
        for part in sorted(tallies[0].keys() | tallies[1].keys())
    }
    return {
        "from": {"name": before.name, "commit": before.commit},
        "to": {"name": after.name, "commit": after.commit},
        "identical": not counts,
        "parts": parts,
        "cuts": {part: named[part] for part in sorted(named)},
    }


def _rows(members: Iterable[Member], tallies: dict[str, Tally]) -> Iterator[Row]:
    for member in members:
        tallies.setdefault(member.part, Tally()).add(member)
        yield [
            f"{member.part.split('/')[0]} {member.id}",
            member.part,
            member.audio,
            member.label,
            member.said,
            member.speaker,
            member.licence,
            member.recipe_sha256,
        ]


def _compared(old: Row | None, new: Row | None) -> tuple[str, str, dict[str, Any]]:
    """Return (kind of change, the part it belongs to, {fact: [before, after]})."""
    if old is None or new is None:
        kind, row = ("added", new) if old is None else ("removed", old)
        assert row is not None
        return kind, str(row[1]), {}
    changes: dict[str, Any] = {
        fact: [was, now] for fact, was, now in zip(FACTS, old[1:], new[1:], strict=True) if was != now
    }
    return "changed" if changes else "same", str(new[1]), changes


def _summary(before: Tally, after: Tally, count: Counter[str]) -> dict[str, Any]:
    old, new = before.row(), after.row()
    labels = sorted(before.labels.keys() | after.labels.keys())
    changes = {key.removeprefix("changes "): n for key, n in sorted(count.items()) if key.startswith("changes ")}
    return {
        **{name: [old[name], new[name]] for name in ("cuts", "hours", "speakers")},
        "labels": {label: [before.labels[label], after.labels[label]] for label in labels},
        "corpora": {
            corpus: [before.corpora[corpus], after.corpora[corpus]]
            for corpus in sorted(before.corpora.keys() | after.corpora.keys())
        },
        "speakers_added": len(after.speakers - before.speakers),
        "speakers_removed": len(before.speakers - after.speakers),
        **{kind: count[kind] for kind in ("added", "removed", "changed")},
        "changes": changes,
    }
