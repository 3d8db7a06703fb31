"""Read an untrusted Lhotse Shar directory without unpacking its tars."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lhotse import MonoCut, MultiCut, Recording

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError
from kwsdata.files.bounded_json import LONGEST_LINE, parse_json
from kwsdata.files.tar_members import tar_members
from kwsdata.importers.declaration import Options
from kwsdata.importers.lhotse_items import item_of
from kwsdata.importers.lhotse_rows import Judge, Row, rows_of
from kwsdata.importers.lhotse_sound import Member


def shar_cuts(directory: Path, options: Options) -> Iterator[tuple[Any, Member] | Reject]:
    """Yield each cut of a Shar directory with the place of its sound, or a reject.

    Raises:
        CorpusError: it is no Shar directory, a file of it is missing or damaged, or its rows need the user's consent.
    """
    tables = sorted(table for table in directory.glob("cuts.*.jsonl*") if table.is_file())  # a pipe would be waited for
    if not tables:
        raise CorpusError(f"{directory} holds no cuts.*.jsonl.gz, so it is not a Lhotse Shar directory.")
    judge = Judge(directory, options)
    for table in tables:
        tar = directory / f"recording.{table.name.split('.')[1]}.tar"
        if not tar.is_file():
            raise CorpusError(f"{tar} is missing: {table.name} needs it.")
        members, recordings = _index(tar, judge)
        for row in rows_of(table):
            if isinstance(row, Reject):
                yield row
                continue
            cut = item_of(row, judge, in_shar=True)
            if isinstance(cut, Reject):
                yield cut
            elif not isinstance(cut, MonoCut | MultiCut):
                yield Reject(row.place, f"a {type(cut).__name__}, whose sound is in no Shar")
            elif cut.id not in members:
                yield Reject(cut.id, f"missing ({tar.name} does not hold it)")
            elif isinstance(recording := recordings.get(cut.id, "it lacks the .json of the cut"), str):
                yield Reject(cut.id, f"malformed ({tar.name}: {recording})")
            else:
                cut.recording = recording
                yield cut, members[cut.id]


def _index(tar: Path, judge: Judge) -> tuple[dict[str, Member], dict[str, Recording | str]]:
    """Return where each sound of a Shar tar lies, and its recording manifest or what is wrong with it."""
    members: dict[str, Member] = {}
    recordings: dict[str, Recording | str] = {}
    try:
        with tar.open("rb") as file:
            for archive, info in tar_members(file):
                cut_id, _, suffix = info.name.rpartition(".")
                if suffix == "json":
                    recordings[cut_id] = _recording(archive, info, judge)
                elif info.isreg() and suffix not in ("nodata", "nometa"):
                    members[cut_id] = Member(tar, info.offset_data, info.size)
    except CorpusError:
        raise
    except Exception as error:  # of a damaged tar tarfile raises nearly anything
        raise CorpusError(f"{tar} is damaged ({type(error).__name__}: {error}): fetch it again.") from None
    return members, recordings


def _recording(archive: tarfile.TarFile, info: tarfile.TarInfo, judge: Judge) -> Recording | str:
    if not info.isreg() or info.size > LONGEST_LINE:
        return f"{info.name} is no file of at most {LONGEST_LINE >> 20} MiB"
    data = archive.extractfile(info)
    assert data is not None  # a regular file's is not
    try:
        values = parse_json(data.read(), unique_keys=True)
    except ValueError as error:
        return f"{info.name}: {error}"
    if not isinstance(values, dict) or "sources" not in values:
        return f"{info.name} is no recording"
    recording = item_of(Row(info.name, values), judge, in_shar=True)
    if isinstance(recording, Reject):
        return f"{info.name}: {recording.reason}"
    if not isinstance(recording, Recording) or len(recording.sources) != 1:
        return f"{info.name} is no recording of one source"
    return recording
