"""Render a planned stream into sound and a cut that knows every keyword's time."""

from collections import defaultdict

import numpy as np
from lhotse import MonoCut, SupervisionSegment

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.manifests import audio_sha256, make_cut
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


def render(cut_id: str, plan: StreamPlan, keyword: str, custom: dict[str, str]) -> Clip:
    """Return the stream of `plan`: its sound, and a cut with one supervision a keyword (custom event = keyword).

    `cut.custom["segments"]` lists [start_s, end_s, source cut, label, corpus] of every stretch; `sources` lists [source
    cut, hash of its samples] of each clip once.
    """
    waves: list[Waveform] = []
    supervisions: list[SupervisionSegment] = []
    segments: list[list[object]] = []
    cache: dict[str, Waveform] = {}
    uses: dict[str, int] = defaultdict(int)
    for segment in plan.segments:
        uses[segment.cut.id] += 1
    at = 0
    for segment in plan.segments:
        source = segment.cut
        wave = cache[source.id] if source.id in cache else load_audio(source)
        uses[source.id] -= 1
        if uses[source.id]:
            cache[source.id] = wave
        else:
            cache.pop(source.id, None)
        waves.append(fade_ends(wave[segment.start : segment.end]))
        fields = source.custom or {}
        segments.append(
            [at / SAMPLE_RATE, (at + segment.samples) / SAMPLE_RATE, source.id, fields["label"], fields["corpus"]]
        )
        if segment.word is not None:
            supervisions.append(_event(cut_id, len(supervisions), at, segment.word, keyword, source))
        at += segment.samples
    wave = np.concatenate(waves)
    heard = dict.fromkeys((segment.cut.id, (segment.cut.custom or {})["audio_sha256"]) for segment in plan.segments)
    made = {"audio_sha256": audio_sha256(wave), "segments": segments, "sources": [list(pair) for pair in heard]}
    cut = make_cut(cut_id, at, custom=custom | made)
    cut.supervisions = supervisions
    return Clip(cut, wave)


def _event(
    cut_id: str, number: int, at: int, word: tuple[int, int], keyword: str, source: MonoCut
) -> SupervisionSegment:
    return SupervisionSegment(
        id=f"{cut_id}-event{number:04d}",
        recording_id=cut_id,
        start=(at + word[0]) / SAMPLE_RATE,
        duration=(word[1] - word[0]) / SAMPLE_RATE,
        channel=0,
        text=keyword,
        speaker=(source.custom or {}).get("speaker"),
        custom={"event": "keyword", "source": source.id},
    )
