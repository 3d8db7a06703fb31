"""The list of clips that are left out of every partition: a text file in git that the stage `index` reads.

    review/excluded.txt    one cut id a line; what follows a # is a comment

The gate's findings propose what to put in it.
"""

from collections.abc import Iterable
from pathlib import Path

from kwsdata.errors import KwsError, StageInputError
from kwsdata.files.atomic import read_json
from kwsdata.files.text_files import append_lines, lines_of

EXCLUDED = Path("review/excluded.txt")


def load_excluded(path: Path = EXCLUDED) -> frozenset[str]:
    """Return the ids of the cuts to leave out; none if there is no such file.

    Raises:
        StageInputError: a line is no id with or without a comment; the message gives its number.
    """
    cuts = set()
    for number, line in lines_of(path):
        cut = line if line.startswith("#") else line.split(" #")[0].split("\t#")[0].rstrip()
        if cut.startswith("#"):
            continue
        if not _is_id(cut):
            raise StageInputError(
                f"{path}, line {number}: {cut!r} is no id of one clip: give one id a line, and a comment after it as "
                "`ID  # why`."
            )
        cuts.add(cut)
    return frozenset(cuts)


def exclude(cuts: Iterable[str], why: str, path: Path = EXCLUDED) -> int:
    """Add `cuts` to the file, with `why` as a comment; those in it are not repeated. Returns how many were added.

    Raises:
        KwsError: one of `cuts` cannot be an id, or `why` cannot be a comment.
        StageInputError: the file is damaged; nothing is added.
        OSError: it cannot be written; it is as it was.
    """
    wanted, comment = set(cuts), " ".join(why.split())
    for cut in sorted(wanted):
        if not _is_id(cut):
            raise KwsError(f"{cut!r} is no id of a clip: ids are as in data/split, such as crowd-s07_3.")
    if not comment.isprintable():
        raise KwsError(f"--why {why!r} holds characters that cannot be printed: leave them out.")
    before = load_excluded(path)
    fresh = sorted(wanted - before)
    if fresh:
        append_lines(path, [f"{cut}  # {comment}" if comment else cut for cut in fresh])
    return len((load_excluded(path) - before).intersection(fresh))


def proposed_cuts(rule: str, check: Path = Path("data/check/check.json")) -> set[str]:
    """Return the cuts whose leaving out would mend the findings of `rule` in check.json.

    Raises:
        StageInputError: check.json is missing, or has no finding of the rule that leaving cuts out would mend.
    """
    findings = [finding for finding in read_json(check)["findings"] if finding["rule"] == rule and finding["exclude"]]
    if not findings:
        raise StageInputError(f"{check} has no finding of the rule {rule!r} that leaving cuts out would mend.")
    return {cut for finding in findings for cut in finding["exclude"]}


def _is_id(text: str) -> bool:
    return bool(text) and text.isprintable() and "#" not in text and not any(map(str.isspace, text))
