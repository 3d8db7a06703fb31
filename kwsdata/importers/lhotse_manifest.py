"""Import a Lhotse manifest of cuts or recordings, or a Shar directory.

    cuts.jsonl.gz                 each cut is a clip
    recordings.jsonl.gz           each recording is a clip; `supervisions.jsonl.gz` beside it is used if it is there
    DIRECTORY                     Lhotse Shar: cuts.000000.jsonl.gz + recording.000000.tar, ...

A cut with several supervisions becomes one clip a supervision; with one, the supervision's text, speaker, language and
gender are kept, with its span. Of a cut with several channels those are taken that the supervision is of.

Recordings that a manifest names by a relative path are looked for from the manifest's directory, then from the current
one.

A manifest may name files below its own directory. Files elsewhere, URLs, and commands that a shell would run are
refused unless `--allow-outside`, `--allow-urls` or `--allow-commands` is given.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lhotse import CutSet, MultiCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from lhotse.cut import Cut, MixedCut
from lhotse.utils import fastcopy

from kwsdata.clips.corpus import Reject
from kwsdata.clips.fields import fields_in
from kwsdata.errors import CorpusError
from kwsdata.files.named_paths import quote
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.lhotse_items import item_of
from kwsdata.importers.lhotse_rows import Judge, Row, rows_of
from kwsdata.importers.lhotse_shar import shar_cuts
from kwsdata.importers.lhotse_sound import CutSound, Member
from kwsdata.importers.source import Source, normal_gender
from kwsdata.importers.terms import Terms, terms_of, together

LOG = logging.getLogger(__name__)

Entry = tuple[Any, Member | None] | Reject


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield the cuts of a manifest or a Shar directory."""
    entries: Iterable[Entry] = shar_cuts(path, options) if path.is_dir() else _manifest(path, options)
    for entry in entries:
        if isinstance(entry, Reject):
            yield entry
            continue
        cut, member = entry
        if len(cut.supervisions) > 1:
            yield from _parts(cut, member, options)
        elif options.role == "rir":
            source = _source(cut.id, cut, member, options)
            room = cut.recording.id if cut.has_recording else None  # cuts of one recording, as of its channels
            yield replace(source, speaker=source.speaker or room) if isinstance(source, Source) else source
        else:
            yield _told(cut.id, cut, member, options)


def _parts(cut: Any, member: Member | None, options: Options) -> Iterator[Source | Reject]:
    """Yield one source for each supervision of a cut."""
    try:
        parts = list(cut.trim_to_supervisions(keep_overlapping=False, keep_all_channels=True))
    except Exception as error:  # Lhotse's exceptions share no base
        yield Reject(cut.id, f"malformed ({type(error).__name__}: {quote(str(error))})")
        return
    for part in parts:
        yield _told(f"{cut.id}/{part.supervisions[0].id}", part, member, options)


def _told(key: str, cut: Any, member: Member | None, options: Options) -> Source | Reject:
    """Return the channels of a cut that its one supervision is of, if it has one: the others say something else."""
    if isinstance(cut, MultiCut) and cut.supervisions:
        there, told = (
            [channels] if isinstance(channels, int) else list(channels)
            for channels in (cut.channel, cut.supervisions[0].channel)
        )
        channels = [channel for channel in told if channel in there]
        if not channels:
            return Reject(key, f"no such channel (its supervision is of {told}, the cut has {there})")
        cut = fastcopy(cut, channel=channels)
    return _source(key, cut, member, options)


def _source(key: str, cut: Any, member: Member | None, options: Options) -> Source | Reject:
    try:
        terms = _terms(cut)
    except ValueError as error:
        return Reject(key, f"malformed ({error})")
    sound = CutSound(cut, member, options.download)
    if not cut.supervisions:
        return Source(key, sound, terms=terms)
    told = cut.supervisions[0]
    span = (max(told.start, 0.0), min(told.end, cut.duration))
    whole = span[0] <= 0 and span[1] >= cut.duration
    words = (told.text, told.speaker, told.language, normal_gender(told.gender))
    return Source(key, sound, *words, span_s=None if whole else span, terms=terms)


def _terms(cut: Any) -> Terms:
    """Return what a cut says of its licence: it, the cuts that it is mixed of, or what is said in it."""
    cuts = [track.cut for track in cut.tracks] if isinstance(cut, MixedCut) else [cut]
    return together(terms_of(fields_in(one)) for one in (*cuts, *cut.supervisions))


def _manifest(path: Path, options: Options) -> Iterator[Entry]:
    judge = Judge(path.parent, options)
    recordings: dict[str, Recording] = {}
    for item, place in _items(path, judge):
        if isinstance(item, Reject):
            yield item
        elif isinstance(item, Cut):
            yield item, None
        elif not isinstance(item, Recording):
            raise CorpusError(f"{path} holds a {type(item).__name__} ({place}); cuts or recordings are needed.")
        elif recordings.setdefault(item.id, item) is not item:
            yield Reject(place, f"listed twice ({quote(item.id)} has a recording before)")
    if recordings:
        yield from _with_supervisions(path, recordings, judge)


def _with_supervisions(path: Path, recordings: dict[str, Recording], judge: Judge) -> Iterator[Entry]:
    """Yield each recording as a cut, with what the manifest of supervisions beside it says of it."""
    told: dict[str, SupervisionSegment] = {}
    lost = 0
    beside = path.with_name(path.name.replace("recordings", "supervisions"))
    for item, place in _items(beside, judge) if beside != path and beside.is_file() else ():
        if isinstance(item, Reject):
            yield item
        elif not isinstance(item, SupervisionSegment):
            raise CorpusError(f"{beside} holds a {type(item).__name__} ({place}); supervisions are needed.")
        elif item.recording_id not in recordings:
            lost += 1
        elif told.setdefault(item.id, item) is not item:
            yield Reject(place, f"listed twice ({quote(item.id)} has a supervision before)")
    if lost:
        LOG.warning("%d supervisions of %s are of recordings that %s does not hold.", lost, beside.name, path.name)
    try:
        cuts = CutSet.from_manifests(
            recordings=RecordingSet.from_recordings(recordings.values()),
            supervisions=SupervisionSet.from_segments(told.values()),
        )
        entries = [(cut, None) for cut in cuts]
    except Exception as error:  # Lhotse's exceptions share no base
        raise CorpusError(f"{path}: {type(error).__name__}: {quote(str(error))}: mend the manifest.") from error
    yield from entries


def _items(path: Path, judge: Judge) -> Iterator[tuple[Any, str]]:
    """Yield (item or reject, place) of each row."""
    for row in rows_of(path):
        yield (item_of(row, judge), row.place) if isinstance(row, Row) else (row, row.key)


IMPORTER = Importer(
    kind="lhotse",
    roles=("keyword", "speech", "noise", "rir"),
    role_needed=True,
    speakers="the supervision's speaker; else unknown (keyword, speech), the cut itself (noise) or its recording (rir)",
    layout="a manifest (cuts or recordings, .jsonl or .jsonl.gz) or a Shar directory",
    read=read,
    options=frozenset({"language", "allow_outside", "allow_urls", "allow_commands"}),
)
