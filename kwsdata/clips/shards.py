"""Write and read Lhotse Shar directories; the same clips give the same bytes.

A shard is a pair `recording.000000.tar` (16-bit FLAC) + `cuts.000000.jsonl.gz`, readable by
`lhotse.CutSet.from_shar`. Tar members carry no time, owner or mode of their own, and each shard is complete or absent.

Manifests that leave the directory point back with `custom["shard"] = "path/recording.000000.tar:offset:size"`, the
place of the FLAC bytes inside the (uncompressed) tar, so that any clip is one seek and one read away.
"""

import json
import math
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from lhotse import MonoCut

from kwsdata.audio import Waveform, decode_flac, encode_flac
from kwsdata.clips.manifests import read_cuts, recording_to_dict, with_fields, write_cuts
from kwsdata.clips.view import ClipView
from kwsdata.errors import AudioError, StageInputError
from kwsdata.files.atomic import atomic_path
from kwsdata.files.site import reach
from kwsdata.files.tar_members import tar_members

_BUFFER = 1 << 20  # bytes written at once: a clip is a dozen small pieces
_TOGETHER = 16  # clips that are decoded, made, or encoded in a row

Item = TypeVar("Item")

SHAR = "shar"  # the folder of a corpus directory that holds its shards
_SOUND = "recording"  # the sound of a cut itself, beside which there may be `extras`


@dataclass(frozen=True)
class Encoded:
    """Sound that is FLAC already: `size` bytes at `offset` of the file `path`.

    `samples` at 16 kHz, and `sha256` of them as int16 (see `kwsdata.clips.manifests.audio_sha256`).
    """

    path: Path
    offset: int
    size: int
    samples: int
    sha256: str

    def blocks(self) -> Iterator[bytes]:
        """Yield its bytes, 1 MiB at a time."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            for start in range(0, self.size, _BUFFER):
                yield file.read(min(_BUFFER, self.size - start))


@dataclass(frozen=True)
class Clip:
    """A cut and its sound: `wave` float32 [samples] at 16 kHz (or the int16 that will be stored, or FLAC in a file).

    `extras`: further recordings of the same cut by name, such as a training target; stored as `NAME.000000.tar`, which
    Lhotse reads as the cut's field NAME. The clips of a shard name the same ones, None where a clip has none.
    """

    cut: MonoCut
    wave: Waveform | Encoded
    extras: Mapping[str, Waveform | None] = field(default_factory=dict)


def shard_paths(directory: Path, number: int) -> tuple[Path, Path]:
    """Return the (recording tar, cuts manifest) paths of shard `number`."""
    return directory / f"recording.{number:06d}.tar", directory / f"cuts.{number:06d}.jsonl.gz"


@contextmanager
def shard_writer(directory: Path, number: int, bits: int = 16) -> Iterator[Callable[[Clip], None]]:
    """Yield a function that appends a clip to shard `number` of `directory`, at `bits` a sample; it holds no clip.

    The manifest is written last, so its presence means a whole shard.
    """
    tar_path, cuts_path = shard_paths(directory, number)
    cuts: list[MonoCut] = []
    tars: dict[str, BinaryIO] = {}
    with ExitStack() as stack:

        def add(clip: Clip) -> None:
            recording = json.dumps(recording_to_dict(clip.cut.recording)).encode() + b"\n"
            for name, wave in {"recording": clip.wave, **clip.extras}.items():
                if name not in tars:
                    scratch = stack.enter_context(atomic_path(tar_path.with_name(f"{name}.{number:06d}.tar")))
                    tars[name] = stack.enter_context(scratch.open("wb", buffering=_BUFFER))
                if wave is None:  # as Lhotse says it
                    _add(tars[name], f"{clip.cut.id}.nodata", b"")
                    _add(tars[name], f"{clip.cut.id}.nometa", b"")
                else:
                    _add_sound(tars[name], f"{clip.cut.id}.flac", wave, bits)
                    _add(tars[name], f"{clip.cut.id}.json", recording)
            cuts.append(clip.cut)

        yield add
        for tar in tars.values():
            _end(tar)
    write_cuts(cuts_path, cuts)


def write_shard(directory: Path, number: int, clips: Iterable[Clip], bits: int = 16) -> list[MonoCut]:
    """Write shard `number` of `directory` at `bits` a sample, holding 16 clips in memory at a time.

    Returns the cuts written.
    """
    cuts = []
    with shard_writer(directory, number, bits) as add:
        for clip in ahead(clips):
            add(clip)
            cuts.append(clip.cut)
    return cuts


def batches(items: Iterable[Item], count: int = _TOGETHER) -> Iterator[list[Item]]:
    """Yield `items` as lists of `count`; the last may be shorter."""
    source = iter(items)
    while batch := list(islice(source, count)):
        yield batch


def ahead(items: Iterable[Item], count: int = _TOGETHER) -> Iterator[Item]:
    """Yield `items`, drawn `count` at a time.

    What makes them and what takes them run in turns that are long enough for the processor's caches: clips are made
    and encoded in an eighth less time.
    """
    for batch in batches(items, count):
        yield from batch


def _add_sound(tar: BinaryIO, name: str, wave: Waveform | Encoded, bits: int) -> None:
    if isinstance(wave, Encoded):
        tar.write(_header(name, wave.size))
        for block in wave.blocks():
            tar.write(block)
        tar.write(bytes(-wave.size % tarfile.BLOCKSIZE))
    else:
        _add(tar, name, encode_flac(wave, bits=bits))


def _add(tar: BinaryIO, name: str, data: bytes) -> None:
    """Append a member to an open tar."""
    tar.write(b"".join((_header(name, len(data)), data, bytes(-len(data) % tarfile.BLOCKSIZE))))


def _header(name: str, length: int) -> bytes:
    """Return the header of a tar's member: the bytes that tarfile would write, in a tenth of its time."""
    encoded = name.encode()
    if len(encoded) > 100:
        raise StageInputError(
            f"the id {name!r} is longer than a tar's 100 bytes: shorten the names of the sound files."
        )
    size = b"%011o" % length
    total = _HEADER_SUM + sum(encoded) + sum(size)  # of a header's bytes, its own place full of spaces
    name_end, size_end = _HEADER[len(encoded) : 124], _HEADER[135:148]
    return b"%b%b%b%b%06o\0%b" % (encoded, name_end, size, size_end, total, _HEADER[155:])


