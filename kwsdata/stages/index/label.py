"""Label a clip from its corpus's role and what is said in it."""

from typing import Literal, TypeAlias

from kwsdata.text import same, says

Label: TypeAlias = Literal["keyword", "confusable", "speech", "noise"]


def label_of(role: str, kind: str | None, text: str | None, keyword: str) -> tuple[Label | None, str]:
    """Return (label, reason); the label is None for a clip that can be neither positive nor negative.

    Args:
        role: the corpus's role: keyword | speech | noise.
        kind: of a synthetic clip: keyword | confusable | partial | sentence; else None.
        text: what is said, or None where no transcript exists (trusted to be without the keyword).
        keyword: the wake word.
    """
    if role == "noise":
        return "noise", "noise"
    if text is not None and same(text, keyword):
        return "keyword", "says the keyword and nothing else"
    if text is not None and says(keyword, text):
        return None, "says the keyword among other words"
    if kind in ("confusable", "partial"):
        return "confusable", "made to sound like the keyword"
    return "speech", "speech without the keyword"
