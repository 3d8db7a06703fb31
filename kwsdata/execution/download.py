"""Copy sound from a URL (`s3://`, `ssh://`, `https://`, or any other that fsspec knows) into the cache.

Importers and pools read a corpus from end to end, once; so it is copied whole into the cache, and stages never wait for
a network or find other bytes in it than the run before did. Keys and endpoints are those of the protocol's own client:
AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ~/.aws, ~/.ssh/config...

Names that a server or a bucket lists stay below the copy. `http_files` reads what web servers list.
"""

import shutil
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from kwsdata.errors import KwsError, NamedPathError, StageInputError
from kwsdata.execution.cache import Step, scratch_folder
from kwsdata.execution.http_files import ONLY_THE_DISK, Parts, WebFile, download, shown_url, web_files
from kwsdata.files.atomic import sha256_of
from kwsdata.files.named_paths import relative_parts
from kwsdata.params import DownloadParams

COPIES = Step("fetched", __name__)


def is_url(name: str | Path) -> bool:
    """Return whether `name` is a URL instead of a path of this machine."""
    return "://" in str(name)


def local_copy(name: str | Path, limits: DownloadParams = ONLY_THE_DISK) -> Path:
    """Return `name` itself if it is a path of this machine, else a copy of what the URL names, a file or a folder.

    What was copied before is copied again if a name, a size or a time or hash that the server gives has changed, or if
    it gives neither time nor hash.

    Raises:
        StageInputError: nothing is there, the protocol's package is missing, it cannot be read, names a path outside
            the copy, or is too large for `limits` or the disk.
    """
    if not is_url(name):
        return Path(name)
    url = str(name)
    try:
        return _web_copy(url, limits) if url.lower().startswith(("http://", "https://")) else _copy(url, limits)
    except KwsError:
        raise
    except ImportError as error:
        raise StageInputError(
            f"{shown_url(url)}: {error}. For s3:// and ssh://, `pip install 'kwsdata[s3,ssh]'`."
        ) from None
    except Exception as error:  # the libraries behind fsspec share no base class
        raise StageInputError(f"{shown_url(url)} cannot be read: {type(error).__name__}: {error}") from error


def _copy(url: str, limits: DownloadParams) -> Path:
    import fsspec

    fs, root = fsspec.url_to_fs(url)
    root = root.rstrip("/")
    found = {path: row for path, row in fs.find(root, detail=True).items() if not path.endswith("/")}
    if not found:
        raise FileNotFoundError(url)
    sizes = [int(row.get("size") or 0) for row in found.values()]
    _make_room(url, sum(sizes), limits)
    below = {path: () if [*found] == [root] else _below(url, root, path) for path in found}
    state = [[path, str(fs.ukey(path))] for path in found]
    name = PurePosixPath(root).name or str(fs.protocol[0])
    return COPIES.get(partial(_get, fs, below, sizes, name), url=url, state=state) / name


def _below(url: str, root: str, path: str) -> Parts:
    name = path.removeprefix(f"{root}/")
    try:
        if name == path and root:
            raise NamedPathError(f"names {path!r}, which is not below it")
        return relative_parts(name)
    except NamedPathError as error:
        raise StageInputError(f"{shown_url(url)} {error}: nothing of it is copied.") from None


def _get(fs: Any, below: dict[str, Parts], sizes: list[int], name: str, out: Path) -> None:
    """Copy files of the file system `fs` to their places below `out`/`name`."""
    out.mkdir()
    places = [out.joinpath(name, *parts) for parts in below.values()]
    if len(set(places)) < len(places):
        raise StageInputError(f"{name} holds two files of one name: rename one of them.")
    for folder in {place.parent for place in places}:
        folder.mkdir(parents=True, exist_ok=True)
    fs.get(list(below), [str(place) for place in places])
    for path, place, size in zip(below, places, sizes, strict=True):
        if place.stat().st_size != size:
            raise StageInputError(f"{path} came with {place.stat().st_size} bytes of {size}: run the command again.")


def _web_copy(url: str, limits: DownloadParams) -> Path:
    files = web_files(url, limits)
    _make_room(url, sum(file.size or 0 for file in files.values()), limits)
    name = _name_of(url)
    if all(file.mark is not None for file in files.values()):
        state = [[file.url, str(file.size), str(file.mark)] for _, file in sorted(files.items())]
        return COPIES.get(partial(_download, files, name, limits), url=url, state=state) / name
    with scratch_folder("fetched") as scratch:  # nothing tells what is new, so its bytes must
        _download(files, name, limits, scratch / "new")
        state = [[file.url, sha256_of(scratch.joinpath("new", name, *parts))] for parts, file in sorted(files.items())]
        return COPIES.get(partial(_move, scratch / "new"), url=url, state=state) / name


def _name_of(url: str) -> str:
    try:
        return relative_parts(PurePosixPath(unquote(urlsplit(url).path)).name)[-1]
    except NamedPathError:
        return "files"


def _download(files: dict[Parts, WebFile], name: str, limits: DownloadParams, out: Path) -> None:
    """Copy files of a web server to their places below `out`/`name`."""
    left = limits.max_gb * 1e9
    for parts, file in files.items():
        place = out.joinpath(name, *parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        left -= download(file, place, limits, left)


def _move(made: Path, out: Path) -> None:
    shutil.move(made, out)


def _make_room(url: str, size: int, limits: DownloadParams) -> None:
    if size > limits.max_gb * 1e9:
        raise StageInputError(
            f"{shown_url(url)} holds {size / 1e9:.3g} GB, more than download.max_gb = {limits.max_gb:g}: raise it "
            "in params.yaml if you expect that."
        )
