"""Clips that are left out of every partition: a small text file, kept in git, read by the stage `index`.

    review/excluded.txt    one cut id a line; what follows a # is a comment

The gate's findings propose what to put in it.
"""

from collections.abc import Iterable
from pathlib import Path

from kwsdata.errors import StageInputError
from kwsdata.files import read_json

EXCLUDED = Path("review/excluded.txt")


def load_excluded(path: Path = EXCLUDED) -> frozenset[str]:
    """Return the ids of the cuts to leave out; none if there is no such file."""
    path = Path(path)
    if not path.exists():
        return frozenset()
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return frozenset(line for line in lines if line)


def exclude(cuts: Iterable[str], why: str, path: Path = EXCLUDED) -> int:
    """Add `cuts` to the file, with `why` as a comment; known ones are not repeated. Returns how many are new."""
    path = Path(path)
    known = load_excluded(path)
    fresh = sorted(set(cuts) - known)
    if fresh:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{cut}  # {why}\n" for cut in fresh)
    return len(fresh)


def exclude_rule(rule: str, check: Path = Path("data/check/check.json"), path: Path = EXCLUDED) -> int:
    """Exclude what the findings of `rule` in check.json propose. Returns how many cuts are new.

    Raises:
        StageInputError: check.json is missing, or has no finding of the rule that leaving cuts out would mend.
    """
    findings = [finding for finding in read_json(check)["findings"] if finding["rule"] == rule and finding["exclude"]]
    if not findings:
        raise StageInputError(f"{check} has no finding of the rule {rule!r} that leaving cuts out would mend.")
    return exclude({cut for finding in findings for cut in finding["exclude"]}, rule, path)
