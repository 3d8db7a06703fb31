"""A reviewer's decisions about mined windows, in a text file that git keeps and the stage `mine_negatives` reads.

    review/decisions.jsonl    one JSON object a line; of two about the same place the later one holds

A decision is about a place in a recording (`identity`, `middle`), not about one run's window: it stays true when other
parameters move the window a little.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import StageInputError
from kwsdata.files.bounded_json import parse_json
from kwsdata.files.text_files import append_lines, lines_of

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
    decisions = Decisions()
    for number, line in lines_of(path):
        try:
            decisions.add(_decision_of(parse_json(line.encode())))
        except ValueError as error:
            raise StageInputError(f"{path}, line {number}: {error}. Mend or delete the line.") from None
    return decisions


def append_decision(path: Path, decision: Decision) -> None:
    """Add one line to `path`, on disk when this returns.

    Raises:
        OSError: the disk is full or read-only; the file is as it was.
        StageInputError: `load_decisions` would not read the line; the file is as it was.
        LockedError, StageInputError: as `kwsdata.files.text_files.rewrite`.
    """
    line = json.dumps(asdict(decision), sort_keys=True)
    try:
        _decision_of(parse_json(line.encode()))
    except ValueError as error:
        raise StageInputError(f"{path}: the decision about {decision.clip!r} cannot be kept: {error}.") from None
    append_lines(path, [line])


def _decision_of(row: Any) -> Decision:
    """Return the decision in one line's JSON.

    Raises:
        ValueError: it is none.
    """
    names = [field.name for field in fields(Decision)]
    if not isinstance(row, dict) or sorted(row) != sorted(names):
        found = sorted(row) if isinstance(row, dict) else type(row).__name__
        raise ValueError(f"a decision has the fields {', '.join(names)}; this is {found}")
    for name in ("identity", "clip"):
        if not isinstance(row[name], str) or not row[name]:
            raise ValueError(f"{name} is {row[name]!r}, not a text")
    if type(row["middle"]) is not int or row["middle"] < 0:
        raise ValueError(f"middle is {row['middle']!r}, not a sample of the recording")
    if row["verdict"] not in VERDICTS:
        raise ValueError(f"verdict is {row['verdict']!r}, none of {', '.join(VERDICTS)}")
    return Decision(**row)
