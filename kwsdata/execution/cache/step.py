"""Steps: the kinds of work whose results the cache keeps. Each is declared once, where it is done:

    EMBED = Step("embed", __name__, suffix=".npy")
    ...
    path = EMBED.get(partial(_embed, pieces), embedder=embedder.identity, sound=content)

The key of an entry is the step, its code (`kwsdata.execution.cache.code`), and all that is given by name: inputs by
their content (`kwsdata.clips.content`), params by value. What `make` raises on is no entry; neither is what is damaged
later.
"""

import errno
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from kwsdata.errors import CacheError
from kwsdata.execution.cache.code import PACKAGES, closure, code_digest, module_file
from kwsdata.execution.cache.entries import VALUE, is_whole, note_use, remove, write_entry
from kwsdata.execution.cache.root import cache_root, tag
from kwsdata.execution.cache.sealed import read_sealed, write_sealed
from kwsdata.files.site import reach

STEPS: dict[str, "Step"] = {}  # every step of the modules that are loaded
_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT}  # the last: deleted while it is in use


class Step:
    """One kind of work. `name` is its folder in the cache; no two share one."""

    def __init__(self, name: str, *code: str, suffix: str = "", cheap: bool = False) -> None:
        """Declare a step.

        Args:
            name: of the step: letters, digits, `_`.
            code: the modules that make its entries; what they import counts as well.
            suffix: of an entry's file, such as ".npy"; "" for a folder.
            cheap: its values do not wait for the disk, stay on this machine, and are not kept where the cache cannot
                be written.

        Raises:
            ValueError: another step has the name.
        """
        self.name, self.code, self.suffix, self.cheap = name, code, suffix, cheap
        if (other := STEPS.get(name)) is not None and other.code != code:
            raise ValueError(f"two steps are called {name!r}, of {other.code} and {code}")
        STEPS[name] = self

    def get(self, make: Callable[[Path], object], /, **key: Any) -> Path:
        """Return the file or folder of an entry, made now unless the cache has it whole.

        Args:
            make: writes the file or folder whose path it is given; importable code of this step.
            key: all that decides what `make` writes, as plain values (JSON).

        Raises:
            CacheError: the cache cannot be written.
        """
        path = self.path(**key)
        here = reach(path.parent)
        if is_whole(here):
            note_use(here)
        else:
            self._check(make)
            with _writing(here):
                write_entry(here, path.name, make, {"step": self.name, "code": self._code(), "key": sorted(key)})
        return path

    def path(self, **key: Any) -> Path:
        """Return where the file or folder of an entry lies, or would lie."""
        folder = self._folder(key)
        return folder / f"{folder.parent.name}{folder.name[:14]}{self.suffix}"

    def has(self, **key: Any) -> bool:
        """Return whether the entry is there, whole."""
        return is_whole(reach(self._folder(key)))

    def value(self, make: Callable[[], Any], /, **key: Any) -> Any:
        """Return a small value (JSON), made now unless the cache has it. Args and Raises as of `get`."""
        folder = self._folder(key)
        path = folder.with_name(f"{folder.name}{VALUE}")
        here = path if self.cheap else reach(path)
        if (data := read_sealed(here)) is not None:
            note_use(here)
            return json.loads(data)
        self._check(make)
        data = json.dumps(make(), sort_keys=True).encode()
        with suppress(CacheError) if self.cheap else nullcontext(), _writing(here):
            if here.is_dir():
                remove(here)
            write_sealed(here, data, flush=not self.cheap)
        return json.loads(data)

    def workspace(self, **key: Any) -> Path:
        """Return the folder of work that is under way; it may not exist. Checking and removing are the caller's."""
        return self._folder(key)

    def _code(self) -> str:
        return code_digest(*self.code)

    def _folder(self, key: dict[str, Any]) -> Path:
        text = json.dumps([self.name, self._code(), key], sort_keys=True, allow_nan=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return cache_root().absolute() / self.name / digest[:2] / digest[2:]

    def _check(self, make: Callable[..., object]) -> None:
        """Raise TypeError if `make` is code of the project whose edit this step would not notice."""
        while isinstance(make, partial):
            make = make.func
        module = getattr(make, "__module__", None) or ""
        if module.split(".")[0] in PACKAGES and module_file(module) not in closure(*self.code):
            raise TypeError(f"{module} makes entries of the step {self.name!r}, whose code is {self.code} and imports")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn a full or closed disk below the cache's root, three folders above `path`, into one line."""
    root = path.parents[2]
    try:
        tag(root)
        yield
    except OSError as error:
        if error.errno in _FULL or (error.errno in _CLOSED and Path(str(error.filename)).is_relative_to(root)):
            raise CacheError(
                f"the cache at {root} cannot be written ({error.strerror}): make room with `kwsdata cache --prune`, or "
                "set KWSDATA_CACHE to a folder that can be written. What is done is kept."
            ) from None
        raise
