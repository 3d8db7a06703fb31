"""Choose examples to play: sound, spectrogram and score around misses, false alarms and hits."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut
from markupsafe import Markup
from matplotlib.image import imsave

from kwsdata.audio import SAMPLE_RATE, Waveform, encode_flac
from kwsdata.clips.shards import load_audio
from kwsdata.params import FeaturesParams
from kwsdata.runtime.decoder import DecoderConfig, votes, warming_up
from kwsdata.runtime.front_ends import LogMel
from kwstrain.pages.chart import Axis, Chart
from kwstrain.stages.report.inputs import Evaluation

AUDIO = "audio"  # directory of the sounds, beside the page
MAX_S = 5.0  # of sound in one example
BEFORE_EVENT_S, AFTER_EVENT_S = 0.6, 0.8
BEFORE_ALARM_S, AFTER_ALARM_S = 2.0, 0.6  # the decision comes after the sound that caused it
WIDTH, HEIGHT = 320.0, 150.0
SPECTROGRAM = FeaturesParams(frontend="logmel", n_mels=64, window_ms=25, hop_ms=10, low_hz=60, high_hz=7600)
CONDITIONS = {"snr_db": "SNR {:g} dB", "t60_s": "T60 {:g} s"}
FLOOR_DB = 60.0  # below the loudest: black


@dataclass(frozen=True)
class Example:
    """One card of the page: `audio` is the path of its sound relative to the page."""

    audio: str
    picture: Markup
    title: str
    facts: list[str]


@dataclass(frozen=True)
class Moment:
    """A stretch of a stream to show: when, what was detected or should have been, and how to describe it."""

    row: dict[str, Any]  # of events, false_alarms or near_alarms
    start_s: float
    end_s: float
    title: str
    facts: tuple[str, ...]


def chosen_events(events: Sequence[dict[str, Any]], hit: bool, count: int) -> list[Moment]:
    """Return `count` hits spread evenly from the weakest to the strongest, or the `count` misses that came closest."""
    rows = sorted((e for e in events if e["hit"] is hit), key=lambda e: e["peak"], reverse=not hit)
    if hit and len(rows) > count:
        rows = [rows[place] for place in np.linspace(0, len(rows) - 1, count).round().astype(int)]
    return [_event_moment(row) for row in rows[:count]]


def chosen_alarms(alarms: Sequence[dict[str, Any]], count: int) -> list[Moment]:
    """Return the `count` false alarms (or near ones) with the highest votes."""
    return [_alarm_moment(row) for row in sorted(alarms, key=lambda a: -a["peak"])[:count]]


def _event_moment(row: dict[str, Any]) -> Moment:
    start, end = row["start_s"] - BEFORE_EVENT_S, row["end_s"] + AFTER_EVENT_S
    facts = [f"highest vote {row['peak']:.2f}"]
    if row["latency_s"] is not None:
        late = row["latency_s"]
        facts.append(f"fired {abs(late):.2f} s {'after' if late >= 0 else 'before'} its end")
    facts += [CONDITIONS[name].format(value) for name, value in sorted(row["conditions"].items())]
    return Moment(row, start, min(end, start + MAX_S), row["source"] or row["cut"], tuple(facts))


def _alarm_moment(row: dict[str, Any]) -> Moment:
    segment = row["segment"] or {}
    facts = [f"highest vote {row['peak']:.2f}"]
    if segment.get("corpus"):
        facts.append(f"from {segment['corpus']}")
    if segment.get("label"):
        facts.append(segment["label"])
    title = segment.get("source") or row["cut"]
    return Moment(row, row["time_s"] - BEFORE_ALARM_S, row["time_s"] + AFTER_ALARM_S, title, tuple(facts))


def write_examples(
    kind: str, moments: Sequence[Moment], cuts: dict[str, MonoCut], evaluation: Evaluation, audio: Path
) -> list[Example]:
    """Write `audio`/KIND-NN.flac for each of `moments`, return their cards.

    Args:
        kind: start of the file names.
        moments: what to show.
        cuts: the streams, by "partition/set/cut id".
        evaluation: traces and the operating point.
        audio: directory, made if need be; it ends up as AUDIO beside the page.
    """
    audio.mkdir(parents=True, exist_ok=True)
    examples = []
    for number, moment in enumerate(moments, start=1):
        key = f"{moment.row['partition']}/{moment.row['set']}/{moment.row['cut']}"
        wave = load_audio(cuts[key])
        first = max(0, round(moment.start_s * SAMPLE_RATE))
        sound = wave[first : min(wave.size, round(moment.end_s * SAMPLE_RATE))]
        name = f"{kind}-{number:02d}.flac"
        (audio / name).write_bytes(encode_flac(sound))
        picture = _picture(sound, first / SAMPLE_RATE, moment, evaluation, key)
        place = f"{moment.row['set']}, {_clock(first / SAMPLE_RATE)} in {moment.row['cut']}"
        examples.append(Example(f"{AUDIO}/{name}", picture, moment.title, [*moment.facts, place]))
    return examples


def _picture(sound: Waveform, start_s: float, moment: Moment, evaluation: Evaluation, key: str) -> Markup:
    length_s = sound.size / SAMPLE_RATE
    chart = Chart(
        f"spectrogram and vote, {moment.title}", Axis(0, length_s, 0, WIDTH), Axis(0, 1, HEIGHT, 0), WIDTH, HEIGHT
    )
    chart.image(spectrogram_uri(sound))
    if "end_s" in moment.row:
        for edge in (moment.row["start_s"], moment.row["end_s"]):
            if 0 < edge - start_s < length_s:
                chart.across(edge - start_s, "edge")
    score = evaluation.traces[key]
    time_s = evaluation.first_s + evaluation.step_s * np.arange(score.size) - start_s
    inside = (time_s >= 0) & (time_s <= length_s)
    decoder = DecoderConfig.from_row(evaluation.operating_point)
    vote = votes(score, decoder.rule, warming_up(time_s + start_s, decoder.warm_up_s))
    chart.line(list(zip(time_s[inside].tolist(), score[inside].tolist(), strict=True)), "score")
    chart.line(list(zip(time_s[inside].tolist(), vote[inside].tolist(), strict=True)), "vote")
    chart.level(decoder.threshold, "threshold")
    return chart.svg()


def spectrogram_uri(sound: Waveform) -> str:
    """Return a log-mel spectrogram of `sound` [samples] as a PNG data URI, low frequencies at the bottom."""
    frames = LogMel(SPECTROGRAM).process(sound)
    if not len(frames):
        frames = np.zeros((1, SPECTROGRAM.n_mels), np.float32)
    high = float(frames.max())
    image = io.BytesIO()
    low = high - FLOOR_DB * np.log(10) / 10
    imsave(image, frames.T, format="png", cmap="magma", origin="lower", vmin=low, vmax=high)
    return "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()


def _clock(time_s: float) -> str:
    return f"{int(time_s) // 60}:{int(time_s) % 60:02d}"
