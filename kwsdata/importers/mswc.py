"""Multilingual Spoken Words Corpus: words cut out of Common Voice by forced alignment, 1 s each, 50 languages.

    PATH/en/clips/WORD/common_voice_en_NNN.opus
    PATH/en/en_splits.csv                         SET,LINK,WORD,VALID,SPEAKER,GENDER

PATH is one language's folder or the folder above several. The CSV lists the corpus: what it does not list is not read,
and rows that it marks as not valid are left out. A clip may have been unpacked as `.wav` instead of `.opus`. Lhotse has
no recipe for this corpus. The source publishes no checksums.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from kwsdata.corpus import Reject
from kwsdata.errors import CorpusError
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.source import FileSound, Source, normal_gender
from kwsdata.importers.tables import rows_of

LOG = logging.getLogger(__name__)


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield the valid rows of every language's CSV."""
    folders = [folder for folder in (path, *sorted(path.glob("*"))) if (folder / "clips").is_dir()]
    if not folders:
        raise CorpusError(
            f"{path} holds no folder `clips`, nor does a folder in it: the layout is LANG/clips/WORD/*.opus."
        )
    for folder in folders:
        tables = sorted(folder.glob("*_splits.csv"))
        if len(tables) != 1:
            raise CorpusError(
                f"{folder} holds {len(tables)} files *_splits.csv, one is needed: unpack splits/LANG.tar.gz there."
            )
        language = tables[0].name.removesuffix("_splits.csv")
        yield from _rows(folder, tables[0], language)


def _rows(folder: Path, table: Path, language: str) -> Iterator[Source | Reject]:
    invalid = 0
    for _, row in rows_of(table, ("LINK", "WORD", "VALID", "SPEAKER", "GENDER")):
        if row["VALID"].lower() != "true":
            invalid += 1
            continue
        clip = folder / "clips" / row["LINK"]
        if not clip.exists() and clip.with_suffix(".wav").exists():
            clip = clip.with_suffix(".wav")
        yield Source(
            f"{language}/{row['LINK']}",
            FileSound(clip),
            text=row["WORD"],
            speaker=None if row["SPEAKER"] in ("", "NA") else row["SPEAKER"],
            language=language,
            gender=normal_gender(row["GENDER"]),
        )
    if invalid:
        LOG.warning("%s marks %d clips as not valid; they were left out.", table.name, invalid)


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
    layout="LANG/clips/WORD/*.opus and LANG/LANG_splits.csv",
    read=read,
)
