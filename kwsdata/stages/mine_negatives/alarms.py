"""Score a pool with the model of an earlier round, and find where it comes nearest to an alarm."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.content import digest_at
from kwsdata.clips.pieces import tar_at
from kwsdata.execution.executor import run_tasks
from kwsdata.files.atomic import read_jsonl_gz
from kwsdata.params import ExecutorParams
from kwsdata.stages.mine_negatives.pools import Pool
from kwsdata.stages.mine_negatives.scoring import ScoreTask, load_scorer, score_shard
from kwsdata.vectors.store import pieces_path
from kwsdata.vectors.times import row_near

_BEFORE = round(1.0 * SAMPLE_RATE)  # a word's middle lies at most this long before the decision that knows it
_AFTER = round(0.2 * SAMPLE_RATE)  # and at most this long after one that half knows it


class Alarms:
    """The scores of a pool, on disk; one shard of them in memory."""

    def __init__(self, pool: Pool, model: Path, executor: ExecutorParams) -> None:
        """Score the whole pool, unless the cache has it.

        Raises:
            StageInputError: the model or a piece's sound is missing or damaged.
        """
        self._pool = pool
        self._scorer = load_scorer(str(Path(model).absolute()))
        paths = [pieces_path(pool.store.directory, n).absolute() for n in range(pool.store.shards)]
        places = [[row["place"] for row in read_jsonl_gz(path)] for path in paths]
        tasks = [
            ScoreTask(path, Path.cwd(), Path(model).absolute(), digest_at(those))
            for path, those in zip(paths, places, strict=True)
        ]
        reads = {Path(model), *paths, *(tar_at(place) for those in places for place in those)}
        self._files = list(run_tasks(score_shard, tasks, executor, f"score {Path(pool.name).name}", reads))
        self._kept: tuple[int, list[np.ndarray]] | None = None

    def _scores(self, shard: int) -> list[np.ndarray]:
        """Return the scores of each piece of a shard."""
        if self._kept is None or self._kept[0] != shard:
            pieces = self._pool.store.pieces(shard).pieces
            ends = np.cumsum([self._scorer.decisions(piece).size for piece in pieces])
            self._kept = shard, np.split(np.load(self._files[shard]).astype(np.float32), ends[:-1])
        return self._kept[1]

    def loudest(self, min_score: float, apart_s: float) -> Iterator[tuple[float, np.ndarray]]:
        """Yield (score, rows) of each false alarm: a peak of the score, and the windows it may stand for."""
        store = self._pool.store
        apart = max(1, round(apart_s * SAMPLE_RATE / self._scorer.step))
        for shard in range(store.shards):
            pieces = store.pieces(shard).pieces
            for index, score in enumerate(self._scores(shard)):
                if score.size == 0 or score.max() < min_score:
                    continue
                decisions = self._scorer.decisions(pieces[index])
                for place in _peaks(score, min_score, apart):
                    at = int(decisions[place])
                    middles = np.arange(at - _BEFORE, at + 1, store.hop)
                    yield float(score[place]), np.unique(row_near(store, shard, index, middles.tolist()))

    def near(self, rows: np.ndarray) -> np.ndarray:
        """Return the highest score about each of the windows `rows`, float32."""
        store = self._pool.store
        out = np.zeros(len(rows), np.float32)
        for place in np.argsort(rows, kind="stable").tolist():  # shard by shard
            row = int(rows[place])
            shard = int(store.shard_of(np.asarray(row)))
            found = store.pieces(shard)
            local = row - int(store.first[shard])
            index = int(np.searchsorted(found.first, local, side="right")) - 1
            piece = found.pieces[index]
            middle = piece.start + (local - int(found.first[index])) * store.hop
            decisions = self._scorer.decisions(piece)
            first, last = np.searchsorted(decisions, [middle - _AFTER, middle + _BEFORE])
            out[place] = self._scores(shard)[index][first:last].max(initial=0.0)
        return out


def _peaks(score: np.ndarray, min_score: float, apart: int) -> list[int]:
    """Return where `score` is highest, at least `apart` decisions from each other, highest first."""
    chosen: list[int] = []
    high = np.flatnonzero(score >= min_score)
    for place in high[np.argsort(-score[high], kind="stable")]:
        if all(abs(place - other) >= apart for other in chosen):
            chosen.append(int(place))
    return chosen
