"""Read and change small text files that commands, editors and git share: strictly, and whole or not at all."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import atomic_path
from kwsdata.files.locks import locked

_BOM = b"\xef\xbb\xbf"
_CONFLICT = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")  # what git leaves where two people changed the same lines
# Line breaks to some programs and none to others: two records could hide in one line.
_BREAKS = {"\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"}


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, text) of each line of `path` that is not blank; none if there is no such file.

    A byte-order mark, CRLF line ends, a missing last line end and white space around a line are the editor's business.

    Raises:
        StageInputError: the file is no text file, or a line holds what no command writes; the message has its number.
    """
    path = Path(path)
    for number, raw in enumerate(_bytes_of(path).removeprefix(_BOM).split(b"\n"), start=1):
        try:
            line = raw.decode().removesuffix("\r")
        except UnicodeDecodeError as error:
            raise StageInputError(
                f"{path}, line {number}: byte {error.start + 1} is {raw[error.start]:#04x}, which is not UTF-8: save "
                "the file as UTF-8, or mend the line."
            ) from None
        if line.startswith(_CONFLICT) and (line in _CONFLICT or line[7] == " "):
            raise StageInputError(
                f"{path}, line {number}: {line[:40]!r} is git's mark of a merge conflict: keep the lines of both "
                "sides, delete the marks, and `git add` the file."
            )
        for place, character in enumerate(line, start=1):
            if character in _BREAKS or (character < " " and character != "\t") or character == "\x7f":
                raise StageInputError(
                    f"{path}, line {number}: character {place} is {character!r}, which no line may hold: delete it, or "
                    "put what follows on a line of its own."
                )
        if line.strip():
            yield number, line.strip()


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Add `lines` to the end of `path`, each on a line of its own, made if it is missing; on disk when this returns.

    A reader, and a crash, meet the file as it was or with all of the lines.

    Raises:
        OSError: the disk is full or read-only; the file is as it was.
        LockedError, StageInputError: as `rewrite`.
    """

    def longer(before: bytes) -> bytes:
        end = b"\r\n" if b"\r\n" in before else b"\n"
        start = end if before.removeprefix(_BOM) and not before.endswith(b"\n") else b""
        return before + start + b"".join(line.encode() + end for line in lines)

    rewrite(path, longer)


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Make the contents of `path` what `change` returns for them (empty, if there is no such file).

    One process at a time: none overwrites what another one wrote. The file keeps its mode and, where this process may
    give files away, its owner; a symbolic link keeps naming it.

    Raises:
        StageInputError: it is no regular file.
        LockedError: another process does not let go of it.
        OSError: it cannot be written; the file is as it was.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        before = _bytes_of(path)
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "it may not be written", str(path))
        after = change(before)
        if after == before and path.exists():
            return
        with atomic_path(path) as scratch:
            scratch.write_bytes(after)
            if path.exists():
                _take_over(path.stat(), scratch)


def _bytes_of(path: Path) -> bytes:
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return b""
    if not stat.S_ISREG(kind):
        raise StageInputError(f"{path} is no regular file: move it away.")
    return path.read_bytes()


def _take_over(old: os.stat_result, new: Path) -> None:
    if hasattr(os, "chown") and (old.st_uid, old.st_gid) != (new.stat().st_uid, new.stat().st_gid):
        with suppress(PermissionError):  # what a group shares belongs to whoever of it wrote it last
            os.chown(new, old.st_uid, old.st_gid)
    new.chmod(stat.S_IMODE(old.st_mode))
