"""List and download files behind http(s) URLs.

A server is not trusted: names that it lists stay below the folder, redirects stay on its host or lead to public
addresses, and nothing is larger or slower than the limits allow.
"""

import base64
import http.client
import ipaddress
import math
import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from kwsdata.errors import NamedPathError, StageInputError
from kwsdata.files.named_paths import relative_parts
from kwsdata.params import DownloadParams

ONLY_THE_DISK = DownloadParams(max_gb=math.inf, timeout_s=60)  # limits where params.yaml gives none
Parts = tuple[str, ...]  # of a path below the folder; () of a URL that is one file

_TRIES = 4
_PAUSE_S = 1.0  # before the second try; twice as long before each further one
_BLOCK = 1 << 16
_LARGEST_PAGE = 16 << 20  # bytes
_MOST_PAGES = 10_000
_DEEPEST = 32  # folders in one another
_SLOWEST = 100  # bytes a second
_AT_ONCE = 8
_NO_HEAD = {403, 405, 501}  # how servers refuse to tell of a file without sending it
_FAILURES = (OSError, http.client.HTTPException, ValueError)


@dataclass(frozen=True)
class WebFile:
    """One file of a server. `mark`: its ETag, or the time it was changed; None where the server tells neither."""

    url: str
    size: int | None
    mark: str | None


def shown_url(url: str) -> str:
    """Return a URL without the password or the signature that it may hold, for messages and records."""
    return re.split("[?#]", re.sub("//[^/?#]*@", "//", url))[0]


def web_files(url: str, limits: DownloadParams) -> dict[Parts, WebFile]:
    """Return what lies at a URL: one file, or those that the page of a folder and of the folders in it list.

    Raises:
        StageInputError: it cannot be read, or is a page that lists nothing.
    """
    with _open(url, limits) as response:
        if response.headers.get_content_type() != "text/html":
            return {(): _described(response, url)}
        top = _folder(response.url, url)
        files, folders = _listed(response, top, top, limits)
    seen = {top}
    while folders:
        folder = folders.pop()
        if folder in seen:
            continue
        seen.add(folder)
        if len(seen) > _MOST_PAGES:
            raise StageInputError(f"{shown_url(url)} lists more than {_MOST_PAGES} folders: import them one by one.")
        with _open(folder, limits) as response:
            base = _folder(response.url, url)
            if response.headers.get_content_type() == "text/html" and base.startswith(top):
                more, deeper = _listed(response, top, base, limits)
                files, folders = more | files, folders + deeper
    if not files:
        raise StageInputError(f"{shown_url(url)} is a web page that lists no files below it: give the URL of a file.")
    for parts in files:
        if any(parts[:count] in files for count in range(1, len(parts))):
            raise StageInputError(f"{shown_url(url)} lists {'/'.join(parts)!r} below what it lists as a file.")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(files, pool.map(lambda each: _described_at(each, limits), files.values()), strict=True))


def download(file: WebFile, target: Path, limits: DownloadParams, most_bytes: float) -> int:
    """Copy a file of at most `most_bytes` to the new file `target`; a copy that breaks off goes on where it was.

    Returns its bytes.

    Raises:
        StageInputError: it cannot be read, has changed, or is too large for the limit or the disk.
    """
    for number in range(_TRIES):
        try:
            with target.open("ab") as copy:
                return _copied(file, copy, limits, most_bytes)
        except _FAILURES as error:
            if number == _TRIES - 1 or _is_final(error):
                raise _unreadable(file.url, error) from error
            time.sleep(_PAUSE_S * 2**number)
    raise AssertionError("unreachable")


def _is_final(error: Exception) -> bool:
    return isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code not in (408, 429)


def _copied(file: WebFile, copy: Any, limits: DownloadParams, most_bytes: float) -> int:
    """Copy what `copy` does not have yet; return its length."""
    done = copy.tell()
    resumed = {"Range": f"bytes={done}-", "If-Range": file.mark} if done and _is_strong(file.mark) else {}
    with _ask(file.url, limits, headers=resumed) as response:
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            if resumed and response.status == 206:
                raise OSError("another part of it came than was asked for")
            done = 0
            copy.truncate(0)
        found = _described(response, file.url)
        if file.mark is not None and found.mark != file.mark:
            raise OSError("it has changed while it was copied: run the command again")
        total = None if found.size is None else done + found.size
        _make_room(file.url, total or done, Path(copy.name), limits, most_bytes)
        for block in _blocks(response, limits):
            done += len(block)
            if total is None:
                _make_room(file.url, done, Path(copy.name), limits, most_bytes)
            copy.write(block)
    if total is not None and done != total:
        raise OSError(f"{done} bytes came of {total}")
    return done


def _is_strong(mark: str | None) -> bool:
    return mark is not None and not mark.startswith("W/")


