"""Import a Hugging Face dataset: a `save_to_disk` directory, Parquet or sound files, or a name on the hub.

PATH is a directory or `OWNER/NAME`, with `:CONFIG` appended where the dataset has several. Sound is taken as the bytes
that the dataset stores and decoded like any other, so neither torchcodec nor ffmpeg is needed. Every split is read:
their split is not ours.

The sound is the one column of the type Audio, or of Parquet that other programs wrote: of {bytes, path} or {array,
sampling_rate}; where there are several, or it is another, `--column audio=NAME` says which (of bytes, or of paths below
PATH). Other columns are found by name (see `NAMES`), or given with `--column text=NAME`. A clip's name is its split and
row. Its licence is what the columns licence, license, licences or licenses say, and what the column `cut` of a dataset
that `kwsdata publish` wrote says of its sources; else what the dataset's card declares.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.clips.corpus import Reject
from kwsdata.clips.fields import LICENCE_NAMES, fields_in
from kwsdata.errors import AudioError, CorpusError, NamedPathError
from kwsdata.files.bounded_json import parse_json
from kwsdata.files.named_paths import NamedFiles
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.hf_files import datasets, licence_on_card, roots_of, splits_of
from kwsdata.importers.source import Source, normal_gender
from kwsdata.importers.tables import check_columns, refusal
from kwsdata.importers.terms import Terms, licence_text, terms_of, together
from kwsdata.licences.names import licences_of
from kwsdata.soundfiles.reader import OpenSound, in_memory, open_sound

NAMES = {
    "text": ("text", "sentence", "transcription", "transcript", "phrase", "utterance", "keyword", "word", "command",
             "label"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "language": ("language", "locale"),
    "gender": ("gender",),
    "licence": (),  # these are read whatever they are called: see `_terms`
}  # fmt: skip
_TERMS = (*LICENCE_NAMES, "cut")
_ROWS = 1000  # read at once, without their sound


@dataclass(frozen=True)
class RowSound:
    """One row's sound; `rows` is memory-mapped (pickled as file names), with its one column not decoded.

    `roots`: where the file lies that a row names instead of holding its bytes.
    """

    rows: Any
    column: str
    row: int
    roots: tuple[NamedFiles, ...]

    def open(self) -> AbstractContextManager[OpenSound]:
        """Open the bytes that the row holds, or the file that it names."""
        value = self.rows[self.row][self.column]
        told: dict[str, Any] = (
            value if isinstance(value, dict) else {"path" if isinstance(value, str) else "bytes": value}
        )
        if told.get("array") is not None:
            return nullcontext(_samples(told))
        data = told.get("bytes")
        if not data and not told.get("path"):
            raise AudioError("cannot be read (the row holds no sound)")
        return open_sound(data or self._file(told["path"]))

    def _file(self, name: str) -> Path:
        for root in self.roots:
            try:
                return root.path_or_absolute(name)
            except NamedPathError as error:
                refused = error
        raise AudioError(refusal(refused))


def _samples(told: dict[str, Any]) -> OpenSound:
    """Return the sound of a row that holds samples, [samples] or [channels, samples], and their rate."""
    try:
        waves = np.atleast_2d(np.asarray(told["array"], dtype=np.float32)).T
        rate = int(told["sampling_rate"])
    except (KeyError, TypeError, ValueError):
        raise AudioError("cannot be decoded (its array holds no samples, or has no sampling_rate)") from None
    if waves.ndim != 2 or not 0 < rate < 1 << 20:
        raise AudioError(f"cannot be decoded (an array of {waves.ndim} dimensions at {rate} Hz)")
    return in_memory(waves, rate)


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield every row of every split."""
    check_columns(options.columns, ("audio", *NAMES))
    roots, of_all = roots_of(path, options.allow_outside), Terms(licence_on_card(path))
    for split, dataset in splits_of(path, options.scratch).items():
        dataset = dataset.with_format(None)
        sound = _sound_column(path, dataset.features, options.columns.get("audio"))
        columns = _columns(path, dataset.features, sound, options)
        rows = dataset.select_columns([sound])
        if isinstance(dataset.features[sound], datasets.Audio):
            rows = rows.cast_column(sound, datasets.Audio(decode=False))
        says = [name for name in _TERMS if name in dataset.features and name != sound]
        facts = _facts(dataset, sorted({*columns.values(), *says}))
        for number in range(len(rows)):
            key, told = f"{split}/{number:08d}", next(facts, {})
            try:
                values = {what: _word(dataset.features[name], told[name]) for what, name in columns.items()}
            except (IndexError, ValueError) as error:
                yield Reject(key, f"no label ({error})")
                continue
            try:
                told = {name: _listed(dataset.features[name], told[name]) for name in says}
                terms = _terms(told | {"licence": [told.get("licence"), values.get("licence")]})
            except (IndexError, ValueError) as error:
                yield Reject(key, f"malformed ({error})")
                continue
            yield Source(
                key,
                RowSound(rows, sound, number, roots),
                text=values.get("text"),
                speaker=values.get("speaker"),
                language=values.get("language"),
                gender=normal_gender(values.get("gender")),
                terms=terms if terms != Terms() else of_all,
            )


