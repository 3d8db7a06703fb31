"""Web servers of any kind: what they list stays below the copy, and a copy is whole, new and within limits."""

import http.client
import os
import shutil
import time
from pathlib import Path

import pytest
from web import Web, web

import kwsdata.execution.http_files as http_files
from kwsdata.errors import StageInputError
from kwsdata.execution.download import local_copy
from kwsdata.execution.http_files import shown_url
from kwsdata.importers.run import run_import
from kwsdata.params import DownloadParams

LIMITS = DownloadParams(max_gb=0.01, timeout_s=5)
SOUND = b"RIFF" + bytes(range(256)) * 1000


@pytest.fixture
def server(project, monkeypatch):
    monkeypatch.setattr(http_files, "_PAUSE_S", 0.001)
    with web() as held:
        held.files["/data/good.wav"] = SOUND
        held.index("/data/", "../", "?C=M;O=A", "good.wav", "#top", "mailto:us@example.org", "javascript:alert(1)")
        yield held


def below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def outside(project: Path) -> set[str]:
    """Return what lies beside the project and its cache."""
    return {name for name in below(project) if not name.startswith("cache/")}


def test_a_folder_is_what_its_page_lists(server, project):
    server.files["/data/a b/é.wav"] = b"x"
    server.files["/data/a%20b/%C3%A9.wav"] = b"x"
    server.index("/data/", "../", "good.wav", "./good.wav", "/data/good.wav", f"{server.url}/data/good.wav", "a%20b/")
    server.index("/data/a%20b/", "../", "%C3%A9.wav", "/data/a%20b/", "../good.wav")
    copy = local_copy(f"{server.url}/data/", LIMITS)
    assert copy.name == "data"
    assert below(copy) == {"good.wav", "a b/é.wav"}
    assert (copy / "good.wav").read_bytes() == SOUND


def test_a_folder_asked_for_without_its_slash_is_one_as_well(server):
    server.index("/data", "good.wav", "/data/good.wav")
    assert below(local_copy(f"{server.url}/data", LIMITS)) == {"good.wav"}


LEAVING = {
    "up": "../../../../evil.py",
    "up and in": "x/../../../evil.py",
    "encoded dots": "%2e%2e/%2e%2e/evil.py",
    "encoded dots twice": "%252e%252e/evil.py",
    "encoded slashes": "..%2f..%2f..%2fevil.py",
    "encoded in capitals": "%2E%2E%2Fevil.py",
    "backslashes": "..\\..\\evil.py",
    "encoded backslashes": "..%5c..%5cevil.py",
    "absolute": "/evil.py",
    "absolute after the folder": "/data//etc/evil.py",
    "encoded absolute": "%2fetc%2fevil.py",
    "drive": "C:%5cevil.py",
    "drive as scheme": "C:/evil.py",
    "NUL": "evil.py%00.wav",
    "line break": "evil%0a.py",
    "another host": "http://127.0.0.1:9/data/evil.py",
    "another host without scheme": "//127.0.0.1:9/data/evil.py",
    "a host that begins alike": "http://127.0.0.1.evil.org/data/evil.py",
    "user in front": "http://x@127.0.0.1:9/data/evil.py",
    "file": "file:///etc/passwd",
    "another scheme": "ftp://127.0.0.1/data/evil.py",
    "a folder that begins alike": "/database/evil.py",
    "too long": "a" * 300,
    "broken": "http://[::1/data/evil.py",
}


@pytest.mark.parametrize("link", LEAVING.values(), ids=LEAVING)
def test_a_link_that_leads_elsewhere_is_no_part_of_the_folder(server, project, link):
    server.answer = lambda handler: "evil" in handler.path and not handler.send(b"owned", {})
    server.index("/data/", link, "good.wav")
    copy = local_copy(f"{server.url}/data/", LIMITS)
    assert below(copy) - {"%2e%2e/evil.py", "etc/evil.py"} == {"good.wav"}  # odd names, inside
    assert outside(project) == set()
    assert all("good" in name or name.startswith("cache/fetched/") or "TAG" in name for name in below(project))


@pytest.mark.parametrize("links", [("a", "a/b.wav"), ("a/b.wav", "a", "good.wav")])
def test_a_file_below_a_file_is_refused(server, links):
    server.files |= {"/data/a": b"x", "/data/a/b.wav": b"x"}
    server.index("/data/", *links)
    with pytest.raises(StageInputError, match="lists 'a/b.wav' below what it lists as a file"):
        local_copy(f"{server.url}/data/", LIMITS)


