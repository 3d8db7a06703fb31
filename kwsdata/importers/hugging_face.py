"""A Hugging Face dataset: a directory of `save_to_disk`, a directory of Parquet or sound files, or a name on the hub.

PATH is a directory or `OWNER/NAME`, with `:CONFIG` appended where the dataset has several. Sound is taken as the bytes
that the dataset stores and decoded like any other, so neither torchcodec nor ffmpeg is needed. Every split is read:
their split is not ours.

Columns are found by name (text: text, sentence, transcription, transcript, keyword, word, label; speaker: speaker,
speaker_id, client_id; language: language, locale; gender), or given with `--column text=NAME`. A clip's name is its
split and row.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kwsdata.corpus import Reject
from kwsdata.errors import AudioError, CorpusError, MissingExtraError
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.source import Source, normal_gender
from kwsdata.soundfiles.reader import OpenSound, open_sound

try:
    import datasets
except ImportError:
    raise MissingExtraError("datasets", "data", "`kwsdata import hf`") from None

NAMES = {
    "text": ("text", "sentence", "transcription", "transcript", "keyword", "word", "label"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "language": ("language", "locale"),
    "gender": ("gender",),
}


@dataclass(frozen=True)
class RowSound:
    """One row's sound; `rows` is memory-mapped (pickled as file names), with its one column not decoded."""

    rows: Any
    column: str
    row: int

    def open(self) -> AbstractContextManager[OpenSound]:
        """Open the bytes that the row holds, or the file that it names."""
        value = self.rows[self.row][self.column]
        if value is None or not (value["bytes"] or value["path"]):
            raise AudioError("cannot be read (the row holds no sound)")
        return open_sound(value["bytes"] or Path(value["path"]))


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield every row of every split."""
    for split, dataset in _splits(path).items():
        sound = next((name for name, kind in dataset.features.items() if isinstance(kind, datasets.Audio)), None)
        if sound is None:
            raise CorpusError(f"{path}: no column holds sound; it has {dict(dataset.features)}.")
        dataset = dataset.cast_column(sound, datasets.Audio(decode=False))
        rows, facts = dataset.select_columns([sound]), dataset.remove_columns([sound])
        columns = _columns(facts, options.columns)
        for number in range(len(rows)):
            told = facts[number] if columns else {}
            values = {what: _word(facts.features[name], told[name]) for what, name in columns.items()}
            yield Source(
                f"{split}/{number:08d}",
                RowSound(rows, sound, number),
                text=values.get("text"),
                speaker=values.get("speaker"),
                language=values.get("language"),
                gender=normal_gender(values.get("gender")),
            )


def _splits(path: Path) -> dict[str, Any]:
    try:
        if (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
            found = datasets.load_from_disk(str(path))
        else:
            name, _, config = str(path).partition(":")
            found = datasets.load_dataset(name, config or None)
    except (OSError, ValueError, ConnectionError) as error:
        raise CorpusError(f"{path} cannot be loaded as a Hugging Face dataset: {error}") from None
    return dict(found) if isinstance(found, dict) else {str(found.split or "all"): found}


def _columns(dataset: Any, asked: dict[str, str]) -> dict[str, str]:
    for what, name in asked.items():
        if what not in NAMES or name not in dataset.features:
            raise CorpusError(
                f"--column {what}={name}: what is asked for must be one of {', '.join(NAMES)}, "
                f"and the dataset's columns are {', '.join(dataset.features)}."
            )
    found = {what: next((name for name in names if name in dataset.features), None) for what, names in NAMES.items()}
    return {what: name for what, name in (found | asked).items() if name is not None}


def _word(feature: Any, value: Any) -> str | None:
    if value is None:
        return None
    return feature.int2str(value) if isinstance(feature, datasets.ClassLabel) else str(value)


IMPORTER = Importer(
    kind="hf",
    roles=("keyword", "speech", "noise", "rir"),
    role_needed=True,
    speakers="the column speaker, speaker_id or client_id; without one: unknown, or the row itself (noise, rir)",
    layout="a dataset directory, or OWNER/NAME[:CONFIG]",
    read=read,
    options=frozenset({"language", "columns"}),
)
