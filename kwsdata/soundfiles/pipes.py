"""Read sound from a pipe, decoding it as it arrives where the format allows.

WAV of plain samples, and raw samples, are decoded as they arrive. Other formats need to be gone back in: they are first
copied to a temporary file.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from kwsdata.errors import AudioError
from kwsdata.soundfiles.formats import HEAD_BYTES, format_of, what_else
from kwsdata.soundfiles.reader import OpenSound, check_sound, open_sound
from kwsdata.soundfiles.streams import Pipe, Samples, read_some, sample_blocks, wav_samples

LOG = logging.getLogger(__name__)


@contextmanager
def open_pipe(pipe: Pipe) -> Iterator[OpenSound]:
    """Open the sound that comes through `pipe`.

    Raises:
        AudioError: it is empty, no sound, or in a format that nothing here reads.
    """
    kept = _Kept(pipe)
    head = kept.peek(HEAD_BYTES)
    if not head:
        raise AudioError("is empty (0 bytes)")
    kind = format_of(head)
    if kind is None:
        what = what_else(head)
        raise AudioError(f"cannot be decoded ({f'it is {what}' if what else 'it is in no format of sound'})")
    samples = wav_samples(kept) if kind.name == "WAV" and not head.startswith(b"ID3") else None
    if samples is not None:
        kept.keep_no_more(again=False)
        yield _as_it_arrives(kept, samples)
        return
    LOG.warning("%s cannot be decoded as it comes: all of it is read first.", kind.name)
    with TemporaryDirectory(prefix="kwsdata-") as place:
        path = Path(place, f"sound{kind.suffixes[0]}")
        kept.keep_no_more(again=True)
        with path.open("wb") as file:
            while part := kept.read(1 << 20):
                file.write(part)
        with open_sound(path) as sound:
            yield sound


def raw_sound(pipe: Pipe, rate: int) -> OpenSound:
    """Return raw sound as it comes: 16 bits, little-endian, one channel, no header.

    Raises:
        AudioError: no sound has this rate.
    """
    return _as_it_arrives(pipe, Samples(rate, 1, "PCM_16"))


def _as_it_arrives(pipe: Pipe, samples: Samples) -> OpenSound:
    return check_sound(OpenSound(samples.rate, samples.channels, None, partial(sample_blocks, pipe, samples)))


class _Kept:
    """A pipe whose beginning is kept, so that it can be read again."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._kept = b""
        self._at = 0
        self._keeping = True

    def peek(self, count: int) -> bytes:
        """Return the first `count` bytes, or all if there are fewer; they are still to be read."""
        while len(self._kept) < count and (more := read_some(self._pipe, count - len(self._kept))):
            self._kept += more
        return self._kept[:count]

    def read(self, most: int) -> bytes:
        """Return at most `most` bytes, as soon as there are some; b"" at the end."""
        if self._at < len(self._kept):
            part = self._kept[self._at : self._at + most]
        else:
            part = read_some(self._pipe, most)
            if self._keeping:
                self._kept += part
        self._at += len(part)
        return part

    def keep_no_more(self, again: bool) -> None:
        """Keep nothing that is read from now on; with `again` what was kept is read once more first."""
        self._keeping = False
        self._at = 0 if again else self._at