def test_a_page_of_no_files_is_named(server):
    server.index("/empty/", "../", "?C=N")
    server.pages["/login"] = "<html>Log in"
    for path in ("/empty/", "/login"):
        with pytest.raises(StageInputError, match=f"{path} is a web page that lists no files below it"):
            local_copy(server.url + path, LIMITS)


def test_folders_without_end_are_left_at_some_depth(server, monkeypatch):
    monkeypatch.setattr(http_files, "_DEEPEST", 3)
    server.answer = lambda handler: (
        handler.path.endswith("/")
        and not handler.send(b'<a href="more/">x</a><a href="a.wav">', {"Content-Type": "text/html"})
    )
    server.headers["ETag"] = '"1"'
    server.files |= {f"/data/{'more/' * depth}a.wav": b"x" for depth in range(9)}
    assert len(below(local_copy(f"{server.url}/data/", LIMITS))) == 4
    monkeypatch.setattr(http_files, "_DEEPEST", 10**9)
    monkeypatch.setattr(http_files, "_MOST_PAGES", 5)
    with pytest.raises(StageInputError, match="lists more than 5 folders"):
        local_copy(f"{server.url}/data/", LIMITS)


@pytest.mark.parametrize("mark", ["ETag", "Last-Modified"])
def test_what_a_server_marks_is_copied_again_only_when_the_mark_changes(server, mark):
    server.headers[mark] = '"one"'
    url = f"{server.url}/data/good.wav"
    first = local_copy(url, LIMITS)
    server.asked.clear()
    assert local_copy(url, LIMITS) == first
    assert [method for method, *_ in server.asked] == ["GET"]  # for the headers alone
    server.headers[mark] = '"two"'
    server.files["/data/good.wav"] = SOUND[::-1]  # of the same length
    assert local_copy(url, LIMITS).read_bytes() == SOUND[::-1]
    assert first.read_bytes() == SOUND


@pytest.mark.parametrize("url", ["/data/good.wav", "/data/"])
def test_what_no_mark_tells_apart_is_copied_each_time_and_known_by_its_bytes(server, project, url):
    first = local_copy(server.url + url, LIMITS)
    assert local_copy(server.url + url, LIMITS) == first
    server.files["/data/good.wav"] = SOUND[::-1]
    second = local_copy(server.url + url, LIMITS)
    assert second != first
    assert (second if second.is_file() else second / "good.wav").read_bytes() == SOUND[::-1]
    assert not [name for name in below(project) if ".part/" in name]


def test_a_server_that_does_not_tell_of_files_is_asked_for_them(server):
    server.head = False
    server.headers["ETag"] = '"1"'
    assert below(local_copy(f"{server.url}/data/", LIMITS)) == {"good.wav"}


def test_a_link_to_nothing_is_named(server):
    server.index("/data/", "good.wav", "lost.wav")
    with pytest.raises(StageInputError, match=r"/data/lost.wav cannot be read \(HTTP 404"):
        local_copy(f"{server.url}/data/", LIMITS)


class Broken:
    """Break off the first answers with a body after some bytes."""

    def __init__(self, server: Web, times: int, ranges: bool, after: int = 100_000, **headers: str) -> None:
        self.server, self.times, self.ranges, self.after = server, times, ranges, after
        server.headers |= headers

    def __call__(self, handler) -> bool:
        if not handler.path.endswith(".wav") or handler.command != "GET":
            return False
        data, headers, status = self.server.files[handler.path], dict(self.server.headers), 200
        if self.ranges and (asked := handler.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            data, status = data[start:], 206
        self.times -= 1
        handler.send(data, headers, status, self.after if self.times >= 0 else None)
        handler.close_connection = True
        return True


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("mark", ['"strong"', 'W/"weak"'])
def test_a_copy_that_breaks_off_is_gone_on_with_or_begun_again(server, ranges, mark):
    server.answer = Broken(server, 3, ranges, ETag=mark)
    assert local_copy(f"{server.url}/data/good.wav", LIMITS).read_bytes() == SOUND
    asked = [span for method, _, span in server.asked if method == "GET" and span]
    assert asked == ([f"bytes={n}00000-" for n in ((1, 2) if ranges else (1, 1))] if mark == '"strong"' else [])


def test_half_a_file_is_never_taken_for_whole(server, project):
    server.answer = Broken(server, 99, False, ETag='"1"')
    with pytest.raises(StageInputError, match=r"good.wav cannot be read \(OSError: 100000 bytes came of 256004\)"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)
    assert not [name for name in below(project) if name.endswith(".wav")]


def test_a_chunk_that_is_missing_is_no_end(server):
    def chunked(handler) -> bool:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"5\r\nhello\r\n")  # and no last chunk of no bytes
        handler.close_connection = True
        return True

    server.answer = chunked
    with pytest.raises(StageInputError, match="cannot be read"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)


