"""Decide whether a window may be the keyword itself, so that it is not mined or a person looks.

                                transcript without it    no transcript    transcript with it
    as near as the keyword      review                   keyword          keyword
    doubtful                    mine                     review           keyword
    further away                mine                     mine             review

What a synthetic clip says is known: without the keyword in its text it is mined, however near it is.
"As near as the keyword" and "doubtful" are quantiles of how near the keyword's own recordings are to each other. What
a person decided stands above all of it. Every window within reach of one that is held back is held back as well: the
sound that is stored around a mined window must not contain the keyword.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.decisions import Decisions
from kwsdata.params.negatives import MineNegativesParams
from kwsdata.stages.mine_negatives.candidate import Candidate
from kwsdata.text import contains

Status: TypeAlias = Literal["mine", "review", "keyword", "left_out"]


@dataclass(frozen=True)
class Verdict:
    """What becomes of a candidate, and why, in words."""

    status: Status
    reason: str


@dataclass(frozen=True)
class KeywordFilter:
    """`doubt`, `keyword`: similarities from which a window is doubtful, or taken for the keyword."""

    keyword_text: str
    doubt: float
    keyword: float

    def rule(self, candidate: Candidate, text: str | None) -> Verdict:
        """Return what becomes of a candidate that nobody decided on.

        Args:
            candidate: the window.
            text: what is said in its recording (or in it alone, by a recogniser); None where nobody knows.
        """
        similarity = candidate.similarity
        near = f"similarity {similarity:.2f}"
        if text is not None and contains(text, self.keyword_text):
            if similarity >= self.doubt:
                return Verdict("keyword", f"{near}, and the transcript says it: {text!r}")
            return Verdict("review", f"the transcript has the keyword: {text!r}")
        if candidate.piece.synthetic and text is not None:
            return Verdict("mine", f"{near}; it says {text!r}")
        if similarity >= self.keyword:
            if text is None:
                return Verdict("keyword", f"{near}: as near as the keyword's own recordings ({self.keyword:.2f})")
            return Verdict(
                "review", f"{near}: as near as the keyword ({self.keyword:.2f}), but the transcript is {text!r}"
            )
        if similarity >= self.doubt and text is None:
            return Verdict("review", f"{near}: some recordings of the keyword are no nearer ({self.doubt:.2f})")
        return Verdict("mine", "sounds alike" if candidate.score is None else "sounds alike, or the model says so")


def verdicts_of_people(candidates: Iterable[Candidate], decisions: Decisions) -> dict[str, Verdict]:
    """Return the verdicts that a person's decisions make, by candidate id."""
    verdicts: dict[str, Verdict] = {}
    for one in candidates:
        verdict = decisions.verdict(one.piece.identity, one.middle)
        if verdict == "keep":
            verdicts[one.id] = Verdict("mine", "a person kept it")
        elif verdict == "drop":
            verdicts[one.id] = Verdict("left_out", "a person dropped it")
        elif verdict == "keyword":
            verdicts[one.id] = Verdict("keyword", "a person heard the keyword")
    return verdicts


def hold_back_neighbours(
    candidates: Iterable[Candidate], verdicts: dict[str, Verdict], params: MineNegativesParams
) -> dict[str, Verdict]:
    """Return `verdicts`, with "mine" taken from windows whose stored sound would reach a keyword or a doubtful window.

    A window that a person kept stays, and does not hold back others.
    """
    candidates = list(candidates)
    held: dict[str, list[int]] = defaultdict(list)
    for one in candidates:
        if verdicts[one.id].status in ("keyword", "review"):
            held[one.piece.identity].append(one.middle)
    reach = (params.before_s + params.after_s) * SAMPLE_RATE
    changed = dict(verdicts)
    for one in candidates:
        verdict = verdicts[one.id]
        if verdict.status != "mine" or verdict.reason == "a person kept it":
            continue
        if any(abs(one.middle - other) < reach for other in held[one.piece.identity]):
            changed[one.id] = Verdict("left_out", "too near in time to what may be the keyword")
    return changed
