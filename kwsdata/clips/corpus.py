"""Write and read a corpus: a declaration (licence, citation, role) and a directory of shards.

data/corpora/NAME/corpus.json           what it is (CorpusInfo) and what is in it (counts)
data/corpora/NAME/rejects.json          what was left out, and why
data/corpora/NAME/shar/                 the sound and the cuts: recording.*.tar + cuts.*.jsonl.gz (kwsdata.clips.shards)
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.fields import ClipFields, Pairs
from kwsdata.clips.manifests import audio_sha256, make_cut, read_cuts, safe_id, with_fields, write_cuts
from kwsdata.clips.partitions import person_in
from kwsdata.clips.shards import SHAR, Clip, Encoded, write_shards
from kwsdata.clips.view import ClipView, Fields
from kwsdata.errors import CorpusError
from kwsdata.files.atomic import atomic_path, read_json, write_json
from kwsdata.files.scratch import list_visible

Role = Literal["keyword", "speech", "noise", "rir"]

ROOTS = (Path("data/corpora"), Path("data/synthetic"))  # where corpora lie: imported ones, and those made here

MADE_HERE = "Apache-2.0"  # the licence of sound that is made here, but for what the makers of a voice ask
MAX_SHARD_SAMPLES = 3600 * SAMPLE_RATE  # a shard also ends after an hour of sound


@dataclass(frozen=True)
class CorpusInfo:
    """What a corpus declares about itself.

    `speakers`: "known" (each clip names its speaker, or its source for noise) or "unknown" (then the whole corpus
    goes into the one partition that `split.whole` names). `licence_override`: {"reason", "replaced": {licence: clips}}
    where `licence` is milder than what clips said of themselves. `speaker_namespace`: speakers of one name are one
    person in all corpora that have it; None: in this corpus alone.
    """

    name: str
    kind: str
    role: Role
    licence: str
    citation: str
    source: str
    speakers: Literal["known", "unknown"]
    synthetic: bool = False
    licence_override: dict[str, Any] | None = None
    speaker_namespace: str | None = None

    def row(self) -> dict[str, Any]:
        """Return what corpus.json holds of it."""
        optional = ("licence_override", "speaker_namespace")
        return {key: value for key, value in asdict(self).items() if value is not None or key not in optional}


@dataclass(frozen=True)
class Item:
    """One sound on its way into a corpus: `wave` float32 [samples] at 16 kHz, or FLAC; `key` is unique there."""

    key: str
    wave: Waveform | Encoded
    text: str | None = None
    speaker: str | None = None
    language: str | None = None
    gender: str | None = None
    span: tuple[int, int] | None = None  # [start, end) in samples of what `text` says
    fields: ClipFields = field(default_factory=ClipFields)

    @property
    def told(self) -> Fields:
        """Its fields, to read."""
        return Fields(self.key, self.fields)

    @property
    def samples(self) -> int:
        """How long it is, at 16 kHz."""
        return self.wave.samples if isinstance(self.wave, Encoded) else self.wave.size

    @property
    def sha256(self) -> str:
        """The hash of its samples as int16."""
        return self.wave.sha256 if isinstance(self.wave, Encoded) else audio_sha256(self.wave)


@dataclass(frozen=True)
class Reject:
    """One sound that was left out: what it was and why, in words."""

    key: str
    reason: str


def write_corpus(
    directory: Path, info: CorpusInfo, items: Iterable[Item | Reject], clips_per_shard: int, max_reject_fraction: float
) -> dict[str, Any]:
    """Write `items` (in the order given: sort by key for stable shards) as the corpus `directory`, atomically.

    Byte-identical sounds are kept once, with the licences of all; the later ones become rejects. Each item is written
    before the next one is asked for, so that none is held.

    Returns:
        The contents of `corpus.json`.

    Raises:
        CorpusError: no usable clip, a repeated key, or more than `max_reject_fraction` of the items rejected. The
            rejects of a failed import are in `DIRECTORY.rejects.json`.
    """
    tally = _Tally(info)
    bits = 24 if info.role == "rir" else 16
    with atomic_path(directory) as scratch:
        (scratch / SHAR).mkdir(parents=True)
        count = write_shards(scratch / SHAR, tally.clips(items), clips_per_shard, bits, MAX_SHARD_SAMPLES)
        _credit_doubles(scratch / SHAR, info, tally.doubles)
        reject_rows = [asdict(reject) for reject in tally.rejects]
        _check_rejects(directory, info, count, reject_rows, max_reject_fraction)
        summary = info.row() | {
            "clips": count,
            "hours": round(tally.samples / SAMPLE_RATE / 3600, 4),
            "speaker_count": len(tally.speakers),
            "rejects": len(reject_rows),
            "most_common_texts": dict(tally.texts.most_common(10)) if info.role == "keyword" else {},
        }
        write_json(scratch / "rejects.json", reject_rows)
        write_json(scratch / "corpus.json", summary)
    return summary


class _Tally:
    """What a corpus holds, counted as its items go by."""

    def __init__(self, info: CorpusInfo) -> None:
        self._info = info
        self.rejects: list[Reject] = []
        self.doubles: dict[str, list[Fields]] = defaultdict(list)  # of those whose sound came before
        self.speakers: set[str] = set()
        self.texts: Counter[str] = Counter()
        self.samples = 0

    def clips(self, items: Iterable[Item | Reject]) -> Iterator[Clip]:
        """Yield a clip for each item whose sound did not come before."""
        seen_audio: dict[str, str] = {}
        seen_keys: set[str] = set()
        for item in items:
            if isinstance(item, Reject):
                self.rejects.append(item)
                continue
            if item.key in seen_keys:
                raise CorpusError(f"corpus {self._info.name}: the key {item.key!r} occurs twice; keys must be unique.")
            seen_keys.add(item.key)
            sha = item.sha256
            if sha in seen_audio:
                self.rejects.append(Reject(_called(item), f"same sound as {seen_audio[sha]}"))
                self.doubles[sha].append(item.told)
                continue
            seen_audio[sha] = _called(item)
            self.samples += item.samples
            self.texts[item.text or ""] += 1
            if item.speaker is not None:
                self.speakers.add(item.speaker)
            yield Clip(_cut_of(self._info, item, sha), item.wave)


def _called(item: Item) -> str:
    """Return what a person knows an item by: the file or row that it came from."""
    channel, origin = item.told.channel, item.told.origin or item.key
    return f"{origin} channel {channel}" if channel and item.key.endswith(f"-ch{channel}") else origin


def _cut_of(info: CorpusInfo, item: Item, sha: str) -> Any:
    speaker = f"{info.name}:{item.speaker}" if item.speaker is not None else None
    declared = ClipFields(corpus=info.name, licence=info.licence, role=info.role, audio_sha256=sha)
    fields = declared | item.fields
    if info.speaker_namespace is not None and item.speaker is not None:
        fields |= ClipFields(person=person_in(info.speaker_namespace, item.speaker))
    return make_cut(
        safe_id(f"{info.name}-{item.key}"),
        item.samples,
        text=item.text,
        speaker=speaker,
        language=item.language,
        gender=item.gender,
        span=item.span,
        custom=fields,
    )


def _credit_doubles(shar: Path, info: CorpusInfo, doubles: Mapping[str, list[Fields]]) -> None:
    """Let clips that were found twice have the licences and the sources of both, where these are not the same."""
    for path in sorted(shar.glob("cuts.*.jsonl.gz")) if doubles else ():
        cuts = list(read_cuts(path))
        clips = map(ClipView, cuts)
        every = [_credited(info, clip, doubles.get(clip.audio_sha256, ())) for clip in clips]
        if any(every):
            write_cuts(path, (with_fields(cut, **fields) for cut, fields in zip(cuts, every, strict=True)))


def _credited(info: CorpusInfo, clip: Fields, others: Iterable[Fields]) -> ClipFields:
    """Return the fields of a clip that must be others, as `others` have the same sound."""
    licences, credits, sources = zip(*(_said(info, one) for one in (clip, *others)), strict=True)
    if all(len(set(map(str, every))) == 1 for every in (licences, credits, sources)):
        return {}
    return ClipFields(
        licence=" AND ".join(dict.fromkeys(licences)),
        credits=_each_once(credits),
        sources=_each_once(sources) or None,
    )


def _said(info: CorpusInfo, clip: Fields) -> tuple[str, Pairs, Pairs]:
    licence = clip.licence or info.licence
    return licence, clip.credits or [[info.name, licence]], clip.sources or []


def _each_once(lists: Iterable[Pairs]) -> list[list[str]]:
    return [list(pair) for pair in dict.fromkeys((first, second) for pairs in lists for first, second in pairs)]


def _check_rejects(directory: Path, info: CorpusInfo, kept: int, rejects: list[dict[str, str]], limit: float) -> None:
    total = kept + len(rejects)
    report = directory.with_name(f"{directory.name}.rejects.json")
    if total == 0:
        raise CorpusError(
            f"corpus {info.name}: no sound was found; check the path and `kwsdata import {info.kind} --help`."
        )
    if kept == 0 or len(rejects) / total > limit:
        write_json(report, rejects)
        why = Counter(row["reason"].split(":")[0].split(" (")[0] for row in rejects).most_common(3)
        raise CorpusError(
            f"corpus {info.name}: {len(rejects)} of {total} sounds rejected, over the limit "
            f"import.max_reject_fraction = {limit:g} (most common: {why}). The first is {rejects[0]['key']}: "
            f"{rejects[0]['reason']}. They are listed in {report}; mend them or raise the limit in params.yaml."
        )
    report.unlink(missing_ok=True)


def corpus_dirs(root: Path) -> Iterator[Path]:
    """Yield the corpus directories below `root`, sorted by name."""
    for path in list_visible(Path(root), "*/corpus.json"):
        yield path.parent


def read_info(directory: Path) -> CorpusInfo:
    """Return what the corpus in `directory` declares.

    Raises:
        StageInputError: `corpus.json` is missing or damaged.
    """
    summary = read_json(directory / "corpus.json")
    return CorpusInfo(**{key: summary[key] for key in CorpusInfo.__dataclass_fields__ if key in summary})