def _terms(told: dict[str, Any]) -> Terms:
    """Return what a row says of its licence, in columns and in the Lhotse cut that `kwsdata publish` writes."""
    row = parse_json(told["cut"]) if isinstance(told.get("cut"), str) else {}
    terms = terms_of(fields_in(row))
    listed = licence_text(*(told.get(name) for name in LICENCE_NAMES))
    known = licences_of(listed) if listed is not None else []
    if known is None or not set(known) <= set(licences_of(terms.licences) or []):
        terms = together([terms, Terms(listed)])
    return terms


def _facts(dataset: Any, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what each row says in `columns`; nothing if there are none."""
    if columns:
        for batch in dataset.select_columns(columns).iter(_ROWS):
            yield from (dict(zip(columns, row, strict=True)) for row in zip(*(batch[c] for c in columns), strict=True))


def _sound_column(path: Path, features: Any, asked: str | None) -> str:
    """Return the column that holds sound: the one asked for, the only one, or of several the one named `audio`."""
    if asked is not None:
        if asked not in features:
            raise CorpusError(f"--column audio={asked}: {path} has the columns {', '.join(features)}.")
        if not (_holds_sound(features[asked]) or _is(features[asked], "binary", "string")):
            raise CorpusError(f"--column audio={asked}: it holds {features[asked]}, which is neither sound nor a path.")
        return asked
    found = [name for name, kind in features.items() if _holds_sound(kind)]
    if len(found) > 1 and "audio" in found:
        return "audio"
    if len(found) != 1:
        what = f"the columns {' and '.join(found)} hold sound" if found else "no column holds sound"
        raise CorpusError(f"{path}: {what}; it has {', '.join(features)}. Say which: --column audio=NAME.")
    return str(found[0])


def _holds_sound(kind: Any) -> bool:
    if isinstance(kind, dict):  # a struct, as other programs write Parquet
        return _is(kind.get("bytes"), "binary") or {"array", "sampling_rate"} <= set(kind)
    return isinstance(kind, datasets.Audio)


def _is(kind: Any, *types: str) -> bool:
    return isinstance(kind, datasets.Value) and kind.dtype.removeprefix("large_") in types


def _columns(path: Path, features: Any, sound: str, options: Options) -> dict[str, str]:
    """Return the column of each of `NAMES` that is known or was asked for."""
    asked = {what: name for what, name in options.columns.items() if what != "audio"}
    for what, name in asked.items():
        if name not in features or not isinstance(features[name], datasets.Value | datasets.ClassLabel):
            raise CorpusError(
                f"--column {what}={name}: {path} has no such column of words; it has {', '.join(features)}."
            )
    found = {
        what: next((name for name in names if name != sound and _holds_words(what, features.get(name))), None)
        for what, names in NAMES.items()
    }
    columns = {what: name for what, name in (found | asked).items() if name is not None}
    if options.role == "keyword" and "text" not in columns:
        raise CorpusError(
            f"{path}: no column is called as texts are ({', '.join(NAMES['text'])}); it has {', '.join(features)}. Say "
            "which: --column text=NAME."
        )
    return columns


def _holds_words(what: str, kind: Any) -> bool:
    """Return whether a column of this kind may be taken unasked: a number is a speaker's name, but no text."""
    if isinstance(kind, datasets.ClassLabel) or _is(kind, "string"):
        return True
    return what == "speaker" and isinstance(kind, datasets.Value)


def _word(kind: Any, value: Any) -> str | None:
    if value is None or (isinstance(kind, datasets.ClassLabel) and value == -1):  # -1: not labelled
        return None
    return str(kind.int2str(value)) if isinstance(kind, datasets.ClassLabel) else str(value)


def _listed(kind: Any, value: Any) -> Any:
    """Return the text that stands for a class; anything else as it is."""
    return _word(kind, value) if isinstance(kind, datasets.ClassLabel) else value


IMPORTER = Importer(
    kind="hf",
    roles=("keyword", "speech", "noise", "rir"),
    role_needed=True,
    speakers="the column speaker, speaker_id or client_id; without one: unknown, or the row itself (noise, rir)",
    layout="a dataset directory, or OWNER/NAME[:CONFIG]",
    read=read,
    options=frozenset({"language", "columns", "allow_outside"}),
)
