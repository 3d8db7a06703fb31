"""Group clips into shards of a feature store, and make each clip's row."""

from collections.abc import Iterable, Iterator

from lhotse import MonoCut

from kwsdata.clips.view import ClipView
from kwsdata.features.store import ClipRow
from kwsdata.params.data import FeaturizeParams
from kwsdata.runtime.front_ends import FrontEnd, frames_before

_MOST_SECONDS = 1800  # of sound in a shard, about


def group_cuts(cuts: Iterable[MonoCut], params: FeaturizeParams) -> Iterator[tuple[MonoCut, ...]]:
    """Yield cuts in order, so that a shard has at most `clips_per_shard` clips and about half an hour of sound."""
    group: list[MonoCut] = []
    seconds = 0.0
    for cut in cuts:
        group.append(cut)
        seconds += cut.duration
        if len(group) == params.clips_per_shard or seconds > _MOST_SECONDS:
            yield tuple(group)
            group, seconds = [], 0.0
    if group:
        yield tuple(group)


def row_of(cut: MonoCut, frontend: FrontEnd) -> ClipRow:
    """Return the row of `cut`: its word (train clips) or events (streams) in frames; shard and offset are set later."""
    clip = ClipView(cut)
    spans = [
        (frames_before(s.start, frontend), frames_before(s.start + s.duration, frontend)) for s in cut.supervisions
    ]
    return ClipRow(
        id=clip.id,
        label="stream" if clip.is_stream else clip.label,
        shard=0,
        offset=0,
        frames=0,
        word=spans[0] if spans and not clip.is_stream else None,
        speaker=clip.speaker,
        corpus=clip.corpus_if_any,
        weight=clip.weight,
        copy=clip.copy,
        events=[span for span, event in zip(spans, clip.events, strict=True) if event.is_keyword],
    )