def test_a_file_that_changes_under_way_is_not_put_together_of_two(server):
    marks = iter(range(1000))

    def changing(handler) -> bool:
        handler.send(SOUND, {"Content-Type": "audio/wav", "ETag": f'"{next(marks)}"'})
        return True

    server.answer = changing
    with pytest.raises(StageInputError, match="changed while it was copied: run the command again"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)


@pytest.mark.parametrize("part", ["bytes 0-255/256004", "bytes 9-12/256004", "nonsense"])
def test_another_part_than_was_asked_for_is_not_appended(server, part):
    broken = Broken(server, 2, False, ETag='"1"')

    def wrong(handler) -> bool:
        if handler.headers.get("Range"):
            handler.send(b"x" * 256, {"ETag": '"1"', "Content-Range": part}, 206)
            return True
        return broken(handler)

    server.answer = wrong
    with pytest.raises(StageInputError, match="another part of it came"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)


@pytest.mark.parametrize("code", [500, 503, 429])
def test_an_error_that_passes_is_waited_for(server, code):
    left = [2]

    def busy(handler) -> bool:
        left[0] -= 1
        if left[0] == 0:
            handler.send_error(code)
        return left[0] == 0

    server.headers["ETag"] = '"1"'
    server.answer = busy
    assert local_copy(f"{server.url}/data/good.wav", LIMITS).read_bytes() == SOUND


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_an_error_that_stays_is_told_at_once(server, code):
    server.answer = lambda handler: not handler.send_error(code)
    with pytest.raises(StageInputError, match=rf"good.wav cannot be read \(HTTP {code}"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://localhost.localdomain:9/", "http://10.0.0.1/", "http://[::1]/",
     "http://169.254.169.254/latest/meta-data/", "http://0.0.0.0/", "http://192.168.1.1/a", "http://nowhere.invalid/",
     "gopher://x/"],
)  # fmt: skip
def test_a_redirect_to_another_protocol_or_a_private_address_is_not_followed(server, target):
    def elsewhere(handler) -> bool:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()
        return True

    server.answer = elsewhere
    with pytest.raises(StageInputError, match="redirects to|cannot be read"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)
    assert {path for _, path, _ in server.asked} == {"/data/good.wav"}


def test_a_redirect_from_https_to_http_is_not_followed(monkeypatch):
    request = http_files.urllib.request.Request("https://example.org/a.wav")
    with pytest.raises(StageInputError, match="redirects to http, which is not followed"):
        http_files._Redirects().redirect_request(request, None, 302, "", {}, "http://example.org/a.wav")


def test_a_redirect_to_a_public_host_takes_no_password_along(monkeypatch):
    monkeypatch.setattr(http_files.socket, "getaddrinfo", lambda *_: [(2, 1, 6, "", ("93.184.216.34", 0))])
    request = http_files.urllib.request.Request("https://example.org/a.wav")
    request.add_unredirected_header("Authorization", "Basic x")
    same, other = (
        http_files._Redirects().redirect_request(request, None, 302, "", {}, url)
        for url in ("https://example.org/b.wav", "https://cdn.example.com/b.wav")
    )
    assert same.get_header("Authorization") == "Basic x"
    assert other.get_header("Authorization") is None
    assert other.full_url == "https://cdn.example.com/b.wav"


def test_redirects_on_a_host_are_followed_but_not_in_circles(server):
    def moved(handler) -> bool:
        if handler.path.startswith("/old"):
            handler.send_response(301)
            handler.send_header("Location", "/data/good.wav" if handler.path == "/old.wav" else handler.path + "x")
            handler.end_headers()
        return handler.path.startswith("/old")

    server.answer = moved
    assert local_copy(f"{server.url}/old.wav", LIMITS).read_bytes() == SOUND
    with pytest.raises(StageInputError, match="cannot be read"):
        local_copy(f"{server.url}/older", LIMITS)


