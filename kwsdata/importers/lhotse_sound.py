"""The sound of a Lhotse cut, decoded by Lhotse with libsndfile alone."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import AudioSource
from lhotse.audio.backend import LibsndfileBackend, get_current_audio_backend, set_current_audio_backend
from lhotse.serialization import deserialize_item
from lhotse.utils import fastcopy

from kwsdata.errors import AudioError, CacheError, StageInputError
from kwsdata.fetched import local_copy
from kwsdata.http_files import ONLY_THE_DISK
from kwsdata.importers.lhotse_rows import sources_in
from kwsdata.params import DownloadParams
from kwsdata.soundfiles.reader import OpenSound, in_memory


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
        """Let Lhotse decode it, at the cut's own rate."""
        try:
            cut = (
                _at_hand(self.cut, self.download) if self.member is None else _with_bytes(self.cut, self.member.read())
            )
            with _libsndfile_alone():
                waves = cut.load_audio()
        except CacheError:
            raise
        except StageInputError as error:
            raise AudioError(f"cannot be read ({error})") from None
        except Exception as error:  # whatever is wrong with a cut or its sound: Lhotse's exceptions share no base
            raise AudioError(f"cannot be decoded (Lhotse: {type(error).__name__})") from None
        if waves is None:
            raise AudioError("cannot be decoded (the cut has no recording)")
        yield in_memory(np.atleast_2d(waves).T.astype(np.float32), int(cut.sampling_rate))


def _with_bytes(cut: Any, data: bytes) -> Any:
    """Return a Shar's cut with the bytes of its sound in place of what its recording says of them."""
    (source,) = cut.recording.sources
    return fastcopy(cut, recording=fastcopy(cut.recording, sources=[AudioSource("memory", source.channels, data)]))


def _at_hand(cut: Any, limits: DownloadParams) -> Any:
    """Return `cut` with copies on this disk in place of URLs."""
    row = cut.to_dict()
    remote = [source for source in sources_in(row) if source["type"] == "url"]
    for source in remote:
        source |= {"type": "file", "source": str(local_copy(source["source"], limits))}
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
