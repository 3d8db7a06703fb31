"""Read the sound of a Lhotse cut: as a stretch of a file, or mixed by Lhotse."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import AudioSource, MonoCut, MultiCut
from lhotse.audio.backend import LibsndfileBackend, get_current_audio_backend, set_current_audio_backend
from lhotse.serialization import deserialize_item
from lhotse.utils import compute_num_samples, fastcopy

from kwsdata.errors import AudioError, StageInputError
from kwsdata.execution.download import local_copy
from kwsdata.execution.http_files import ONLY_THE_DISK
from kwsdata.importers.lhotse_rows import sources_in
from kwsdata.params import DownloadParams
from kwsdata.soundfiles.reader import OpenSound, in_memory, open_sound

_MISSING_S = 0.1  # at the end of a cut: decoders of MP3 differ in how much of its padding they return
_MOST_SAMPLES = 1 << 27  # of what Lhotse makes, which is held in memory: half a gigabyte


@dataclass(frozen=True)
class Member:
    """The bytes of one sound in an uncompressed tar."""

    tar: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Return the bytes."""
        with self.tar.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass(frozen=True)
class CutSound:
    """The sound of a Lhotse cut; `member` holds the bytes of a Shar's, `download` the limits of what URLs give."""

    cut: Any
    member: Member | None = None
    download: DownloadParams = ONLY_THE_DISK

    @contextmanager
    def open(self) -> Iterator[OpenSound]:
        """Open it, at the cut's own rate."""
        if not self.cut.has_recording:
            raise AudioError("cannot be decoded (the cut has no recording)")
        cut = _at_hand(self.cut, self.download)
        source = self.member.read() if self.member is not None else _one_file(cut)
        if source is None:
            yield _by_lhotse(cut)
        elif not cut.recording.transforms:
            with open_sound(source) as whole:
                yield _part(whole, cut)
        else:
            yield _by_lhotse(_with_bytes(cut, source) if isinstance(source, bytes) else cut)


def _one_file(cut: Any) -> Path | None:
    """Return the file of a cut that is a stretch of one; None if Lhotse must make it: of several, of a command..."""
    if not isinstance(cut, MonoCut | MultiCut) or cut.recording is None or len(cut.recording.sources) != 1:
        return None
    (source,) = cut.recording.sources
    # Lhotse finds a file inside a tar by `x.tar/a.wav`; whatever else is no regular file, the reader refuses by name
    return Path(source.source) if source.type == "file" and ".tar/" not in source.source else None


def _part(whole: OpenSound, cut: Any) -> OpenSound:
    """Return the stretch and the channels of an open file that a cut is of."""
    (source,) = cut.recording.sources
    wanted = {cut.channel} if isinstance(cut.channel, int) else set(cut.channel)
    if whole.rate != cut.sampling_rate:
        raise AudioError(f"cannot be decoded (it has {whole.rate} Hz, its manifest says {cut.sampling_rate})")
    if not wanted <= set(source.channels):
        raise AudioError(f"no such channel (it has {source.channels}, the cut is of {sorted(wanted)})")
    others = [number for number, channel in enumerate(source.channels) if channel not in wanted]
    columns = [number for number in range(whole.channels) if number not in others]
    if not columns:
        raise AudioError(f"no such channel (the file has {whole.channels}, its manifest says {len(source.channels)})")
    first, frames = (compute_num_samples(seconds, whole.rate) for seconds in (cut.start, cut.duration))
    return OpenSound(whole.rate, len(columns), frames, partial(_stretch, whole, first, frames, columns))


def _stretch(whole: OpenSound, first: int, frames: int, columns: list[int], most_frames: int) -> Iterator[np.ndarray]:
    """Yield `frames` of some channels from the frame `first` on."""
    skip, left = first, frames
    if whole.seek is not None and whole.frames is not None:
        whole.seek(at := min(first, whole.frames))
        skip -= at
    for block in whole.blocks(most_frames):
        part = block[skip : skip + left, columns]
        skip = max(skip - len(block), 0)
        left -= len(part)
        if len(part):
            yield part
        if not left:
            return
    if left > _MISSING_S * whole.rate:
        raise AudioError(
            f"cut short ({(frames - left) / whole.rate:.2f} s of the {frames / whole.rate:.2f} s of the cut)"
        )


def _by_lhotse(cut: Any) -> OpenSound:
    """Let Lhotse make the sound of a cut, in memory."""
    try:
        channels = cut.recording.num_channels if isinstance(cut, MonoCut | MultiCut) else cut.num_channels
        if cut.num_samples * channels > _MOST_SAMPLES:
            raise AudioError(f"too long ({cut.duration:g} s of {channels} channels, which Lhotse makes in memory)")
        with _libsndfile_alone():
            waves = cut.load_audio()
    except AudioError:
        raise
    except Exception as error:  # whatever is wrong with a cut or its sound: Lhotse's exceptions share no base
        raise AudioError(f"cannot be decoded (Lhotse: {type(error).__name__})") from None
    return in_memory(np.atleast_2d(waves).T.astype(np.float32), int(cut.sampling_rate))


def _with_bytes(cut: Any, data: bytes) -> Any:
    """Return a Shar's cut with the bytes of its sound in place of what its recording says of them."""
    (source,) = cut.recording.sources
    return fastcopy(cut, recording=fastcopy(cut.recording, sources=[AudioSource("memory", source.channels, data)]))


def _at_hand(cut: Any, limits: DownloadParams) -> Any:
    """Return `cut` with copies on this disk in place of URLs."""
    row = cut.to_dict()
    remote = [source for source in sources_in(row) if source["type"] == "url"]
    try:
        for source in remote:
            source |= {"type": "file", "source": str(local_copy(source["source"], limits))}
    except StageInputError as error:
        raise AudioError(f"cannot be read ({error})") from None
    return deserialize_item(row) if remote else cut


@contextmanager
def _libsndfile_alone() -> Iterator[None]:
    """Keep Lhotse from other decoders: it hands the name of a `.sph` file to a shell as it is."""
    before = get_current_audio_backend()
    set_current_audio_backend(LibsndfileBackend())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a part of a command's output needs all of it
            yield
    finally:
        set_current_audio_backend(before)
