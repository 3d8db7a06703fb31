"""Check the bytes that DVC tracks against git's record: here, in DVC's cache, or in a remote.

DVC trusts objects by their names: unless a remote has the option `verify`, `dvc pull` puts a truncated object in place
without a word, and `dvc status` then calls it up to date. Here every byte is read and hashed again.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from kwsdata.errors import KwsError
from kwsdata.execution.progress import counter

FILES, CACHE = "files", "cache"  # places; any other name is a remote's
_LISTED = 10
_THREADS = 8  # most of the time is waiting for a network or a disk
_BLOCK = 1 << 20
_DIR = ".dir"  # ends the hash of a directory, whose object is the list of its files

_ADVICE = {
    FILES: "`dvc checkout --force` puts back what DVC's cache has; `kwsdata verify cache` says whether that is whole.",
    CACHE: "Delete the damaged ones, then `dvc pull --force` (or `dvc repro`, which makes them again).",
}
_REMOTE_ADVICE = (
    "`dvc push` does not help: it looks for names, and only for those of directories. Where `kwsdata verify cache` "
    "finds nothing, type `kwsdata verify {} --mend`, which uploads these again."
)


class VerifyError(KwsError):
    """What is in a place is not what git records, or cannot be read."""


@dataclass(frozen=True)
class Tracked:
    """What DVC tracks at `path` below the project. `md5`: of its bytes, as git records it."""

    path: str
    md5: str


def verify(place: str = FILES, root: Path = Path(), mend: bool = False) -> dict[str, Any]:
    """Hash what the project at `root` needs of a place: `files`, `cache`, or the name of a remote; return counts.

    Args:
        place: what to read.
        root: of the project.
        mend: upload to the remote again what is damaged or missing there, and whole in DVC's cache here.

    Raises:
        VerifyError: something is missing or has other bytes; the place is no remote, or cannot be read.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo  # a second to import

    local = place in (FILES, CACHE)
    if mend and local:
        raise VerifyError(f"only a remote can be mended from here, and {place!r} is none. {_ADVICE[place]}")
    try:
        repo = Repo(str(root))
        store = repo.cache.local if local else repo.cloud.get_remote_odb(place, "verify")
        if not local:
            _check_there(repo.cloud.get_remote(place, "verify"))
        tracked = list(_tracked(repo, store, imports=local))
    except DvcException as error:
        raise VerifyError(f"{place} of {Path(root).resolve()}: {error}") from None
    if place == FILES:
        top, fs = Path(repo.root_dir), LocalFileSystem()
        files = {str(top / file.path): file for file in tracked if not file.md5.endswith(_DIR)}
    else:
        files, fs = {store.oid_to_path(file.md5): file for file in tracked}, store.fs
    size, wrong = _check(place, files, fs)
    count = {"place": place, "objects": len(files), "bytes": size}
    if mend:
        mended = [path for path in wrong if _whole(repo.cache.local, files[path])]
        for path in mended:
            file = files[path]
            store.add(repo.cache.local.oid_to_path(file.md5), repo.cache.local.fs, file.md5, check_exists=False)
            del wrong[path]
        count["mended"] = len(mended)
    if wrong:
        told = [
            f"{files[path].path} ({what})" + (f" at {fs.unstrip_protocol(path)}" if place != FILES else "")
            for path, what in wrong.items()
        ]
        more = f" and {len(told) - _LISTED} more" if len(told) > _LISTED else ""
        raise VerifyError(
            f"{len(told)} of {len(files)} objects in {place} are not what git records: {'; '.join(told[:_LISTED])}"
            f"{more}. {_ADVICE.get(place, _REMOTE_ADVICE.format(place))}"
        )
    return count


def _check_there(remote: Any) -> None:
    """Raise VerifyError if the folder that a remote is does not exist: mending would then fill another disk."""
    try:
        if remote.fs.exists(remote.path):
            return
    except Exception as error:  # the libraries behind fsspec share no base class
        raise VerifyError(f"{remote.name} cannot be read: {type(error).__name__}: {error}") from error
    raise VerifyError(
        f"the folder of {remote.name}, {remote.fs.unstrip_protocol(remote.path)}, does not exist: mount the disk it is "
        f"on, or correct it with `dvc remote modify {remote.name} url`; where nothing was ever pushed, `dvc push` "
        "makes it."
    )


def _whole(cache: Any, file: Tracked) -> bool:
    _, md5 = _hash(cache.fs, cache.oid_to_path(file.md5))
    return md5 == file.md5.removesuffix(_DIR)


def _tracked(repo: Any, store: Any, imports: bool) -> Iterator[Tracked]:
    """Yield every output with a recorded hash, and every file of those that are directories.

    imports: also what came from another project by `dvc import`; that one's remote has it.
    """
    from dvc_data.hashfile.tree import Tree
    from dvc_objects.errors import ObjectFormatError

    for out in repo.index.outs:
        if not out.use_cache or not out.hash_info or (out.stage.is_repo_import and not imports):
            continue
        path = Path(out.fs_path).relative_to(repo.root_dir).as_posix()
        yield Tracked(path, out.hash_info.value)
        for odb in (repo.cache.local, store) if out.hash_info.isdir else ():
            try:
                listed = Tree.load(odb, out.hash_info)
            except (FileNotFoundError, ObjectFormatError):
                continue  # the list itself is missing or damaged, which its own check finds
            for key, _, hash_info in listed:
                yield Tracked("/".join((path, *key)), hash_info.value)
            break
        else:
            if out.hash_info.isdir and store is repo.cache.local:
                raise VerifyError(
                    f"nothing here says which files {path} has: its list {out.hash_info.value} is missing from DVC's "
                    f"cache, or damaged ({store.oid_to_path(out.hash_info.value)}). Type `dvc pull`; where "
                    "that fails, `kwsdata verify REMOTE` names what the remote lacks."
                )


def _check(place: str, files: dict[str, Tracked], fs: AbstractFileSystem) -> tuple[int, dict[str, str]]:
    """Hash `files`, {path in `fs`: what it is to be}; return their bytes in all, and {path: what is wrong with it}."""

    def look(path: str) -> tuple[int | None, str]:
        return _hash(fs, path)

    wrong, total = {}, 0
    with ThreadPoolExecutor(_THREADS) as pool, counter(f"verify {place}", "file", len(files)) as bar:
        try:
            for (path, file), (size, md5) in zip(files.items(), pool.map(look, files), strict=True):
                total += size or 0
                bar.update()
                if md5 != file.md5.removesuffix(_DIR):
                    wrong[path] = "missing" if size is None else f"damaged, {size} bytes"
        except Exception as error:  # the libraries behind fsspec share no base class
            pool.shutdown(cancel_futures=True)
            raise VerifyError(f"{place} cannot be read: {type(error).__name__}: {error}") from error
    return total, wrong


def _hash(fs: AbstractFileSystem, path: str) -> tuple[int | None, str]:
    """Return the number of bytes and their MD5, which is what DVC names objects by; (None, "") of a missing file."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        with fs.open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except FileNotFoundError:
        return None, ""
    return size, digest.hexdigest()