def _make_room(url: str, size: int, target: Path, limits: DownloadParams, most_bytes: float) -> None:
    if size > most_bytes:
        raise StageInputError(
            f"{shown_url(url)} holds {size / 1e9:.3g} GB and more, past download.max_gb = {limits.max_gb:g} for all "
            "that is copied: raise it in params.yaml if you expect that."
        )
    free = shutil.disk_usage(target.parent).free + target.stat().st_size
    if size > free:
        raise StageInputError(
            f"{shown_url(url)} takes {size / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free at {target.parent}: free "
            "some space, or set KWSDATA_CACHE to a folder on another disk."
        )


def _blocks(response: Any, limits: DownloadParams) -> Iterator[bytes]:
    """Yield the body, as long as it comes faster than a trickle."""
    start, came = time.monotonic(), 0
    while block := response.read1(_BLOCK):
        yield block
        came += len(block)
        if (passed := time.monotonic() - start) > limits.timeout_s:
            if came < _SLOWEST * passed:
                raise TimeoutError(f"{came} bytes came in {passed:.0f} s")
            start, came = time.monotonic(), 0


def _described_at(url: str, limits: DownloadParams) -> WebFile:
    try:
        with _open(url, limits, method="HEAD") as response:
            return _described(response, url)
    except StageInputError as error:
        if not isinstance(error.__cause__, urllib.error.HTTPError) or error.__cause__.code not in _NO_HEAD:
            raise
    with _open(url, limits) as response:
        return _described(response, url)


def _described(response: Any, url: str) -> WebFile:
    length = response.headers.get("Content-Length", "")
    mark = response.headers.get("ETag") or response.headers.get("Last-Modified")
    return WebFile(url, int(length) if length.isdecimal() else None, mark)


def _listed(response: Any, top: str, base: str, limits: DownloadParams) -> tuple[dict[Parts, str], list[str]]:
    """Return the files below `top` that a page lists, and the folders below `base`; what leads elsewhere is no part."""
    page = bytearray()
    for block in _blocks(response, limits):
        page += block
        if len(page) > _LARGEST_PAGE:
            raise StageInputError(f"{shown_url(base)} is a page of more than {_LARGEST_PAGE >> 20} MiB.")
    links = _Links()
    links.feed(page.decode(errors="replace"))
    files: dict[Parts, str] = {}
    folders = []
    for target in links.found:
        try:
            link = urlsplit(urljoin(base, target))
            parts = relative_parts(unquote(link.path.removeprefix(urlsplit(top).path)))
        except (NamedPathError, ValueError):
            continue
        url = urlunsplit((link.scheme, urlsplit(top).netloc, link.path, "", ""))
        if not url.startswith(top) or link.query or shown_url(link.geturl()) != shown_url(url):
            continue  # elsewhere, or the same page in another order
        if not url.endswith("/"):
            files.setdefault(parts, url)
        elif url.startswith(base) and url != base and len(parts) <= _DEEPEST:
            folders.append(url)
    return files, folders


class _Links(HTMLParser):
    """What the links of a page lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the target of a link."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _folder(answered: str, asked: str) -> str:
    """Return the URL of a page that `answered`, as a folder, with the user and password that were `asked` with."""
    new, old = urlsplit(answered), urlsplit(asked)
    netloc = old.netloc if new.netloc == old.netloc.rpartition("@")[2] else new.netloc
    return urlunsplit((new.scheme, netloc, new.path if new.path.endswith("/") else f"{new.path}/", "", ""))


def _open(url: str, limits: DownloadParams, method: str = "GET") -> Any:
    """Ask for a URL; the response is to be closed.

    Raises:
        StageInputError: there is no answer, or one that says no; its cause is the exception of urllib.
    """
    try:
        return _ask(url, limits, method)
    except _FAILURES as error:
        raise _unreadable(url, error) from error


def _ask(url: str, limits: DownloadParams, method: str = "GET", headers: dict[str, Any] | None = None) -> Any:
    parts = urlsplit(url)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    request = urllib.request.Request(bare, method=method, headers={"User-Agent": "kwsdata"} | (headers or {}))
    if parts.username is not None:
        told = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(told).decode()}")
    return _OPENER.open(request, timeout=limits.timeout_s)


def _unreadable(url: str, error: Exception) -> StageInputError:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return StageInputError(f"{shown_url(url)} cannot be read (HTTP {error.code} {error.reason}).")
    return StageInputError(f"{shown_url(url)} cannot be read ({type(error).__name__}: {error}).")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects on a host, and to others that are public; never to another protocol."""

    max_redirections = 5

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Return the request that follows, or raise StageInputError."""
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("http", "https") or (old.scheme, new.scheme) == ("https", "http"):
            raise StageInputError(f"{shown_url(req.full_url)} redirects to {new.scheme}, which is not followed.")
        if new.hostname != old.hostname and not _is_public(new.hostname or ""):
            raise StageInputError(
                f"{shown_url(req.full_url)} redirects to {new.hostname}, which is no public address: not followed."
            )
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and new.netloc == old.netloc and (told := req.unredirected_hdrs.get("Authorization")):
            following.add_unredirected_header("Authorization", told)
        return following


def _is_public(host: str) -> bool:
    try:
        found = {str(address[4][0]) for address in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(re.sub("%.*", "", address)).is_global for address in found)


_OPENER = urllib.request.build_opener(_Redirects)
