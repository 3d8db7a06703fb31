"""A candidate for mining: where the window is, and every number measured of it."""

from dataclasses import dataclass
from typing import Any

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.pieces import Piece
from kwsdata.draws import digest_of
from kwsdata.text import ascii_part

_NAME = 50  # characters of the clip's id that a mined one carries: paths of files in pools have any length


@dataclass(frozen=True)
class Candidate:
    """A window with its middle at sample `middle` of `piece`'s recording.

    `similarity`: mean cosine to the nearest recordings of the keyword; `margin`: that less the same to ordinary sound;
    `nearest`: the clip of the keyword that is nearest, at cosine `nearest_similarity`; `score`: the model's highest
    near the window, None without a model; `rank`: what candidates are ordered by, 0 to 1 (see `rank_of`);
    `found_by`: neighbour, alarm or both.
    """

    pool: int
    row: int
    piece: Piece
    middle: int
    similarity: float
    margin: float
    nearest: str
    nearest_similarity: float
    score: float | None
    rank: float
    found_by: str

    @property
    def id(self) -> str:
        """The clip, which recording it is, and the sample: stays the same as long as the recording does."""
        return f"mined-{ascii_part(self.piece.clip)[-_NAME:]}-{digest_of(self.piece.identity)[:8]}-{self.middle}"

    def why(self) -> dict[str, Any]:
        """Return the numbers as a row for people and for the field `mined`."""
        return {
            "found_by": self.found_by,
            "rank": round(self.rank, 4),
            "similarity": round(self.similarity, 4),
            "margin": round(self.margin, 4),
            "nearest": self.nearest,
            "nearest_similarity": round(self.nearest_similarity, 4),
            "score": None if self.score is None else round(self.score, 4),
            "at_s": round(self.middle / SAMPLE_RATE, 3),
        }


def rank_of(likeness: float, score: float | None, score_share: float) -> float:
    """Return how hard a window is, 0 (ordinary sound) to 1.

        rank = score_share * score + (1 - score_share) * likeness      (likeness alone without a model)

    Args:
        likeness: of the window to the keyword (`kwsdata.similarity.keyword`), here cut to [0, 1].
        score: the model's, or None.
        score_share: weight of the score.
    """
    near = min(max(likeness, 0.0), 1.0)
    return near if score is None else score_share * score + (1 - score_share) * near
