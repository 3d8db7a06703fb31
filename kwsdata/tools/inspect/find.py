"""Find a clip of any part by its id, with its sound.

An event of a test stream ("test-clean-0000-event0003") is a clip too: the stretch of its stream around the keyword.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.manifests import cut_from_dict
from kwsdata.clips.shards import load_audio, one_shard_cuts
from kwsdata.clips.view import ClipView, EventView, Fields, row_fields
from kwsdata.errors import StageInputError
from kwsdata.tools.dataset.members import manifests_of, rows_of
from kwsdata.tools.dataset.nearest import nearest_ids
from kwsdata.tools.dataset.trees import Tree

_BEFORE_S, _AFTER_S = 2.0, 1.0  # of its stream around an event
_EVENT = re.compile(r"(.+)-event\d+")


@dataclass(frozen=True)
class Found:
    """A clip: `wave` float32 [samples] from sample `start` of its recording on, and what its cut tells.

    `spans`: (start, end, text) in seconds of `wave` for each supervision in it. `sources`: the clips it was made of,
    nearest first. `recipe`: what was drawn for it, by effect. `stream`: the test stream that it is an event of.
    """

    id: str
    part: str
    wave: Waveform
    spans: tuple[tuple[float, float, str], ...]
    told: Fields
    sources: tuple[str, ...]
    recipe: dict[str, Any]
    start: int = 0
    events: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    stream: str | None = None


def find(tree: Tree, clip_id: str) -> Found:
    """Return the clip or event `clip_id` of the workspace.

    Raises:
        StageInputError: there is none (the message names the nearest ids); or its shard is missing or damaged.
        AudioError: its bytes are no sound.
    """
    found = find_if_there(tree, clip_id)
    if found is None:
        every = (
            row["id"] for manifests in manifests_of(tree).values() for path in manifests for row in rows_of(tree, path)
        )
        raise StageInputError(
            f"no clip of the {tree.name} is called {clip_id!r}; nearest: {', '.join(nearest_ids(clip_id, every))}."
        )
    return found


def find_if_there(tree: Tree, clip_id: str) -> Found | None:
    """Return the clip or event `clip_id` of the workspace; None if there is none. Raises for damage as `find` does."""
    located = _located(tree, clip_id)
    if located is None:
        return None
    part, cut = located
    if cut.id != clip_id:
        return _event(part, cut, clip_id)
    clip = ClipView(cut)
    spans = tuple((said.start, said.end, said.text or "") for said in cut.supervisions)
    sources = (clip.parent,) if clip.parent else ()
    events = tuple({"id": one.said.id, "at_s": one.said.start, **one.told()} for one in clip.events if one.told())
    recipe = clip.recipe if part == "augmented/train" else {}
    return Found(clip_id, part, load_audio(cut), spans, clip, sources, recipe, 0, events)


def _event(part: str, stream: MonoCut, event_id: str) -> Found:
    said = next((said for said in stream.supervisions if said.id == event_id), None)
    if said is None:
        last = stream.supervisions[-1].id if stream.supervisions else "none"
        raise StageInputError(f"{stream.id} has no event {event_id!r}; its last one is {last}.")
    start = max(0, round((said.start - _BEFORE_S) * SAMPLE_RATE))
    end = min(stream.num_samples, round((said.end + _AFTER_S) * SAMPLE_RATE))
    wave = load_audio(stream)[start:end]
    at = said.start - start / SAMPLE_RATE
    event, told = EventView(said), ClipView(stream).without(("segments",))
    told |= {"stream": stream.id, "at_s": round(said.start, 3), "speaker": said.speaker}
    span = (at, at + said.duration, said.text or "")
    sources = (event.source,) if event.source else ()
    fields = Fields(event_id, told)
    return Found(event_id, part, wave, (span,), fields, sources, event.recipe, start, stream=stream.id)


def _located(tree: Tree, clip_id: str) -> tuple[str, MonoCut] | None:
    """Return (part, cut with its shard) of a clip, or of the stream that an event is in."""
    event = _EVENT.fullmatch(clip_id)
    wanted = {clip_id} | ({event.group(1)} if event else set())
    for part, manifests in manifests_of(tree).items():
        for path in manifests:
            for row in rows_of(tree, path):
                if row["id"] not in wanted:
                    continue
                if row_fields(row).place_if_any:
                    return part, cut_from_dict(row)
                return part, next(cut for cut in one_shard_cuts(Path(path)) if cut.id == row["id"])
    return None
