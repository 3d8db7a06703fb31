"""Render a planned stream into sound and a cut that knows every keyword's time."""

from collections import defaultdict

import numpy as np
from lhotse import SupervisionSegment

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.fields import ClipFields, EventFields, StreamSegment
from kwsdata.clips.manifests import audio_sha256, make_cut, make_event
from kwsdata.clips.shards import Clip, load_audio
from kwsdata.stages.make_testsets.plan import StreamPlan

FADE = 80  # samples (5 ms) at each end of each segment: no click where two recordings meet


def fade_ends(wave: Waveform) -> Waveform:
    """Return `wave` [samples] with a linear fade over FADE samples at both ends."""
    wave = wave.copy()
    length = min(FADE, wave.size // 2)
    ramp = (np.arange(length, dtype=np.float32) + 0.5) / max(length, 1)
    wave[:length] *= ramp
    wave[wave.size - length :] *= ramp[::-1]
    return wave


def render(cut_id: str, plan: StreamPlan, keyword: str, fields: ClipFields) -> Clip:
    """Return the stream of `plan`: its sound, and a cut with one supervision a keyword.

    Its `segments` list every stretch; its `sources` list [source cut, hash of its samples] of each clip once.
    """
    waves: list[Waveform] = []
    supervisions: list[SupervisionSegment] = []
    segments: list[StreamSegment] = []
    cache: dict[str, Waveform] = {}
    uses: dict[str, int] = defaultdict(int)
    for segment in plan.segments:
        uses[segment.clip.id] += 1
    at = 0
    for segment in plan.segments:
        source = segment.clip
        wave = cache[source.id] if source.id in cache else load_audio(source.cut)
        uses[source.id] -= 1
        if uses[source.id]:
            cache[source.id] = wave
        else:
            cache.pop(source.id, None)
        waves.append(fade_ends(wave[segment.start : segment.end]))
        until = at + segment.samples
        segments.append(StreamSegment(at / SAMPLE_RATE, until / SAMPLE_RATE, source.id, source.label, source.corpus))
        if segment.word is not None:
            start, end = segment.word
            event, heard_at = f"{cut_id}-event{len(supervisions):04d}", (at + start, at + end)
            supervisions.append(
                make_event(event, cut_id, heard_at, keyword, source.speaker, EventFields(source=source.id))
            )
        at = until
    wave = np.concatenate(waves)
    heard = dict.fromkeys((segment.clip.id, segment.clip.audio_sha256) for segment in plan.segments)
    sources = [list(pair) for pair in heard]
    made = ClipFields(audio_sha256=audio_sha256(wave), segments=segments, sources=sources)
    cut = make_cut(cut_id, at, custom=fields | made)
    cut.supervisions = supervisions
    return Clip(cut, wave)
