"""Check the pages of an Ogg file for what decoders pass over in silence: a cut end, a second stream.

Page (RFC 3533): "OggS", version, flags (2: a stream begins), position, serial number, page number, checksum, the number
of segments, their lengths. All streams of a file begin before anything else of them; one that begins later belongs to
another file, put behind the first one. libsndfile reads the first of them.
"""

from typing import BinaryIO

_HEADER_BYTES = 27
_BEGINS = 2


def ogg_fault(file: BinaryIO, size: int) -> str | None:
    """Return what is wrong with the pages of an Ogg file of `size` bytes; None if nothing is, or it is no Ogg."""
    at, others = 0, False
    while at < size:
        file.seek(at)
        header = file.read(_HEADER_BYTES + 255)
        if header[:4] != b"OggS"[: len(header)]:
            return None  # what follows the pages is no sound
        segments = header[26] if len(header) >= _HEADER_BYTES else 0
        lengths = header[_HEADER_BYTES : _HEADER_BYTES + segments]
        if len(header) < _HEADER_BYTES or len(lengths) < segments:
            return _cut_short(size)
        if not header[5] & _BEGINS:
            others = True
        elif others:
            return f"several sounds, one behind another (chained Ogg): the second begins at byte {at}; split the file"
        at += _HEADER_BYTES + segments + sum(lengths)
    return _cut_short(size) if at > size else None


def _cut_short(size: int) -> str:
    return f"cut short (its last page is not whole, after {size} bytes)"
