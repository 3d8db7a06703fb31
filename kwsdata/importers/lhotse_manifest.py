"""What Lhotse already knows: a manifest of cuts or recordings, or a Shar directory.

    cuts.jsonl.gz                 each cut is a clip
    recordings.jsonl.gz           each recording is a clip; `supervisions.jsonl.gz` beside it is used if it is there
    DIRECTORY                     Lhotse Shar: cuts.000000.jsonl.gz + recording.000000.tar, ...

A cut with several supervisions becomes one clip a supervision; with one, the supervision's text, speaker, language and
gender are kept, with its span. Recordings that a manifest names by a relative path are looked for from the current
directory, then from the manifest's.
"""

import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import CutSet, Recording, RecordingSet, SupervisionSet, load_manifest
from lhotse.audio.utils import AudioLoadingError, DurationMismatchError
from lhotse.utils import fastcopy

from kwsdata.corpus import Reject
from kwsdata.errors import AudioError, CorpusError
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.source import Source, normal_gender


@dataclass(frozen=True)
class Member:
    """The bytes of one sound in an uncompressed tar."""

    tar: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Return the bytes."""
        with self.tar.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass(frozen=True)
class CutSound:
    """The sound of a Lhotse cut; `member` holds the bytes of a Shar's."""

    cut: Any
    member: Member | None = None

    def load(self) -> tuple[np.ndarray, int]:
        """Let Lhotse decode it: [samples, channels] at the cut's own rate."""
        cut = self.cut
        try:
            if self.member is not None:
                recording = Recording.from_dict(cut.recording.to_dict())
                recording.sources[0].type, recording.sources[0].source = "memory", self.member.read()
                cut = fastcopy(cut, recording=recording)
            waves = cut.load_audio()
        except (AudioLoadingError, DurationMismatchError, OSError, RuntimeError, ValueError, AssertionError) as error:
            raise AudioError(f"cannot be decoded (Lhotse: {type(error).__name__})") from None
        if waves is None:
            raise AudioError("cannot be decoded (the cut has no recording)")
        return np.atleast_2d(waves).T.astype(np.float32), int(cut.sampling_rate)


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield the cuts of a manifest or a Shar directory."""
    cuts = _shar(path) if path.is_dir() else ((cut, None) for cut in _manifest(path))
    for cut, member in cuts:
        if isinstance(cut, Reject):
            yield cut
            continue
        if len(cut.supervisions) <= 1:
            source = _source(cut.id, cut, member)
            room = cut.recording.id if options.role == "rir" and cut.has_recording else None
            yield replace(source, speaker=source.speaker or room)  # cuts of one recording, as of its channels: one room
            continue
        for part in cut.trim_to_supervisions(keep_overlapping=False):
            yield _source(f"{cut.id}/{part.supervisions[0].id}", part, member)


def _source(key: str, cut: Any, member: Member | None) -> Source:
    sound = CutSound(cut, member)
    if not cut.supervisions:
        return Source(key, sound)
    told = cut.supervisions[0]
    span = (max(told.start, 0.0), min(told.end, cut.duration))
    whole = span[0] <= 0 and span[1] >= cut.duration
    return Source(
        key, sound, told.text, told.speaker, told.language, normal_gender(told.gender), None if whole else span
    )


def _manifest(path: Path) -> Iterable[Any]:
    try:
        manifest = load_manifest(path)
    except (ValueError, KeyError, TypeError, OSError, EOFError, AssertionError) as error:
        raise CorpusError(f"{path} is not a manifest that Lhotse reads ({error!r}).") from None
    if isinstance(manifest, RecordingSet):
        beside = path.with_name(path.name.replace("recordings", "supervisions"))
        told = load_manifest(beside) if beside != path and beside.is_file() else SupervisionSet([])
        manifest = CutSet.from_manifests(recordings=manifest, supervisions=told)
    if not isinstance(manifest, CutSet):
        raise CorpusError(f"{path} holds a {type(manifest).__name__}; a CutSet or a RecordingSet is needed.")
    return (_found(cut, path.parent) for cut in manifest)


def _found(cut: Any, directory: Path) -> Any:
    """Return `cut` with the manifest's directory before its relative paths, where that is where the files are."""
    sources = cut.recording.sources if getattr(cut, "has_recording", False) and hasattr(cut, "recording") else ()
    files = [Path(source.source) for source in sources if source.type == "file"]
    if any(not file.exists() for file in files) and all((directory / file).exists() for file in files):
        return cut.with_recording_path_prefix(directory)
    return cut


def _shar(directory: Path) -> Iterator[tuple[Any, Member | None]]:
    tables = sorted(directory.glob("cuts.*.jsonl*"))
    if not tables:
        raise CorpusError(f"{directory} holds no cuts.*.jsonl.gz, so it is not a Lhotse Shar directory.")
    for table in tables:
        tar = directory / f"recording.{table.name.split('.')[1]}.tar"
        if not tar.is_file():
            raise CorpusError(f"{tar} is missing: {table.name} needs it.")
        try:
            members, recordings = _index(tar)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise CorpusError(f"{tar} is damaged ({error}): fetch it again.") from None
        for cut in load_manifest(table):
            if cut.id not in members:
                yield Reject(cut.id, f"missing ({tar.name} does not hold it)"), None
                continue
            cut.recording = recordings[cut.id]
            yield cut, members[cut.id]


def _index(tar: Path) -> tuple[dict[str, Member], dict[str, Recording]]:
    """Return where each sound of a Shar tar lies, and its recording manifest; no sound is read."""
    members, recordings = {}, {}
    with tarfile.open(tar, "r:") as archive:
        for info in archive:
            cut_id, _, suffix = info.name.rpartition(".")
            if suffix == "json":
                recordings[cut_id] = Recording.from_dict(json.load(archive.extractfile(info)))  # type: ignore[arg-type]
            elif suffix not in ("nodata", "nometa"):
                members[cut_id] = Member(tar, info.offset_data, info.size)
    return members, recordings


IMPORTER = Importer(
    kind="lhotse",
    roles=("keyword", "speech", "noise", "rir"),
    role_needed=True,
    speakers="the supervision's speaker; else unknown (keyword, speech), the cut itself (noise) or its recording (rir)",
    layout="a manifest (cuts or recordings, .jsonl or .jsonl.gz) or a Shar directory",
    read=read,
    options=frozenset({"language"}),
)
