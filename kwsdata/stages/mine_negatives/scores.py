"""The scores of one shard of pieces by the model of an earlier round: the task that a worker gets."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from kwsdata.clips.segments import Piece, piece_from_row
from kwsdata.execution.cache import Step
from kwsdata.files.atomic import read_jsonl_gz
from kwsdata.files.site import reach
from kwsdata.stages.mine_negatives.scoring import Scorer, load_scorer

SCORES = Step("scores", __name__, suffix=".npy")


@dataclass(frozen=True)
class ScoreTask:
    """The file of a shard's pieces, what relative places are counted from, the model, a digest of the sound there."""

    pieces: Path
    root: Path
    model: Path
    sound: str


def score_shard(task: ScoreTask) -> Path:
    """Return the file with the scores of a shard's pieces, end to end, made now unless the cache has it."""
    scorer = load_scorer(str(reach(task.model)))
    pieces = [piece_from_row(row) for row in read_jsonl_gz(task.pieces)]
    where = [piece.where for piece in pieces]
    return SCORES.get(partial(_score, scorer, pieces, task.root), model=scorer.content, sound=task.sound, pieces=where)


def _score(scorer: Scorer, pieces: list[Piece], root: Path, path: Path) -> None:
    scores = np.concatenate([scorer.score_piece(piece, root) for piece in pieces])
    np.save(path, scores.astype(np.float16), allow_pickle=False)
