"""Plan streams: which stretch of which clip is heard when. Reads no sound.

Negative clips are cut into pieces at quiet places, shuffled by a hash of each piece (a new clip moves no other in the
order), and keywords are spread evenly between the pieces, at least `gap_s` of negative sound apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.view import ClipView
from kwsdata.draws import unit_for

PIECE_S = 10.0  # negative clips longer than twice this are cut at their quietest place near multiples of it


@dataclass(frozen=True)
class Segment:
    """A stretch of a clip: samples [start, end). `word`: the keyword's span in the clip, for positives."""

    clip: ClipView
    start: int
    end: int
    word: tuple[int, int] | None = None

    @property
    def samples(self) -> int:
        """Length in samples."""
        return self.end - self.start


@dataclass
class StreamPlan:
    """The segments of one stream, end to end."""

    segments: list[Segment] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """Length in samples."""
        return sum(segment.samples for segment in self.segments)


def pieces_of(clip: ClipView, load: Callable[[MonoCut], Waveform]) -> list[Segment]:
    """Return a negative clip as segments of about PIECE_S; only clips of over twice that are loaded and cut."""
    total = clip.samples
    piece = round(PIECE_S * SAMPLE_RATE)
    if total <= 2 * piece:
        return [Segment(clip, 0, total)]
    wave = load(clip.cut)
    cuts_at = [
        quietest(wave, middle - piece // 4, middle + piece // 4) for middle in range(piece, total - piece // 2, piece)
    ]
    edges = [0, *cuts_at, total]
    return [Segment(clip, start, end) for start, end in pairwise(edges)]


def quietest(wave: Waveform, start: int, end: int, frame: int = 800) -> int:
    """Return the sample in [start, end) in the middle of the quietest 50 ms."""
    count = (end - start) // frame
    power = np.square(wave[start : start + count * frame].reshape(count, frame), dtype=np.float64).mean(axis=1)
    return start + int(np.argmin(power)) * frame + frame // 2


def word_segment(clip: ClipView) -> Segment:
    """Return a positive clip whole, with its word's span (the supervision's; the whole clip where it has no more)."""
    start, end = clip.span or (0, clip.samples)
    return Segment(clip, 0, clip.samples, (start, min(clip.samples, end)))


def by_hash(segments: Sequence[Segment], seed: int) -> list[Segment]:
    """Return `segments` in an order that each one's own content decides."""
    return sorted(segments, key=lambda s: unit_for(seed, "order", s.clip.audio_sha256, s.start))


def within_hours(segments: Sequence[Segment], hours: float) -> list[Segment]:
    """Return the leading segments that fit into `hours`."""
    kept, samples = [], 0
    for segment in segments:
        if samples + segment.samples <= hours * 3600 * SAMPLE_RATE:
            kept.append(segment)
            samples += segment.samples
    return kept


def plan_streams(
    positives: Sequence[Segment], negatives: Sequence[Segment], stream_s: float, gap_s: float
) -> tuple[list[StreamPlan], int]:
    """Spread `positives` among `negatives`, both in the order given.

    Returns:
        (plans, left out): the streams, and how many positives found no place `gap_s` from the one before.
    """
    total = sum(segment.samples for segment in negatives)
    spacing = total / (len(positives) + 1)
    gap = round(gap_s * SAMPLE_RATE)
    plans = [StreamPlan()]
    placed, heard, since_word = 0, 0, 0
    for segment in negatives:
        if plans[-1].samples >= stream_s * SAMPLE_RATE:
            plans.append(StreamPlan())
            since_word = 0
        plans[-1].segments.append(segment)
        heard += segment.samples
        since_word += segment.samples
        if placed < len(positives) and since_word >= gap and heard >= spacing * (placed + 1):
            plans[-1].segments.append(positives[placed])
            placed, since_word = placed + 1, 0
    return [plan for plan in plans if plan.segments], len(positives) - placed
