"""Pieces of recordings, of bounded length, in a shard or a file: what embedding and scoring read one at a time.

A recording of any length becomes pieces of bounded length, so that memory does not depend on it. A piece is a row of
plain values: it travels to workers, is stored beside its vectors, and is enough to hear the sound again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import Waveform
from kwsdata.clips.content import digest_at, file_hash
from kwsdata.clips.fields import ClipFields
from kwsdata.clips.shards import read_place
from kwsdata.clips.stretches import measure, read_stretch
from kwsdata.clips.view import ClipView, Fields
from kwsdata.errors import AudioError, StageInputError
from kwsdata.files.site import reach


@dataclass(frozen=True)
class Piece:
    """Samples [start, start + samples) at 16 kHz of a recording, and what is known of it.

    `place`: "path.tar:offset:size" of FLAC in a shard, or the path of a sound file. `identity`: changes when the
    recording does. `word`: [start, end) of the spoken word in samples of the recording, where one is marked.
    `channel`: the one (from 0) that is heard, of a file whose channels cancel each other; else their mean is.
    `person`: who speaks, wherever corpora share a namespace of speakers.
    `told`: of a pool, what a clip that is cut from the recording says of its sources.
    """

    clip: str
    place: str
    start: int
    samples: int
    clip_samples: int
    identity: str
    label: str
    corpus: str | None = None
    licence: str | None = None
    speaker: str | None = None
    person: str | None = None
    text: str | None = None
    kind: str | None = None  # of a synthetic clip: keyword, confusable, partial, sentence
    synthetic: bool = False
    word: tuple[int, int] | None = None
    channel: int | None = None
    told: ClipFields | None = None

    @property
    def id(self) -> str:
        """The clip's id and where in it the piece starts, in samples."""
        return f"{self.clip}@{self.start}"

    @property
    def where(self) -> list[int]:
        """What of its recording it is, and of how long a one: what is made of it depends on no more of the piece."""
        return [self.start, self.samples, self.clip_samples, *([] if self.channel is None else [self.channel])]

    @property
    def who(self) -> str | None:
        """The identity of who is heard: see `kwsdata.clips.view`."""
        return Fields(self.clip, {"person": self.person, "speaker": self.speaker}).who

    def row(self) -> dict[str, Any]:
        """Return the piece as a row for a JSON-lines file, without what is None."""
        return {key: value for key, value in asdict(self).items() if value is not None and value is not False}


_NAMES = {field.name for field in fields(Piece)}
_TEXTS = {field.name for field in fields(Piece) if field.type in (str, str | None)}


def piece_from_row(row: dict[str, Any]) -> Piece:
    """Return the piece that `row` holds; fields of others are left out.

    Raises:
        StageInputError: a field is missing or of the wrong type.
    """
    try:
        values = {key: value for key, value in row.items() if key in _NAMES}
        if values.get("word") is not None:
            start, end = values["word"]
            values["word"] = (int(start), int(end))
        piece = Piece(**values)
        for name in _TEXTS & values.keys():
            if not isinstance(values[name], str):
                raise TypeError(f"{name} = {values[name]!r}")
        if not isinstance(piece.told, dict | None):
            raise TypeError(f"told = {piece.told!r}")
        if piece.channel is not None and not (isinstance(piece.channel, int) and piece.channel >= 0):
            raise ValueError(f"channel = {piece.channel!r}")
        if not (piece.start >= 0 and piece.samples > 0 and piece.start + piece.samples <= piece.clip_samples):
            raise ValueError(f"[{piece.start}, +{piece.samples}) is outside {piece.clip_samples} samples")
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        name = row.get("clip", "?") if isinstance(row, dict) else row
        raise StageInputError(f"piece {name!r} is malformed ({error}): remake it with `dvc repro`.") from None
    return piece


def pieces_of_cut(cut: MonoCut, piece_samples: int) -> Iterator[Piece]:
    """Yield the pieces of a cut over a whole stored clip, each `piece_samples` long but the last.

    Raises:
        StageInputError: the cut does not say where its sound is.
    """
    clip = ClipView(cut)
    for start, samples in spans(clip.samples, piece_samples):
        yield Piece(
            clip=clip.id,
            place=clip.place,
            start=start,
            samples=samples,
            clip_samples=clip.samples,
            identity=clip.audio_sha256,
            label=clip.label_or_role or "speech",
            corpus=clip.corpus_if_any,
            licence=clip.licence,
            speaker=clip.speaker,
            person=clip.person,
            text=clip.text,
            kind=clip.kind,
            synthetic=clip.synthetic,
            word=clip.span,
        )


def pieces_of_file(path: Path, name: str, piece_samples: int, **known: Any) -> Iterator[Piece]:
    """Yield the pieces of a sound file of any rate; `name` becomes the clip's id, `known` are fields of `Piece`.

    Raises:
        AudioError: the file is no sound, or does not say how long it is.
    """
    try:
        total, channel = measure(path)
    except AudioError as error:
        raise AudioError(f"{path} {error}.") from None
    identity = file_hash(path)
    for start, samples in spans(total, piece_samples):
        piece = Piece(name, path.as_posix(), start, samples, total, identity, channel=channel, label="speech")
        yield replace(piece, **known)


def spans(total: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield (start, samples) that cover `total` samples, each `length` but the last."""
    for start in range(0, total, length):
        yield start, min(length, total - start)


def load_piece(piece: Piece, before: int = 0, after: int = 0, root: Path = Path()) -> Waveform:
    """Return the piece's sound with `before` and `after` samples around it; beyond the recording there is silence.

    Args:
        piece: what to read.
        before, after: samples of the recording on each side.
        root: what relative places are counted from.

    Raises:
        StageInputError: the shard or file is missing or truncated.
        AudioError: it is no sound.
    """
    start, end = piece.start - before, piece.start + piece.samples + after
    first, last = max(start, 0), min(end, piece.clip_samples)
    if piece.place.count(":") >= 2 and piece.place.rsplit(":", 2)[1].isdigit():
        inside = read_place(piece.place, piece.clip, root, first, last - first)
    else:
        try:
            inside = read_stretch(reach(root / piece.place), first, last, piece.channel)
        except AudioError as error:
            raise AudioError(f"{piece.place} {error}.") from None
    if inside.size < last - first:
        raise StageInputError(
            f"{piece.place} ends before {piece.id} does: fetch it again with `dvc pull` or remake it."
        )
    return np.pad(inside, (first - start, end - last))


def pieces_of_cuts(cuts: Iterable[MonoCut], piece_samples: int) -> Iterator[Piece]:
    """Yield the pieces of every cut, in order."""
    for cut in cuts:
        yield from pieces_of_cut(cut, piece_samples)


def tars_of(cuts: Iterable[MonoCut]) -> set[Path]:
    """Return the tars that the sound of `cuts` lies in."""
    return {tar_at(place) for cut in cuts if (place := ClipView(cut).place_if_any)}


def tar_at(place: str) -> Path:
    """Return the file of "path.tar:offset:size", or of the path of a sound file."""
    path, *numbers = place.rsplit(":", 2)
    return Path(path if len(numbers) == 2 and all(number.isdecimal() for number in numbers) else place)


def digest_of_places(cuts: Iterable[MonoCut]) -> str:
    """Return a digest of the sound of `cuts`, in order: of the bytes at their places."""
    return digest_at(ClipView(cut).place for cut in cuts)
