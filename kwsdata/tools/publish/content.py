"""The clips to hand on, with the very bytes of their sound: nothing is encoded anew, and each is heard once."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import soundfile

from kwsdata.clips.fields import ClipFields, with_row_fields
from kwsdata.clips.manifests import audio_sha256
from kwsdata.clips.view import row_fields
from kwsdata.errors import StageInputError
from kwsdata.licences.names import licences_of
from kwsdata.tools.dataset.members import Member, manifests_of
from kwsdata.tools.dataset.trees import Tree
from kwsdata.tools.publish.heard import Hearing, Share
from kwsdata.tools.publish.survey import kept_rows

SOUND = "recording"  # Lhotse's name for a cut's own sound


@dataclass(frozen=True)
class Item:
    """One clip. `row`: its Lhotse cut; `sounds`: FLAC bytes by Lhotse's name of the field, SOUND first."""

    row: dict[str, Any]
    member: Member
    shares: list[Share]
    sounds: Mapping[str, bytes]

    @property
    def id(self) -> str:
        """The clip's name."""
        return self.member.id

    @property
    def size(self) -> int:
        """Bytes of sound."""
        return sum(map(len, self.sounds.values()))

    def columns(self) -> dict[str, Any]:
        """Return what is known of the clip, by the names of the columns in `docs/publishing.md`."""
        said = self.row["supervisions"]
        first = said[0] if len(said) == 1 else {}
        licences = {
            name: None
            for share in self.shares
            for name in [one.spdx for one in licences_of(share.licence) or []] or [share.licence]
        }
        return {
            "id": self.id,
            "label": self.member.label,
            "text": first.get("text"),
            "speaker": self.member.speaker,
            "language": first.get("language"),
            "gender": first.get("gender"),
            "start_s": first.get("start"),
            "end_s": first["start"] + first["duration"] if first else None,
            "duration_s": self.row["duration"],
            "synthetic": self.member.synthetic,
            "parent": self.member.parent,
            "sources": [share.source for share in self.shares],
            "licences": list(licences),
            "audio_sha256": self.member.audio,
            "cut": json.dumps(self.row, ensure_ascii=False),
        }


def items_of(tree: Tree, part: str, hearing: Hearing, exclude: Iterable[str], root: Path = Path()) -> Iterator[Item]:
    """Yield the clips of a part, without those in which something of `exclude` is heard; one is in memory at a time.

    Raises:
        StageInputError: a shard is missing or damaged, or a clip's samples are not those that its manifest names.
    """
    with _Bytes(root) as files:
        places: dict[str, dict[str, tuple[str, int, int]]] = {}
        of = None
        for path, row, member, shares in kept_rows(tree, part, hearing, exclude):
            if not part.startswith("split/") and path != of:
                places, of = _fields_of(root, path), path
            clip = row_fields(row)
            if (place := clip.place_if_any) is not None:
                tar, offset, size = place.rsplit(":", 2)
                sounds = {SOUND: files.read(tar, int(offset), int(size), member.id)}
            else:
                if member.id not in places[SOUND]:
                    raise StageInputError(
                        f"the tar beside {path} lacks {member.id}.flac: remake it with `dvc repro`, or `dvc pull`."
                    )
                sounds = {
                    name: files.read(*found[member.id], member.id)
                    for name, found in places.items()
                    if member.id in found
                }
            if not part.startswith("rirs/"):  # 24 bits: their manifests hash those
                _check(sounds[SOUND], member)
            credits = ClipFields(credits=[[share.source, share.licence] for share in shares])
            yield Item(with_row_fields(row, clip.without(("shard",)) | credits), member, shares, sounds)


def fields_in(tree: Tree, part: str, root: Path = Path()) -> list[str]:
    """Return the names of the sounds that clips of a part have, a clip's own first."""
    if part.startswith("split/"):
        return [SOUND]
    tars = (tar for path in manifests_of(tree)[part] for tar in (root / path).parent.glob(f"*.{_number(path)}.tar"))
    return sorted({tar.name.split(".")[0] for tar in tars} | {SOUND}, key=lambda name: (name != SOUND, name))


def _number(cuts: str) -> str:
    return Path(cuts).name.split(".")[1]


def _fields_of(root: Path, cuts: str) -> dict[str, dict[str, tuple[str, int, int]]]:
    """Return {field: {clip: (tar, offset, size)}} of the shard whose manifest is `cuts`, the own sound first."""
    tars = sorted(
        (root / cuts).parent.glob(f"*.{_number(cuts)}.tar"), key=lambda tar: (not tar.name.startswith(SOUND), tar)
    )
    if not tars or not tars[0].name.startswith(f"{SOUND}."):
        raise StageInputError(f"the tar beside {cuts} is missing: type `dvc repro` or `dvc pull`.")
    fields: dict[str, dict[str, tuple[str, int, int]]] = {}
    for tar in tars:
        try:
            with tarfile.open(tar, "r:") as members:
                fields[tar.name.split(".")[0]] = {
                    one.name.removesuffix(".flac"): (str(tar.relative_to(root)), one.offset_data, one.size)
                    for one in members
                    if one.name.endswith(".flac")
                }
        except (tarfile.TarError, OSError, EOFError) as error:
            raise StageInputError(f"{tar}: {error}. Remake it with `dvc repro`, or type `dvc pull`.") from None
    return fields


def _check(flac: bytes, member: Member) -> None:
    try:
        steps, _ = soundfile.read(io.BytesIO(flac), dtype="int16")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise StageInputError(f"{member.id} of {member.part} cannot be decoded ({error}): type `dvc pull`.") from None
    if audio_sha256(steps) != member.audio:
        raise StageInputError(
            f"the samples of {member.id} ({member.part}) are not those that its manifest names: type `dvc checkout "
            "--force`, or `dvc repro`."
        )


class _Bytes:
    """Reads stretches of files, keeping the last one open."""

    def __init__(self, root: Path) -> None:
        self._root, self._path = root, ""
        self._file: BinaryIO | None = None

    def __enter__(self) -> "_Bytes":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def read(self, path: str, offset: int, size: int, clip: str) -> bytes:
        if path != self._path or self._file is None:
            self.__exit__()
            try:
                self._file, self._path = (self._root / path).open("rb"), path
            except FileNotFoundError:
                self._file = None
                raise StageInputError(f"{path} (of {clip}) is missing: type `dvc repro` or `dvc pull`.") from None
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) != size:
            raise StageInputError(f"{path} ends inside {clip}: fetch it again with `dvc pull`, or remake it.")
        return data