def _end(tar: BinaryIO) -> None:
    tar.write(bytes(2 * tarfile.BLOCKSIZE))
    tar.write(bytes(-tar.tell() % tarfile.RECORDSIZE))


def _empty_header() -> bytes:
    """Return the header of a member with no name, size, time or checksum."""
    header = bytearray(tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT))
    header[124:135] = bytes(11)
    header[148:156] = b" " * 8
    return bytes(header)


_HEADER = _empty_header()
_HEADER_SUM = sum(_HEADER)


def write_shards(
    directory: Path, clips: Iterable[Clip], clips_per_shard: int, bits: int = 16, most_samples: float = math.inf
) -> int:
    """Write `clips` in order as shards 0, 1, ..., each clip before the next one is asked for. Returns their number.

    A shard ends with `clips_per_shard` clips, or with the first one at which it has `most_samples`.
    """
    count = 0
    source = iter(clips)
    for number, first in enumerate(source):
        with shard_writer(directory, number, bits) as add:
            inside = samples = 0
            for clip in chain([first], source):
                add(clip)
                inside, samples = inside + 1, samples + clip.cut.recording.num_samples
                if inside == clips_per_shard or samples >= most_samples:
                    break
        count += inside
    return count


def shard_cuts(directory: Path, sound: str = _SOUND) -> Iterator[MonoCut]:
    """Yield the cuts of a shard directory, each with `custom["shard"]` set, shards in order.

    A corpus directory stands for the `shar` folder in it (Lhotse takes every file beside shards for a field).

    Args:
        directory: of the shards.
        sound: the name of one of the clips' `extras`, for the place of that; cuts without it are left out.

    Raises:
        StageInputError: a tar is missing or does not hold what its manifest says.
    """
    directory = reach(Path(directory))
    if (directory / SHAR).is_dir():
        directory = directory / SHAR
    for cuts_path in sorted(directory.glob("cuts.*.jsonl.gz")):
        yield from one_shard_cuts(cuts_path, sound)


