"""Find where training windows may lie in a clip, and what their decisions should say.

A window is `length` = receptive_field + (decisions - 1) stride frames, named by its last frame e. Its decisions have
their last frames at e - (decisions - 1) stride, ..., e - stride, e.

    keyword    every decision in [w1, w1 + hold): w1 is the first frame that knows the word's end, hold = hold_s / hop
    early      of a keyword clip: e is before the word is half said; every decision says "no"
    negative   anywhere in a clip of another label; every decision says "no"
    mined      of a mined clip: e lies between the middle and the end of the sound that was mined; decisions say "no"
    alarm      of any negative clip: one decision is the one at which students raised a false alarm; all say "no"

A window that reaches beyond its clip repeats the clip's first or last frame. In some windows a stream starts, with
silence before (see `kwstrain.training.starts`).

In each pool, clips as they were recorded and their augmented copies share the draws by `augmented_share`, however many
there are of each; where there is only one sort, it gets them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kwsdata.errors import ParamsError, StageInputError
from kwsdata.features.store import ClipRow


@dataclass(frozen=True)
class Batch:
    """Windows with their labels.

    features float32 [B, frames, n_mels]; target float32 [B, decisions, 2], probabilities; weight float32
    [B, decisions], 0 where there is no label. `soft`: what a teacher says of the decisions, if there is one: log_odds
    and weight float32 [B, decisions], embedding float32 [B, decisions, dim] or None.
    """

    features: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    soft: tuple[np.ndarray, np.ndarray, np.ndarray | None] | None = None


@dataclass(frozen=True)
class Shape:
    """The windows' geometry, in frames."""

    receptive_field: int
    stride: int
    decisions: int
    hold: int

    def __post_init__(self) -> None:
        """Refuse a hold that cannot hold the decisions.

        Raises:
            ParamsError: hold is shorter than the decisions' span.
        """
        if self.hold < self.span + 1:
            raise ParamsError(
                f"train.hold_s is {self.hold} frames, but train.decisions = {self.decisions} of model.stride = "
                f"{self.stride} span {self.span + 1}: raise hold_s or lower decisions."
            )

    @property
    def span(self) -> int:
        """Frames from the first decision's last frame to the last one's."""
        return (self.decisions - 1) * self.stride

    @property
    def length(self) -> int:
        """Frames in a window."""
        return self.receptive_field + self.span


@dataclass(frozen=True)
class Pool:
    """The windows of one kind: row i allows last frames first[i] .. last[i] of clip clip[i]. All int64 [rows]."""

    clip: np.ndarray
    first: np.ndarray
    last: np.ndarray
    cumulative: np.ndarray  # float64 [rows], rises to 1: the chance of each row and those before it

    def draw(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `count` windows: clip numbers and last frames, int64 [count] each."""
        row = np.minimum(np.searchsorted(self.cumulative, rng.random(count), side="right"), self.clip.size - 1)
        room = self.last[row] - self.first[row] + 1
        return self.clip[row], self.first[row] + np.floor(rng.random(count) * room).astype(np.int64)


def keyword_pool(clips: Sequence[ClipRow], shape: Shape, augmented_share: float) -> Pool:
    """Return the keyword windows, every clip equally likely.

    Raises:
        StageInputError: a keyword clip has no word marked.
    """
    rows = [number for number, clip in enumerate(clips) if clip.label == "keyword"]
    end = np.asarray([_word(clips[number])[1] for number in rows], np.int64)
    chance = _shared(clips, rows, np.ones(len(rows)), augmented_share)
    return _pool(rows, end + shape.span, end + shape.hold - 1, chance)


def early_pool(clips: Sequence[ClipRow], shape: Shape, augmented_share: float) -> Pool:
    """Return the windows of keyword clips that end before the word is half said, every clip equally likely."""
    rows, last = [], []
    for number, clip in enumerate(clips):
        if clip.label == "keyword":
            half = half_said(_word(clip))
            if half >= 0:
                rows.append(number)
                last.append(half)
    chance = _shared(clips, rows, np.ones(len(rows)), augmented_share)
    return _pool(rows, np.minimum(last, shape.length - 1), np.asarray(last, np.int64), chance)


def half_said(word: tuple[int, int]) -> int:
    """Return the last frame before `word`, [start, end) in frames, is half said."""
    start, end = word
    return start + (end - start) // 2 - 1


def negative_pool(clips: Sequence[ClipRow], shape: Shape, augmented_share: float, label: str) -> Pool:
    """Return the windows of clips of `label`, every window equally likely."""
    rows = [number for number, clip in enumerate(clips) if clip.label == label and clip.frames > 0]
    last = np.asarray([clips[number].frames - 1 for number in rows], np.int64)
    first = np.minimum(last, shape.length - 1)
    return _pool(rows, first, last, _shared(clips, rows, last - first + 1.0, augmented_share))


def mined_pool(clips: Sequence[ClipRow], augmented_share: float) -> Pool:
    """Return the windows of mined clips that have just heard the mined sound, every clip equally likely."""
    rows = [number for number, clip in enumerate(clips) if clip.label == "mined" and clip.frames > 0]
    ends = np.asarray([clips[number].frames - 1 for number in rows], np.int64)
    sound = np.asarray([clips[number].word or (0, clips[number].frames) for number in rows], np.int64).reshape(-1, 2)
    last = np.minimum(sound[:, 1], ends)
    first = np.minimum(sound.sum(axis=1) // 2, last)
    return _pool(rows, first, last, _shared(clips, rows, np.ones(len(rows)), augmented_share))


def alarm_pool(clips: Sequence[ClipRow], alarms: np.ndarray, shape: Shape) -> Pool:
    """Return the windows that hold a false alarm of `alarms`, [alarms, 2] clips and frames, each equally likely."""
    ends = np.asarray([clips[number].frames - 1 for number in alarms[:, 0]], np.int64)
    first = np.minimum(alarms[:, 1], ends)
    return _pool(alarms[:, 0].tolist(), first, np.minimum(first + shape.span, ends), np.ones(len(alarms)))


def _shared(clips: Sequence[ClipRow], rows: Sequence[int], chance: np.ndarray, augmented_share: float) -> np.ndarray:
    """Return `chance` [rows], scaled so that augmented copies have `augmented_share` of it: float64 [rows]."""
    copies = np.asarray([clips[number].copy > 0 for number in rows], bool)
    total, theirs = chance.sum(), chance[copies].sum()
    if not 0 < theirs < total:
        return chance
    return np.where(copies, augmented_share / theirs, (1 - augmented_share) / (total - theirs)) * chance


def _pool(rows: Sequence[int], first: np.ndarray, last: np.ndarray, chance: np.ndarray) -> Pool:
    """Return the pool of the rows that have a chance."""
    kept = chance > 0
    first, last, chance = first[kept].astype(np.int64), last[kept].astype(np.int64), chance[kept]
    cumulative = np.cumsum(chance) / max(chance.sum(), 1e-300)
    return Pool(np.asarray(rows, np.int64)[kept], first, last, cumulative)


def _word(clip: ClipRow) -> tuple[int, int]:
    if clip.word is None:
        raise StageInputError(f"keyword clip {clip.id} has no word marked: remake it with `dvc repro featurize`.")
    return clip.word
