"""One sound on its way into a corpus: where its bytes are and what is known of it, before any is decoded."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kwsdata.audio import read_channels
from kwsdata.draws import digest_of
from kwsdata.errors import AudioError
from kwsdata.text import ascii_part, composed

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"})
MAX_ID = 60  # characters: tar names hold 100, with the corpus and the extension

_GENDERS = {"male": "male", "m": "male", "man": "male", "female": "female", "f": "female", "woman": "female"}


class Sound(Protocol):
    """A picklable pointer to one sound; `load` runs in a worker."""

    def load(self) -> tuple[np.ndarray, int]:
        """Return (waves [samples, channels] float32, rate in Hz).

        Raises:
            AudioError: it cannot be decoded.
        """
        ...


@dataclass(frozen=True)
class FileSound:
    """A sound file."""

    path: Path

    def load(self) -> tuple[np.ndarray, int]:
        """Decode the file; a WAV shorter than its header says is damaged (its decoder would not complain)."""
        try:
            with self.path.open("rb") as file:
                head = file.read(8)
            size = self.path.stat().st_size
        except OSError as error:
            raise AudioError(f"cannot be read ({error.strerror})") from None
        check_whole(head, size)
        return read_channels(self.path)


def check_whole(head: bytes, size: int) -> None:
    """Raise AudioError if the RIFF header in `head` (first 8 bytes) promises more than `size` bytes.

    0 and 0xFFFFFFFF are what streaming writers put there; they promise nothing.
    """
    if head[:4] != b"RIFF" or len(head) < 8:
        return
    (promised,) = struct.unpack("<I", head[4:8])
    if promised not in (0, 0xFFFFFFFF) and promised + 8 > size + 1:  # one pad byte may be missing
        raise AudioError(f"cut short ({size} bytes of the {promised + 8} that its header promises)")


@dataclass(frozen=True)
class Source:
    """One sound and what its corpus says of it.

    `key` is unique in the corpus: a path below the imported folder, or an id. `span_s`: [start, end) in seconds of
    what `text` says, when that is not the whole sound. Text is kept tidy (see `kwsdata.text`).
    """

    key: str
    sound: Sound
    text: str | None = None
    speaker: str | None = None
    language: str | None = None
    gender: str | None = None
    span_s: tuple[float, float] | None = None
    custom: dict[str, Any] = field(default_factory=dict)


def clip_id(key: str, suffix: str = "") -> str:
    """Return the name of a clip inside its corpus: letters, digits, `_`, `-`, at most 60 characters with `suffix`.

    A key that does not survive this unchanged (but for its extension, and `/` that becomes `_`) gets a hash of itself
    appended, so that "été" and "ete", or two words in Arabic script, stay apart.
    """
    stem = composed(key[: -len(Path(key).suffix)] if Path(key).suffix.lower() in AUDIO_SUFFIXES else key)
    safe = ascii_part(stem)
    longest = MAX_ID - len(suffix)
    if safe == stem.replace("/", "_") and len(safe) <= longest:
        return safe + suffix
    return f"{safe[: longest - 9].strip('_')}-{digest_of(stem)[:8]}{suffix}"


def sound_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path below `root` with `/`, path) of every sound file below `root`; hidden ones are left out."""
    for directory, folders, names in os.walk(root):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        for name in sorted(names):
            path = Path(directory, name)
            if path.suffix.lower() in AUDIO_SUFFIXES and not name.startswith("."):
                yield path.relative_to(root).as_posix(), path


def normal_gender(gender: str | None) -> str | None:
    """Return "male", "female" or None, from the many ways corpora write it ("MALE", "male_masculine", "f")."""
    return _GENDERS.get(gender.strip().lower().split("_")[0]) if gender else None
