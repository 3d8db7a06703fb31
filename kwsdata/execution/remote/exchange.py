"""Run tasks on workers that see no project disk: their inputs and outputs pass through an object store.

The process that runs the stage sends what the stage reads (by content: once, whatever the stage or the run) with an
index {path: bytes}, and then tasks as pickles in which every path below the project or its cache is written as such. A
worker brings a file from the store when a task first asks for it (`kwsdata.files.site`), keeps it on its own disk,
sends what the task left behind (`atomic_path`), and answers with the result and the hashes of those files; the stage's
process puts them where the worker would have put them. From there on nothing differs: the same files with the same
bytes, in the same places.

What lies in the cache is named by the hash of what made it, so any later task, on any worker, finds it in the store by
that name: a stage that was interrupted makes what is missing.
"""

import io
import json
import os
import pickle
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import takewhile
from pathlib import Path, PurePath
from socket import gethostname
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from kwsdata.errors import NamedPathError, WorkerError
from kwsdata.execution.cache import cache_root, code_of, is_whole
from kwsdata.execution.progress import progress
from kwsdata.execution.remote.store import Blob, Store, blob_of
from kwsdata.files.atomic import atomic_path, link_or_copy
from kwsdata.files.named_paths import relative_parts
from kwsdata.files.site import working_at

Places = Mapping[str, Path]  # where "cache" and "project" lie
Made = list[tuple[str, str, dict[str, Blob]]]  # place, path below it, a file {"": blob} or a directory {path: blob}
_NOT_OURS = "it is none that kwsdata wrote. Find out who else writes there, and delete the prefix `names`."
_TRANSFERS = 8  # files sent side by side
_ONE_AT_A_TIME = Lock()  # directory and environment are the process's


class Sender:
    """The side of the stage: `pack` a task, let a worker call `work`, `unpack` its answer."""

    def __init__(self, function: Callable[[Any], Any], url: str, reads: Iterable[Path]) -> None:
        """Send all that tasks of `function` may read: the files and directories `reads`.

        Raises:
            WorkerError: the store does not answer.
        """
        self._function, self._code = function, code_of(function)
        self._store = Store(url)
        self._store.look()
        self._places = {"cache": cache_root().absolute(), "project": Path.cwd()}
        every = (file for path in reads for file in ([path] if path.is_file() else path.rglob("*")))
        files = sorted({file.absolute() for file in every if file.is_file()})
        with ThreadPoolExecutor(_TRANSFERS) as pool, TemporaryDirectory() as scratch:
            sent = progress(pool.map(self._store.put, files), "send", "file", len(files))
            index = {file.as_posix(): [blob.sha256, blob.size] for file, blob in zip(files, sent, strict=True)}
            (sheet := Path(scratch) / "index.json").write_text(json.dumps(index))
            self.work = Worker(url, self._store.put(sheet), tuple(self._places.items()))

    def pack(self, task: Any) -> bytes:
        """Return `task` as any worker can read it."""
        return _packed((self._function, self._code, task), self._places)

    def unpack(self, answer: tuple[bytes, Made]) -> Any:
        """Put the files that a task made in their places; return its result."""
        result, made = answer
        for place, below, files in made:
            path = self._places[place] / below
            if place != "cache" or not is_whole(path):
                _bring(self._store, files, path)
        return _unpacked(result, self._places)


class Worker:
    """The side of a worker: a picklable function from a packed task to its packed result and the files it made."""

    def __init__(self, url: str, index: Blob, stage: tuple[tuple[str, Path], ...]) -> None:
        self.url, self.index, self.stage = url, index, stage

    def __call__(self, task: bytes) -> tuple[bytes, Made]:
        """Run a task of the stage.

        Raises:
            WorkerError: the store fails.
        """
        with _ONE_AT_A_TIME:
            return _copies(self.url, self.index, self.stage, _own_disk()).run(task)


