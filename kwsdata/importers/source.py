"""One sound to import: where its bytes are, and what is known of it before it is decoded."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kwsdata.clips.fields import ClipFields
from kwsdata.draws import digest_of
from kwsdata.importers.terms import Terms
from kwsdata.soundfiles.reader import OpenSound, open_sound
from kwsdata.text import ascii_part, compose

LEFT_OUT = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"})  # of clips' names; more would rename clips
MAX_ID = 60  # characters: tar names hold 100, with the corpus and the extension

_GENDERS = {"male": "male", "m": "male", "man": "male", "female": "female", "f": "female", "woman": "female"}


class Sound(Protocol):
    """A picklable pointer to one sound; `open` runs in a worker."""

    def open(self) -> AbstractContextManager[OpenSound]:
        """Return the sound, to be read once.

        Raises:
            AudioError: it cannot be opened.
        """
        ...


@dataclass(frozen=True)
class FileSound:
    """A sound file."""

    path: Path

    def open(self) -> AbstractContextManager[OpenSound]:
        """See `Sound`."""
        return open_sound(self.path)


@dataclass(frozen=True)
class Source:
    """One sound and what its corpus says of it.

    `key` is unique in the corpus: a path below the imported folder, or an id. `span_s`: [start, end) in seconds of
    what `text` says, when that is not the whole sound. Text is kept tidy (see `kwsdata.text`). `terms`: what the sound
    says of its own licence. `fields`: what else its clip will say.
    """

    key: str
    sound: Sound
    text: str | None = None
    speaker: str | None = None
    language: str | None = None
    gender: str | None = None
    span_s: tuple[float, float] | None = None
    terms: Terms = field(default_factory=Terms)
    fields: ClipFields = field(default_factory=ClipFields)


def clip_id(key: str, suffix: str = "") -> str:
    """Return the name of a clip inside its corpus: letters, digits, `_`, `-`, at most 60 characters with `suffix`.

    A key that does not survive this unchanged (but for `/` that becomes `_`, and a common extension) gets a hash of
    itself appended, so that "été" and "ete", or two words in Arabic script, stay apart.
    """
    stem = compose(key[: -len(Path(key).suffix)] if Path(key).suffix.lower() in LEFT_OUT else key)
    safe = ascii_part(stem)
    longest = MAX_ID - len(suffix)
    if safe == stem.replace("/", "_") and len(safe) <= longest:
        return safe + suffix
    return f"{safe[: longest - 9].strip('_')}-{digest_of(stem)[:8]}{suffix}"


def normal_gender(gender: str | None) -> str | None:
    """Return "male", "female" or None, from the many ways corpora write it ("MALE", "male_masculine", "f")."""
    return _GENDERS.get(gender.strip().lower().split("_")[0]) if gender else None