def one_shard_cuts(cuts_path: Path, sound: str = _SOUND) -> Iterator[MonoCut]:
    """Yield the cuts of one shard, given its manifest, as `shard_cuts` does."""
    tar_path = cuts_path.with_name(cuts_path.name.replace("cuts.", f"{sound}.").replace(".jsonl.gz", ".tar"))
    if sound != _SOUND and not reach(tar_path).exists():
        return
    try:
        with reach(tar_path).open("rb") as file:
            places = {m.name: (m.offset_data, m.size) for _, m in tar_members(file) if m.name.endswith(".flac")}
    except Exception as error:  # over damaged bytes, tarfile raises nearly anything
        said = error if isinstance(error, OSError | tarfile.TarError) else repr(error)
        raise StageInputError(f"{tar_path}: {said}. Remake it with `dvc repro`, or type `dvc pull`.") from None
    for cut in read_cuts(cuts_path):
        if f"{cut.id}.flac" not in places:
            if sound != _SOUND:
                continue
            raise StageInputError(f"{tar_path} lacks {cut.id}.flac that {cuts_path.name} lists: remake the corpus.")
        offset, size = places[f"{cut.id}.flac"]
        yield with_fields(cut, shard=f"{tar_path.as_posix()}:{offset}:{size}")


def load_audio(cut: MonoCut) -> Waveform:
    """Return the sound of a cut that has `custom["shard"]`: float32 [samples] at 16 kHz.

    Raises:
        StageInputError: the shard is missing or truncated.
        AudioError: the bytes there are not 16 kHz mono FLAC.
    """
    return read_place(ClipView(cut).place, cut.id)


def read_place(place: str, clip_id: str, root: Path = Path(), start: int = 0, samples: int = -1) -> Waveform:
    """Return the sound at `place` ("path.tar:offset:size", a relative path being counted from `root`).

    Raises as `load_audio` does. `start` and `samples` choose a part of it, found without decoding what lies before.
    """
    data = read_bytes(place, clip_id, root)
    try:
        return decode_flac(data, start, samples)
    except AudioError as error:
        path = place.rsplit(":", 2)[0]
        raise AudioError(f"{clip_id} in {path} {error}") from None


def read_bytes(place: str, clip_id: str, root: Path = Path()) -> bytes:
    """Return the FLAC bytes at `place` ("path.tar:offset:size", a relative path being counted from `root`).

    Raises:
        StageInputError: the shard is missing or truncated.
    """
    path, *numbers = place.rsplit(":", 2)
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        raise StageInputError(f"cut {clip_id} lies at {place!r}, which is no path:offset:size: remake it.")
    offset, size = numbers
    try:
        with open(reach(root / path), "rb") as file:
            file.seek(int(offset))
            data = file.read(int(size))
    except FileNotFoundError:
        raise StageInputError(f"{path} (of cut {clip_id}) is missing: type `dvc repro` or `dvc pull`.") from None
    if len(data) != int(size):
        raise StageInputError(f"{path} ends inside cut {clip_id}: fetch it again with `dvc pull` or remake it.")
    return data


def read_clips(directory: Path) -> Iterator[Clip]:
    """Yield every clip of a shard directory, in order."""
    for cut in shard_cuts(directory):
        yield Clip(cut, load_audio(cut))
