"""Transcribe the windows that may be the keyword; one in which it is heard is taken for it."""

from collections.abc import Iterable

from kwsdata.errors import ParamsError
from kwsdata.execution.progress import progress
from kwsdata.measures.recogniser import check_installed, heard_at
from kwsdata.params import KeywordParams
from kwsdata.stages.mine_negatives.candidate import Candidate
from kwsdata.stages.mine_negatives.keyword_filter import Verdict
from kwsdata.text import contains


def transcribe_doubtful(
    candidates: Iterable[Candidate], verdicts: dict[str, Verdict], keyword: KeywordParams
) -> dict[str, Verdict]:
    """Return `verdicts`, those on windows without a transcript that are held back now saying what is heard in them.

    A window in which the keyword is heard is taken for it. One in which it is not heard stays where it was: a
    recogniser misses words too. What was heard is kept in the cache.

    Raises:
        ParamsError: the keyword is not English, which is all that the recogniser knows.
        MissingExtraError: the extra `asr` is not installed.
    """
    if not keyword.language.lower().startswith("en"):
        raise ParamsError(
            f"mine_negatives.transcribe knows English, keyword.language is {keyword.language!r}: set it to false."
        )
    check_installed("mine_negatives.transcribe")
    changed = dict(verdicts)
    held = [one for one in candidates if verdicts[one.id].status in ("keyword", "review") and one.piece.text is None]
    for one in progress(held, "transcribe", "window"):
        heard = heard_at(one.piece, one.middle)
        verdict = verdicts[one.id]
        status = "keyword" if contains(heard, keyword.text) else verdict.status
        changed[one.id] = Verdict(status, f"{verdict.reason}; a recogniser hears {heard!r}")
    return changed
