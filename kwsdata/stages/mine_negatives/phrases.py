"""Rank synthesised phrases by how often they are confused with the keyword.

A clip is as hard as its hardest window (`rank_of`), a phrase as its clips are on average, whether or not any of them is
a candidate. Phrases that are spoken inside a sentence are left out: the clip does not say where.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kwsdata.clips.pieces import Piece
from kwsdata.params.negatives import MineNegativesParams, PhrasesParams
from kwsdata.similarity.keyword import KeywordSimilarity
from kwsdata.stages.mine_negatives.alarms import Alarms
from kwsdata.stages.mine_negatives.candidate import Candidate, rank_of
from kwsdata.stages.mine_negatives.pools import Pool

_KINDS = ("confusable", "partial")


@dataclass(frozen=True)
class Phrase:
    """`hardness`, `likeness`, `score`: means over its `clips` of each one's highest; `score` is None without a model.

    `alarms`: clips that the model scores at `min_score` or more.
    """

    text: str
    clips: int
    hardness: float
    likeness: float
    score: float | None
    alarms: int

    def row(self, mined: Sequence[Candidate]) -> dict[str, Any]:
        """Return the phrase as it stands in mined.json, with how many of its windows were `mined`."""
        return {
            "text": self.text,
            "clips": self.clips,
            "hardness": round(self.hardness, 4),
            "likeness": round(self.likeness, 4),
            "score": None if self.score is None else round(self.score, 4),
            "alarms": self.alarms,
            "mined": sum(is_phrase(one.piece) and one.piece.text == self.text for one in mined),
        }


def is_phrase(piece: Piece) -> bool:
    """Tell whether a piece is a synthetic clip of one phrase and nothing else."""
    return piece.kind in _KINDS and bool(piece.text) and "," not in str(piece.text)


def ranked_phrases(
    pool: Pool, to_keyword: KeywordSimilarity, alarms: Alarms | None, params: MineNegativesParams
) -> list[Phrase]:
    """Return the phrases spoken in `pool`, hardest first."""
    texts, spans = [], []
    for text, start, count in _clips(pool):
        texts.append(text)
        spans.append(np.arange(start, start + count))
    if not texts:
        return []
    rows = np.concatenate(spans)
    first = np.cumsum([0, *(len(span) for span in spans)])[:-1]
    likeness = np.maximum.reduceat(to_keyword.likeness(to_keyword.measure(pool.store, rows).similarity), first)
    score = None if alarms is None else np.maximum.reduceat(alarms.near(rows), first)
    clips_of: dict[str, list[int]] = defaultdict(list)
    for clip, text in enumerate(texts):
        clips_of[text].append(clip)
    phrases = []
    for text, clips in clips_of.items():
        scores = [None if score is None else float(score[clip]) for clip in clips]
        heard = [one for one in scores if one is not None]
        phrases.append(
            Phrase(
                text,
                len(clips),
                float(
                    np.mean(
                        [rank_of(float(likeness[c]), s, params.score_share) for c, s in zip(clips, scores, strict=True)]
                    )
                ),
                float(likeness[clips].mean()),
                float(np.mean(heard)) if heard else None,
                sum(one >= params.min_score for one in heard),
            )
        )
    return sorted(phrases, key=lambda phrase: (-phrase.hardness, phrase.text))


def _clips(pool: Pool) -> Iterator[tuple[str, int, int]]:
    """Yield (text, first row, rows) of the clips of a phrase."""
    for number in range(pool.store.shards):
        found = pool.store.pieces(number)
        for index, piece in enumerate(found.pieces):
            if is_phrase(piece):
                first = int(found.first[index])
                yield str(piece.text), int(pool.store.first[number]) + first, int(found.first[index + 1]) - first


def worst_first(candidates: Iterable[Candidate], phrases: Sequence[Phrase], params: PhrasesParams) -> frozenset[str]:
    """Return the ids of the candidates, hardest first, that are to be chosen before others: some of each worst phrase.

    Args:
        candidates: what may be mined, hardest first.
        phrases: hardest first.
        params: how many phrases, and how many windows of each.
    """
    wanted: Collection[str] = {phrase.text for phrase in phrases[: params.worst]}
    taken: dict[str, list[str]] = defaultdict(list)
    for one in candidates:
        text = str(one.piece.text)
        if is_phrase(one.piece) and text in wanted and len(taken[text]) < params.windows:
            taken[text].append(one.id)
    return frozenset(one for ids in taken.values() for one in ids)
