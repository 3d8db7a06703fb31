"""The stage `synthesize`: two corpora from the keyword's text, data/synthetic/speech and data/synthetic/noise.

Also written: data/synthetic/confusables.json, the phrases that sound like the keyword, for people to read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.corpus import MADE_HERE, CorpusInfo, Item, Reject, write_corpus
from kwsdata.clips.fields import ClipFields
from kwsdata.clips.partitions import partition_of
from kwsdata.clips.shards import ahead
from kwsdata.errors import ParamsError
from kwsdata.files.atomic import write_json
from kwsdata.params import Params
from kwsdata.stages.synthesize.confusables import Confusable, confusable_phrases
from kwsdata.stages.synthesize.engines import load_engine
from kwsdata.stages.synthesize.gate import cut_to_voice, failure
from kwsdata.stages.synthesize.noises import CORPUS as NOISE_CORPUS
from kwsdata.stages.synthesize.noises import noise_items
from kwsdata.stages.synthesize.partials import half_phrases, partial_phrases
from kwsdata.stages.synthesize.phonemes import sound_count
from kwsdata.stages.synthesize.plan import CORPUS, Line, plan_engine
from kwsdata.stages.synthesize.pronounce import is_english, sounds_in
from kwsdata.stages.synthesize.render import Batch, batches_of, read_speech, speak_missing
from kwsdata.stages.synthesize.sayable import check_sayable
from kwsdata.stages.synthesize.transcripts import check_installed, explain_mismatch, transcripts

SPEECH = CorpusInfo(
    name=CORPUS,
    kind="synthesize",
    role="speech",
    licence=MADE_HERE,
    citation="Spoken by kwsdata's speech engines: Kokoro-82M (hexgrad), eSpeak NG, Piper.",
    source="the keyword's text",
    speakers="known",
    synthetic=True,
)
NOISE = CorpusInfo(
    name=NOISE_CORPUS,
    kind="synthesize",
    role="noise",
    licence=MADE_HERE,
    citation="Computed by kwsdata.",
    source="arithmetic",
    speakers="known",
    synthetic=True,
)


def run(params: Params, out: Path = Path("data/synthetic")) -> dict[str, Any]:
    """Make the synthetic corpora under `out`; what is in the cache is not spoken again.

    Returns:
        Counts by engine, kind and partition, and hours by partition.

    Raises:
        ParamsError: an engine is unknown, speaks no voice of the keyword's language, or cannot say the keyword.
        MissingExtraError: an engine's package is not installed.
        CorpusError: too many clips failed the gate.
    """
    settings = params.synthesize
    out.mkdir(parents=True, exist_ok=True)
    summary: dict[str, Any] = {"speech": _speak(params, out)} if settings.engines else {}
    if settings.noises.clips:
        noise = write_corpus(
            out / "noise",
            NOISE,
            ahead(noise_items(settings.noises.clips, settings.noises.duration_s, settings.seed, params.partitions)),
            settings.clips_per_shard,
            params.import_.max_reject_fraction,
        )
        summary["noise"] = {"clips": noise["clips"], "hours": noise["hours"]}
    return summary


def _speak(params: Params, out: Path) -> dict[str, Any]:
    """Write the corpus of everything that is spoken, and the list of confusable phrases; return the counts."""
    settings = params.synthesize
    check_sayable(params.keyword)
    confusables = confusable_phrases(
        params.keyword.text, params.keyword.language, settings.confusable_words, settings.max_phoneme_distance
    )
    partials = [
        *partial_phrases(params.keyword.text, params.keyword.language),
        *half_phrases(params.keyword.text, params.keyword.language, settings.half_phrases),
    ]
    lines, batches = _plan(params, confusables, partials)
    if settings.gate.transcript:
        check_installed()
    speak_missing(batches, params.executor)
    write_json(out / "confusables.json", _readable(params, confusables, partials))
    tally = _Tally(params)
    speech = write_corpus(
        out / "speech",
        SPEECH,
        ahead(tally.count(_items(params, lines, batches, _misheard(params, lines, batches)))),
        settings.clips_per_shard,
        params.import_.max_reject_fraction,
    )
    return tally.summary() | {"hours": speech["hours"], "rejects": speech["rejects"]}


def _plan(params: Params, confusables: list[Confusable], partials: list[Confusable]) -> tuple[list[Line], list[Batch]]:
    lines: list[Line] = []
    batches: list[Batch] = []
    for name in params.synthesize.engines:
        paths = tuple(params.synthesize.piper.voices) if name == "piper" else ()
        voices = load_engine(name, paths).voices(params.keyword.language)
        if not voices:
            raise ParamsError(
                f"the engine {name!r} does not speak keyword.language = {params.keyword.language!r}: "
                "take it out of synthesize.engines."
            )
        planned = plan_engine(params, name, voices, confusables, partials)
        for kinds in (("keyword",), ("confusable", "partial"), ("sentence",)):
            some = [line for line in planned if line.kind in kinds]
            lines += some
            batches += batches_of(name, paths, [line.request for line in some])
    return lines, batches


def _misheard(params: Params, lines: list[Line], batches: list[Batch]) -> dict[str, str]:
    """Return {key: reason} of the keyword clips that a recogniser does not understand; empty if it is not asked."""
    gate = params.synthesize.gate
    if not gate.transcript:
        return {}
    wanted = [line for line in lines if line.kind == "keyword"]
    asked = {line.request for line in wanted}
    texts = transcripts([batch for batch in batches if batch.requests[0] in asked], params.executor)
    reasons = {
        line.key: explain_mismatch(text, params.keyword.text, params.keyword.language, gate.max_transcript_distance)
        for line, text in zip(wanted, texts, strict=True)
    }
    return {key: reason for key, reason in reasons.items() if reason}


def _items(
    params: Params, lines: list[Line], batches: list[Batch], misheard: dict[str, str]
) -> Iterator[Item | Reject]:
    waves = (wave for batch in batches for wave in read_speech(batch))
    for line, wave in zip(lines, waves, strict=True):
        voiced = cut_to_voice(wave, params.synthesize.gate)
        sounds = _sounds(line, params.keyword.language)
        reason = failure(voiced.wave, voiced.span, sounds, params.synthesize.gate) or misheard.get(line.key)
        if reason:
            yield Reject(line.key, reason)
            continue
        yield Item(
            key=line.key,
            wave=voiced.wave,
            text=line.says,
            speaker=line.voice.speaker,
            language=line.request.accent,
            gender=line.voice.gender,
            span=voiced.span,
            fields=ClipFields(
                synthetic=True,
                engine=line.request.engine,
                kind=line.kind,
                role="keyword" if line.kind == "keyword" else "speech",
                request=asdict(line.request),
            ),
        )


def _sounds(line: Line, language: str) -> int:
    """Return how many sounds a line is to be, for a keyword in `language`.

    English is counted by the dictionary, whoever speaks it; other lines by what eSpeak reads, which may be letter by
    letter: general sentences are English words for any keyword.
    """
    if line.request.phonemes:
        return sound_count(line.request.phonemes)
    return sounds_in(line.says, language if is_english(language) else line.request.accent)


class _Tally:
    """Counts items on their way into the corpus."""

    def __init__(self, params: Params) -> None:
        self.partitions = params.partitions
        self.clips: Counter[tuple[str, str, str]] = Counter()
        self.samples: Counter[tuple[str, str]] = Counter()

    def count(self, items: Iterator[Item | Reject]) -> Iterator[Item | Reject]:
        for item in items:
            if isinstance(item, Item):
                partition = partition_of(f"{CORPUS}:{item.speaker}", self.partitions)
                engine, kind = str(item.told.engine), str(item.told.kind)
                self.clips[engine, kind, partition] += 1
                self.samples[kind, partition] += item.wave.size
            yield item

    def summary(self) -> dict[str, Any]:
        clips: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        hours: dict[str, dict[str, float]] = defaultdict(dict)
        for (engine, kind, partition), count in sorted(self.clips.items()):
            clips[engine][kind][partition] = count
        for (kind, partition), samples in sorted(self.samples.items()):
            hours[kind][partition] = round(samples / SAMPLE_RATE / 3600, 3)
        return {"clips": {engine: dict(kinds) for engine, kinds in clips.items()}, "hours_by_kind": dict(hours)}


def _readable(params: Params, confusables: list[Confusable], partials: list[Confusable]) -> dict[str, Any]:
    return {
        "keyword": params.keyword.text,
        "language": params.keyword.language,
        "confusables": [asdict(phrase) for phrase in confusables],
        "partials": [asdict(phrase) for phrase in partials],
    }
