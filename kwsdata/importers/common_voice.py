"""Mozilla Common Voice: read sentences by volunteers, MP3, more than a hundred languages.

    PATH/en/clips/common_voice_en_NNN.mp3
    PATH/en/validated.tsv                  client_id, path, sentence, gender, locale, ...

PATH is one language's folder or the release's. `validated.tsv` is read, or train.tsv, dev.tsv and test.tsv together
where it is missing: their split is not ours. Checksums are shown on the download page, one a release and language, and
are not kept here.

Lhotse's recipe is not used: it asks for the columns `accents` and `variant` that older releases lack, leaves out
missing clips without a word, and stops at a damaged one.
"""

from collections.abc import Iterator
from pathlib import Path

from kwsdata.corpus import Reject
from kwsdata.errors import CorpusError
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.source import FileSound, Source, normal_gender
from kwsdata.importers.tables import rows_of


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield the clips that each language's tables list, each once."""
    folders = [folder for folder in (path, *sorted(path.glob("*"))) if (folder / "clips").is_dir()]
    folders += [folder for folder in sorted(path.glob("cv-corpus-*/*")) if (folder / "clips").is_dir()]
    if not folders:
        raise CorpusError(f"neither {path} nor a folder in it holds `clips`: the layout is LANG/clips/*.mp3.")
    for folder in folders:
        tables = [folder / "validated.tsv"]
        if not tables[0].is_file():
            tables = [table for part in ("train", "dev", "test") if (table := folder / f"{part}.tsv").is_file()]
        if not tables:
            raise CorpusError(f"{folder} holds neither validated.tsv nor train.tsv, dev.tsv or test.tsv.")
        seen: set[str] = set()
        for table in tables:
            for source in _rows(folder, table):
                if source.key not in seen:
                    seen.add(source.key)
                    yield source


def _rows(folder: Path, table: Path) -> Iterator[Source]:
    for _, row in rows_of(table, ("client_id", "path", "sentence"), tabs=True):
        name = row["path"] if Path(row["path"]).suffix else f"{row['path']}.mp3"  # early releases left it out
        language = row.get("locale") or folder.resolve().name
        yield Source(
            f"{language}/{name}",
            FileSound(folder / "clips" / name),
            text=row["sentence"],
            speaker=row["client_id"] or None,
            language=language,
            gender=normal_gender(row.get("gender")),
        )


IMPORTER = Importer(
    kind="common-voice",
    roles=("speech", "keyword"),
    licence="CC0-1.0",
    citation='R. Ardila et al., "Common Voice: A Massively-Multilingual Speech Corpus", LREC 2020.',
    source="https://commonvoice.mozilla.org/datasets",
    speakers="client_id in the table",
    layout="LANG/clips/*.mp3 and LANG/validated.tsv",
    read=read,
)
