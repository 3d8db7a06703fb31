"""Check paths that untrusted data names: below one folder, or refused.

A name is data of others: `../../private/a.wav`, `/etc/passwd`, `C:/a.wav`, a link that leads out of the folder, a named
pipe that would be waited for. Whatever opens a file by such a name gets its path here.
"""

import os
import re
import stat
import unicodedata
from pathlib import Path, PureWindowsPath

from kwsdata.errors import NamedPathError, OutsidePathError

_LONGEST = 255  # bytes of one part: what file systems hold
_SHOWN = 120  # characters of a name in a message
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the direction of what follows: it hides a suffix
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def relative_parts(name: str) -> tuple[str, ...]:
    r"""Return the folders and the file of the relative path `name`; `/` and `\` both separate.

    Raises:
        OutsidePathError: it is absolute, has a drive, is a URL, or holds `..`.
        NamedPathError: it is empty, or no file can have it.
    """
    if not isinstance(name, str):
        raise NamedPathError(f"names {quote(name)}, which is no text")
    if _CONTROL.search(name):
        raise NamedPathError(f"names {quote(name)}, which holds a control character")
    if _URL.match(name):
        raise OutsidePathError(f"names {quote(name)}, a URL")
    windows = PureWindowsPath(name)
    if windows.drive or windows.root:
        raise OutsidePathError(f"names {quote(name)}, an absolute path")
    parts = tuple(part for part in re.split(r"[/\\]", name) if part not in ("", "."))
    if any(not part.strip(". ") for part in parts):  # Windows reads "..." and ".. " as ".."
        raise OutsidePathError(f"names {quote(name)}, which holds '..'")
    if not parts:
        raise NamedPathError("names no file")
    if any(len(os.fsencode(part)) > _LONGEST for part in parts):
        raise NamedPathError(f"names {quote(name)}, which is longer than {_LONGEST} bytes")
    return parts


def quote(name: object) -> str:
    """Return `name` as a message shows it: quoted, escaped, not too long."""
    text = repr(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def printable(name: str) -> str:
    """Return `name` in one line of UTF-8: control characters, and bytes of names that are no UTF-8, are escaped."""
    return "".join(map(_printable, name))


def _printable(letter: str) -> str:
    if 0xDC80 <= ord(letter) <= 0xDCFF:  # how Python reads a byte that is no UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    escaped = unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in _TURNS
    return letter.encode("unicode_escape").decode() if escaped else letter


class NamedFiles:
    """The files that data may name: those below `root`, wherever links lead; any at all with `allow_outside`."""

    def __init__(self, root: Path, allow_outside: bool = False) -> None:
        self.root = root
        self.allow_outside = allow_outside
        self._real_root = os.path.realpath(root)
        self._real_folders: dict[str, str] = {}

    def path(self, name: str) -> Path:
        r"""Return the path of `name`, counted from `root`; the file may be missing.

        A name with `\` is that of a file which is called so, else of one in folders. Letters with marks may be written
        otherwise (composed, decomposed) than they are on the disk.

        Raises:
            OutsidePathError: it is not below `root`.
            NamedPathError: what is there is no file, or no file can have the name.
        """
        name = self._as_on_disk(name)
        path = self._anywhere(name) if self.allow_outside else self._below(name)
        try:
            kind = stat.S_IFMT(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return path
        except OSError as error:
            raise NamedPathError(f"names {quote(name)}, which cannot be read ({error.strerror})") from None
        if kind != stat.S_IFREG:
            raise NamedPathError(f"names {quote(name)}, which is {_KINDS.get(kind, 'something else')} and not a file")
        return path

    def _as_on_disk(self, name: str) -> str:
        """Return `name`, its letters composed or decomposed if a file is called so: a Mac writes "ö" as o and dots."""
        if not isinstance(name, str) or name.isascii():
            return name
        spelled = (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))
        return next((other for other in spelled if os.path.lexists(self.root / other)), name)

    def path_or_absolute(self, name: str) -> Path:
        """Return what `path` does, for data that may also give the absolute path of a file below `root`."""
        if isinstance(name, str) and not self.allow_outside:
            for root in (os.path.abspath(self.root), self._real_root):  # noqa: PTH100 # links are kept
                if name.startswith(f"{root}{os.sep}"):
                    return self.path(name.removeprefix(root).lstrip("/"))
        return self.path(name)

    def _anywhere(self, name: str) -> Path:
        if not isinstance(name, str) or not name or "\0" in name:
            raise NamedPathError(f"names {quote(name)}, which no file can have")
        return self.root / name

    def _below(self, name: str) -> Path:
        parts = relative_parts(name)
        path = self.root.joinpath(*parts)
        if "\\" in name and os.path.lexists(literal := self.root / name):
            path = literal
        folder = str(path.parent)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        real = os.path.realpath(path) if path.is_symlink() else f"{self._real_folders[folder]}{os.sep}{path.name}"
        if not Path(real).is_relative_to(self._real_root):
            raise OutsidePathError(f"names {quote(name)}, from where a link leads elsewhere")
        return path
