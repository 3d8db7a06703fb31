"""Mozilla Common Voice: read sentences by volunteers, MP3, more than a hundred languages.

    PATH/en/clips/common_voice_en_NNN.mp3
    PATH/en/validated.tsv                  client_id, path, sentence, gender, locale, ...

PATH is one language's folder or the release's. `validated.tsv` is read, or train.tsv, dev.tsv and test.tsv together
where it is missing: their split is not ours. Checksums are shown on the download page, one a release and language, and
are not kept here.

`--column text=NAME` (path, text, speaker, language, gender) reads tables whose columns have other names.

Lhotse's recipe is not used: it asks for the columns `accents` and `variant` that older releases lack, leaves out
missing clips without a word, and stops at a damaged one.
"""

from collections.abc import Iterator
from pathlib import Path

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError
from kwsdata.files.named_paths import NamedFiles
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.source import Source, normal_gender
from kwsdata.importers.tables import check_columns, rows_of, source_of

_COLUMNS = {"path": "path", "text": "sentence", "speaker": "client_id", "language": "locale", "gender": "gender"}


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield the clips that each language's tables list, each once."""
    check_columns(options.columns, tuple(_COLUMNS))
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
        listed: dict[str, int] = {}
        for table in tables:
            yield from _rows(folder, table, options, listed)


def _rows(folder: Path, table: Path, options: Options, listed: dict[str, int]) -> Iterator[Source | Reject]:
    """Yield the clips of one table that are not in `listed`, which has a hash of what was said of each before."""
    files = NamedFiles(folder / "clips", options.allow_outside)
    names = _COLUMNS | options.columns
    needed = (names["speaker"], names["path"], names["text"], *options.columns.values())
    shown = f"{folder.resolve().name}/{table.name}"
    for row in rows_of(table, needed, tabs=True, name=shown):
        if isinstance(row, Reject):
            yield row
            continue
        told = {what: row.values.get(name, "") for what, name in names.items()}
        name = told["path"]
        if name and not Path(name).suffix:
            name += ".mp3"  # early releases left it out
        language = told["language"] or folder.resolve().name
        key = f"{language}/{name}"
        said = hash((told["speaker"], told["text"]))
        if key in listed:
            if listed[key] != said:
                yield Reject(f"{key} ({shown}:{row.line})", "listed twice (before with another sentence or speaker)")
            continue
        listed[key] = said
        yield source_of(
            files,
            name,
            key,
            text=told["text"],
            speaker=told["speaker"] or None,
            language=language,
            gender=normal_gender(told["gender"]),
        )


IMPORTER = Importer(
    kind="common-voice",
    roles=("speech", "keyword"),
    licence="CC0-1.0",
    citation='R. Ardila et al., "Common Voice: A Massively-Multilingual Speech Corpus", LREC 2020.',
    source="https://commonvoice.mozilla.org/datasets",
    speakers="client_id in the table",
    speaker_namespace="common-voice",
    layout="LANG/clips/*.mp3 and LANG/validated.tsv",
    read=read,
    options=frozenset({"columns", "allow_outside"}),
)