class _Copies:
    """The project as a worker has it: a directory that fills with what tasks ask for. A `kwsdata.files.site.Site`."""

    def __init__(self, url: str, index: Blob, stage: Places, disk: Path) -> None:
        self._store, self._stage, self._disk = Store(url), stage, disk
        root = disk / "projects" / index.sha256[:16]  # the same index, the same bytes at each path
        root.mkdir(parents=True, exist_ok=True)
        self._places = {"cache": disk / "results", "project": root}
        self._index = {path: Blob(*blob) for path, blob in json.loads(self._own(index).read_text()).items()}
        self._paths = sorted(self._index)
        self._kept: dict[Path, None] = {}
        self._checked: set[Path] = set()  # files of the stage whose bytes here are known to be right
        self._bringing = False

    def run(self, task: bytes) -> tuple[bytes, Made]:
        """Run a packed task here; see `Worker`."""
        self._kept.clear()
        os.chdir(self._places["project"])
        with _variable("KWSDATA_CACHE", str(self._places["cache"])), working_at(self):
            function, code, value = _unpacked(task, self._places)
            check_code(function, code)
            result = _packed(function(value), self._places)
        return result, self._send_kept()

    def _send_kept(self) -> Made:
        made: Made = []
        for path in self._kept:
            found = _placed(path, self._places)
            if found is None or not path.exists():  # a part of a directory that was renamed when it was whole
                continue
            place, below = found
            if path.is_file():
                files = {"": self._store.put(path)}
            else:
                inside = sorted(file for file in path.rglob("*") if file.is_file())
                files = {file.relative_to(path).as_posix(): self._store.put(file) for file in inside}
            if place == "cache":
                self._store.name(below, files)
            elif path.is_file():  # it is the stage's now, and no task will ask for it
                path.unlink()
            made.append((place, below, files))
        return made

    def keep(self, path: Path) -> None:
        """Note a path that a task made."""
        if not self._bringing:
            self._kept[path.absolute()] = None

    def find(self, path: Path) -> Path:
        """Bring the file or directory `path` here, if the store has it; return where it is."""
        path = path.absolute()
        here = _placed(path, self._places)
        there = path if here is None else self._stage[here[0]] / here[1]  # what the stage calls it
        key = there.as_posix()
        wanted = [key] if key in self._index else list(self._below(key))
        if wanted:
            for file in wanted:
                self._copy(file)
            return self._target(there)
        result = _placed(there, {"cache": self._stage["cache"]})
        return path if result is None else self._result(result[1])

    def _below(self, key: str) -> Iterator[str]:
        start = bisect_left(self._paths, f"{key}/")
        return takewhile(
            lambda path: path.startswith(f"{key}/"), (self._paths[n] for n in range(start, len(self._paths)))
        )

    def _result(self, below: str) -> Path:
        """Return where the result `below` of the cache is or would be, whichever worker made it."""
        path = self._places["cache"] / below
        if not is_whole(path) and (files := self._store.named(below)) is not None:
            with self._not_made():
                _bring(self._store, files, path)
        if path.exists():
            self.keep(path)  # the stage wants it as if it had been made now
        return path

    def _target(self, there: Path) -> Path:
        root, project, cache = self._places["project"], self._stage["project"], self._stage["cache"]
        if there.is_relative_to(cache):
            return self._places["cache"] / there.relative_to(cache)
        if there.is_relative_to(project):
            return root / there.relative_to(project)
        return root / ".elsewhere" / there.relative_to(there.anchor)

    def _copy(self, key: str) -> None:
        target, blob = self._target(Path(key)), self._index[key]
        if target not in self._checked and not _holds(target, blob):
            with self._not_made(), atomic_path(target) as scratch:
                link_or_copy(self._own(blob), scratch)
        self._checked.add(target)

    def _own(self, blob: Blob) -> Path:
        """Return this disk's copy of `blob`, whatever paths it goes by."""
        own = self._disk / "blobs" / blob.sha256[:2] / blob.sha256[2:]
        if not _holds(own, blob):
            self._store.get(blob, own)
        return own

    @contextmanager
    def _not_made(self) -> Iterator[None]:
        self._bringing = True
        try:
            yield
        finally:
            self._bringing = False


@lru_cache(maxsize=2)
def _copies(url: str, index: Blob, stage: tuple[tuple[str, Path], ...], disk: Path) -> _Copies:
    return _Copies(url, index, dict(stage), disk)


def _own_disk() -> Path:
    """Return the directory that the workers of a machine share: `kwsdata` beside theirs in Dask's local directory."""
    from distributed import get_worker

    return Path(get_worker().local_directory).absolute().parent / "kwsdata"


def check_code(function: Callable[..., Any], code: str | None) -> None:
    """Do nothing if this process runs `function` by the code of the stage, whose digest is `code`.

    Raises:
        WorkerError: it runs other code, or with other releases of libraries.
    """
    if code_of(function) != code:
        raise WorkerError(
            f"the Dask worker on {gethostname()} runs other code than this stage, or other releases of what it "
            "computes with: bring its environment up to date (constraints.txt), and start the worker again."
        )


def _holds(path: Path, blob: Blob) -> bool:
    """Return whether the file `path` is there with the bytes of `blob`: a worker's disk may be damaged as well."""
    return path.is_file() and blob_of(path) == blob


def _bring(store: Store, files: Mapping[str, Blob], path: Path) -> None:
    """Put a file ({"": blob}) or a directory ({path below it: blob}) from the store at `path`, atomically.

    Raises:
        WorkerError: the store fails, or its record names a path outside the directory; nothing is brought then.
    """
    for below in files.keys() - {""}:
        _check_below(below, path)
    if "" in files:
        store.get(files[""], path)
        return
    with atomic_path(path) as scratch:
        scratch.mkdir()
        for below, blob in files.items():
            store.get(blob, scratch / below)


def _check_below(below: str, path: Path) -> None:
    try:
        plain = "/".join(relative_parts(below))
    except NamedPathError as error:
        raise WorkerError(f"the record of {path.name} in executor.store {error}: {_NOT_OURS}") from None
    if plain != below:
        raise WorkerError(f"the record of {path.name} in executor.store names {below!r}, not {plain!r}: {_NOT_OURS}")


def _placed(path: Path, places: Places) -> tuple[str, str] | None:
    """Return (place, path below it) of an absolute path, or None where it is in none of them."""
    for place, root in places.items():
        if path.is_relative_to(root):
            return place, path.relative_to(root).as_posix()
    return None


class _Packer(pickle.Pickler):
    """A pickler that writes paths of the project and its cache as such; the cache may lie in the project."""

    def __init__(self, file: io.BytesIO, places: Places) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._places = places

    def persistent_id(self, value: Any) -> tuple[str, str] | None:
        """Return the place of a path, None for all else (which is pickled as ever)."""
        return _placed(Path(value), self._places) if isinstance(value, PurePath) and value.is_absolute() else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, places: Places) -> None:
        super().__init__(file)
        self._places = places

    def persistent_load(self, place: tuple[str, str]) -> Path:
        """Return the path at a place here."""
        return self._places[place[0]] / place[1]


def _packed(value: Any, places: Places) -> bytes:
    file = io.BytesIO()
    _Packer(file, places).dump(value)
    return file.getvalue()


def _unpacked(data: bytes, places: Places) -> Any:
    return _Unpacker(io.BytesIO(data), places).load()


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
