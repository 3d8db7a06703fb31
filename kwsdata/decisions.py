"""What a person decided about windows that mining proposed: a small text file, kept in git, replayed by the stage.

    review/decisions.jsonl    one JSON object a line; of two about the same place the later one holds

A decision is about a place in a recording (`identity`, `middle`), not about one run's window: it stays true when other
parameters move the window a little.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import StageInputError

Verdict: TypeAlias = Literal["keep", "drop", "keyword", "undecided"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
DECISIONS = Path("review/decisions.jsonl")
_SAME = round(0.3 * SAMPLE_RATE)  # two middles nearer than this are the same place


@dataclass(frozen=True)
class Decision:
    """`identity`: the recording's hash; `middle`: sample of it; `clip`: for people; `undecided` takes one back."""

    identity: str
    middle: int
    clip: str
    verdict: Verdict


class Decisions:
    """All decisions, asked by place."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._by_identity: dict[str, list[Decision]] = defaultdict(list)
        for decision in decisions:
            self.add(decision)

    def add(self, decision: Decision) -> None:
        """Take in a decision, which replaces earlier ones about the same place."""
        kept = [one for one in self._by_identity[decision.identity] if abs(one.middle - decision.middle) > _SAME]
        self._by_identity[decision.identity] = [*kept, decision]

    def verdict(self, identity: str, middle: int) -> Verdict | None:
        """Return what was decided about the place, None if nothing (or it was taken back)."""
        near = [one for one in self._by_identity.get(identity, []) if abs(one.middle - middle) <= _SAME]
        if not near:
            return None
        verdict = min(near, key=lambda one: abs(one.middle - middle)).verdict
        return None if verdict == "undecided" else verdict

    def clips(self, verdict: Verdict) -> set[str]:
        """Return the clips with a place that `verdict` stands for."""
        return {one.clip for group in self._by_identity.values() for one in group if one.verdict == verdict}

    def __len__(self) -> int:
        return sum(one.verdict != "undecided" for group in self._by_identity.values() for one in group)


def load_decisions(path: Path = DECISIONS) -> Decisions:
    """Return the decisions in `path`; none if there is no such file.

    Raises:
        StageInputError: a line is not a decision; the message gives its number.
    """
    path = Path(path)
    decisions = Decisions()
    if not path.exists():
        return decisions
    for number, line in enumerate(path.read_bytes().decode(errors="replace").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            one = Decision(str(row["identity"]), int(row["middle"]), str(row["clip"]), row["verdict"])
            if one.verdict not in VERDICTS:
                raise ValueError(f"verdict {one.verdict!r} is none of {', '.join(VERDICTS)}")
        except (ValueError, KeyError, TypeError) as error:
            raise StageInputError(f"{path}, line {number}: {error!r}. Mend or delete the line.") from None
        decisions.add(one)
    return decisions


def append_decision(path: Path, decision: Decision) -> None:
    """Add one line to `path`, on disk when this returns."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(decision), ensure_ascii=False, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