def test_sizes_are_limited_whether_told_or_not(server):
    server.headers["ETag"] = '"1"'
    small = DownloadParams(max_gb=1e-4, timeout_s=5)
    with pytest.raises(StageInputError, match=r"holds 0.000256 GB, more than download.max_gb = 0.0001"):
        local_copy(f"{server.url}/data/good.wav", small)

    def endless(handler) -> bool:
        handler.send_response(200)
        handler.end_headers()
        try:
            while handler.command == "GET":
                handler.wfile.write(bytes(1 << 16))
        except OSError:
            pass
        handler.close_connection = True
        return True

    server.answer = endless
    with pytest.raises(StageInputError, match="and more, past download.max_gb = 0.01 for all that is copied"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)


def test_a_limit_is_of_all_files_together(server):
    server.files |= {f"/data/{n}.wav": os.urandom(60_000) for n in range(3)}
    server.index("/data/", *[f"{n}.wav" for n in range(3)])
    for head in (True, False):
        server.head = head
        with pytest.raises(StageInputError, match="download.max_gb = 0.0001"):
            local_copy(f"{server.url}/data/", DownloadParams(max_gb=1e-4, timeout_s=5))


def test_what_does_not_fit_on_the_disk_is_refused_before(server, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(StageInputError, match="takes 0 MB, and 0 MB are free at"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)


@pytest.mark.parametrize("way", ["silent", "trickle", "silent header"])
def test_a_server_that_is_silent_or_slow_is_given_up(server, monkeypatch, way):
    monkeypatch.setattr(http_files, "_TRIES", 1)

    def slow(handler) -> bool:
        if way == "silent header":
            time.sleep(1.5)
            return True
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.send_header("ETag", '"1"')
        handler.end_headers()
        try:
            for _ in range(30 if way == "trickle" else 1):
                handler.wfile.write(b"x")
                time.sleep(0.1 if way == "trickle" else 1.5)
        except OSError:
            pass
        handler.close_connection = True
        return True

    server.answer = slow
    start = time.monotonic()
    with pytest.raises(StageInputError, match="timed out|bytes came in"):
        local_copy(f"{server.url}/data/good.wav", DownloadParams(max_gb=1, timeout_s=0.5))
    assert time.monotonic() - start < 4


@pytest.mark.parametrize(
    "error", [http.client.BadStatusLine("x"), http.client.LineTooLong("header"), UnicodeError("x")]
)
def test_an_answer_that_is_no_http_is_one_clear_error(server, monkeypatch, error):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(http_files._OPENER, "open", fail)
    with pytest.raises(StageInputError, match=rf"good.wav cannot be read \({type(error).__name__}"):
        local_copy(f"{server.url}/data/good.wav", LIMITS)


@pytest.mark.parametrize(
    "url",
    ["http://", "http:///a.wav", "http://127.0.0.1:99999/a", "http://a b/c", "https://[::1/a", "HTTP://127.0.0.1:9/a"],
)
def test_a_url_that_is_none_is_one_clear_error(project, url):
    with pytest.raises(StageInputError, match="cannot be read"):
        local_copy(url, LIMITS)


def test_a_password_is_sent_and_never_shown(server, params):
    def guarded(handler) -> bool:
        allowed = handler.headers.get("Authorization") == "Basic dXM6cyBlY3JldA=="  # us:s ecret
        if not allowed:
            handler.send_error(401)
        return not allowed

    server.answer = guarded
    base = server.url.replace("http://", "http://us:s%20ecret@")
    assert below(local_copy(f"{base}/data/", LIMITS)) == {"good.wav"}
    with pytest.raises(StageInputError) as refused:
        local_copy(f"{base}/lost.wav?signature=abc", LIMITS)
    assert "ecret" not in str(refused.value) and "abc" not in str(refused.value)
    assert shown_url(f"{base}/a?token=1#x") == f"{server.url}/a"


def test_a_corpus_does_not_record_the_password_of_its_url(server, params, importing_free):
    from corpus_trees import put_tone

    server.files["/data/good.wav"] = put_tone(importing_free / "tone.wav", 0).read_bytes()
    base = server.url.replace("http://", "http://us:secret@")
    serial = params.executor.model_copy(update={"kind": "serial"})
    summary = run_import("folder", f"{base}/data/?token=1", name="words", params=params.import_, executor=serial,
                         download=LIMITS, role="noise", out_root=importing_free / "out")  # fmt: skip
    assert summary["source"] == f"{server.url}/data/"
    assert all(b"secret" not in path.read_bytes() for path in (importing_free / "out").rglob("*") if path.is_file())


@pytest.fixture
def importing_free(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("free")
