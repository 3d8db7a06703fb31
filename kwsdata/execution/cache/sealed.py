"""Files that carry the hash of their own bytes; a damaged one reads as missing.

kwsdata sealed 1 <SHA-256 of the rest, hex>\\n
the rest
"""

import hashlib
import secrets
from pathlib import Path

from kwsdata.files.atomic import atomic_path

_MAGIC = b"kwsdata sealed 1 "
_HEAD = len(_MAGIC) + 64 + 1


def write_sealed(path: Path, data: bytes, flush: bool = True) -> None:
    """Write `data` under its hash to `path`, atomically.

    Args:
        path: where to.
        data: what.
        flush: wait for the disk. Without, a power cut may leave an empty file, which reads as none.
    """
    if flush:
        with atomic_path(path) as scratch:
            scratch.write_bytes(_head(data) + data)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        scratch.write_bytes(_head(data) + data)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def read_sealed(path: Path) -> bytes | None:
    """Return what `write_sealed` wrote to `path`; None where there is no such file, or it is damaged."""
    try:
        found = path.read_bytes()
    except OSError:
        return None
    data = found[_HEAD:]
    return data if found[:_HEAD] == _head(data) else None


def _head(data: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n"
