"""Count clips, hours, speakers, labels and corpora of every part."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kwsdata.audio import SAMPLE_RATE
from kwsdata.tools.dataset.members import Member


@dataclass
class Tally:
    """Sums over the clips of one part; its memory grows with the speakers, not with the clips."""

    cuts: int = 0
    samples: int = 0
    synthetic: int = 0
    speakers: set[str] = field(default_factory=set)
    labels: Counter[str] = field(default_factory=Counter)
    corpora: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    label_samples: Counter[str] = field(default_factory=Counter)
    corpus_samples: Counter[str] = field(default_factory=Counter)

    def add(self, member: Member) -> None:
        """Count one clip."""
        self.cuts += 1
        self.samples += member.samples
        self.synthetic += member.synthetic
        if member.speaker:
            self.speakers.add(member.speaker)
        self.labels[member.label] += 1
        self.corpora[member.corpus] += 1
        self.licences[member.licence] += 1
        self.label_samples[member.label] += member.samples
        self.corpus_samples[member.corpus] += member.samples

    def row(self) -> dict[str, Any]:
        """Return the sums as JSON values."""
        return {
            "cuts": self.cuts,
            "hours": hours(self.samples),
            "speakers": len(self.speakers),
            "synthetic_cuts": self.synthetic,
            "labels": _counted(self.labels, self.label_samples),
            "corpora": _counted(self.corpora, self.corpus_samples),
        }


def hours(samples: int) -> float:
    """Return samples at 16 kHz as hours, rounded to 0.4 s."""
    return round(samples / SAMPLE_RATE / 3600, 4)


def _counted(cuts: Counter[str], samples: Counter[str]) -> dict[str, dict[str, float]]:
    return {name: {"cuts": cuts[name], "hours": hours(samples[name])} for name in sorted(cuts)}


def tallies(members: Iterable[Member]) -> dict[str, Tally]:
    """Return the sums of each part, in the order in which the parts come."""
    found: dict[str, Tally] = defaultdict(Tally)
    for member in members:
        found[member.part].add(member)
    return dict(found)


def stats(members: Iterable[Member]) -> dict[str, Any]:
    """Return {part: cuts, hours, speakers, synthetic_cuts, labels, corpora}."""
    return {part: tally.row() for part, tally in tallies(members).items()}
