"""Multilingual Spoken Words Corpus: words cut out of Common Voice by forced alignment, 1 s each, 50 languages.

    PATH/en/clips/WORD/common_voice_en_NNN.opus
    PATH/en/en_splits.csv                         SET,LINK,WORD,VALID,SPEAKER,GENDER

PATH is one language's folder or the folder above several. The CSV lists the corpus: what it does not list is not read,
and rows that it marks as not valid are left out. A clip may have been unpacked as `.wav` instead of `.opus`. Lhotse has
no recipe for this corpus. The source publishes no checksums.
"""

import logging
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError
from kwsdata.files.named_paths import NamedFiles
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.source import FileSound, Source, normal_gender
from kwsdata.importers.tables import rows_of, source_of

LOG = logging.getLogger(__name__)


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield the valid rows of every language's CSV."""
    folders = [folder for folder in (path, *sorted(path.glob("*"))) if (folder / "clips").is_dir()]
    if not folders:
        raise CorpusError(
            f"{path} holds no folder `clips`, nor does a folder in it: the layout is LANG/clips/WORD/*.opus."
        )
    for folder in folders:
        tables = sorted(table for table in folder.glob("*_splits.csv") if table.is_file())
        if len(tables) != 1:
            raise CorpusError(
                f"{folder} holds {len(tables)} files *_splits.csv, one is needed: unpack splits/LANG.tar.gz there."
            )
        language = tables[0].name.removesuffix("_splits.csv")
        yield from _rows(folder, tables[0], language, options)


def _rows(folder: Path, table: Path, language: str, options: Options) -> Iterator[Source | Reject]:
    files = NamedFiles(folder / "clips", options.allow_outside)
    invalid = 0
    for row in rows_of(table, ("LINK", "WORD", "VALID", "SPEAKER", "GENDER")):
        if isinstance(row, Reject):
            yield row
            continue
        told = row.values
        if told["VALID"].lower() != "true":
            invalid += 1
            continue
        yield _clip(
            files,
            told["LINK"],
            f"{language}/{told['LINK']}",
            text=told["WORD"],
            speaker=None if told["SPEAKER"] in ("", "NA") else told["SPEAKER"],
            language=language,
            gender=normal_gender(told["GENDER"]),
        )
    if invalid:
        LOG.warning("%s marks %d clips as not valid; they were left out.", table.name, invalid)


def _clip(files: NamedFiles, link: str, key: str, **told: Any) -> Source | Reject:
    """Return the clip `link`, or the WAV that it was unpacked as, where there is one instead."""
    clip = source_of(files, link, key, **told)
    if _missing(clip):
        wave = source_of(files, str(PurePosixPath(link).with_suffix(".wav")), key, **told)
        if not _missing(wave):
            return wave
    return clip


def _missing(clip: Source | Reject) -> bool:
    return isinstance(clip, Source) and isinstance(clip.sound, FileSound) and not clip.sound.path.exists()


IMPORTER = Importer(
    kind="mswc",
    roles=("keyword", "speech"),
    licence="CC-BY-4.0",
    citation=(
        'M. Mazumder et al., "Multilingual Spoken Words Corpus", NeurIPS Datasets and Benchmarks 2021 '
        "(derived from Mozilla Common Voice)."
    ),
    source="https://mlcommons.org/datasets/multilingual-spoken-words/",
    speakers="SPEAKER in LANG_splits.csv (Common Voice's client id)",
    speaker_namespace="common-voice",
    layout="LANG/clips/WORD/*.opus and LANG/LANG_splits.csv",
    read=read,
    options=frozenset({"allow_outside"}),
)
