"""One finding of the gate: the rule broken, by which cuts, and how to mend it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kwsdata.params.negatives import Rule

_FIX = (
    "type `kwsdata exclude --rule {rule}` to leave out the cuts proposed here (review/excluded.txt), then `dvc repro`"
)


@dataclass(frozen=True)
class Finding:
    """`message`: value and limit, in words; `cuts`: whose; `exclude`: what to leave out; `fix`: what to type."""

    rule: Rule
    message: str
    cuts: list[str]
    fix: str
    exclude: list[str] = field(default_factory=list)

    def row(self, fails: bool) -> dict[str, Any]:
        """Return the finding as it stands in check.json."""
        return asdict(self) | {"fails": fails}


def exclusion(rule: Rule, message: str, cuts: Sequence[str], exclude: Sequence[str]) -> Finding:
    """Return a finding that leaving out the cuts `exclude` mends."""
    return Finding(rule, message, list(cuts), _FIX.format(rule=rule), list(exclude))
