import http.client
import io
import json
import socket
import threading
import time
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile
from small_disks import fill, small_disk
from sound import tone

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.decisions import load_decisions
from kwsdata.clips.pieces import pieces_of_cuts
from kwsdata.clips.shards import shard_cuts
from kwsdata.errors import KwsError, StageInputError
from kwsdata.files.atomic import read_jsonl_gz, write_jsonl_gz
from kwsdata.tools.review.candidates import Candidates
from kwsdata.tools.review.command import export, review
from kwsdata.tools.review.connections import Connections
from kwsdata.tools.review.media import AFTER_S, BEFORE_S, spectrogram_of, window_of
from kwsdata.tools.review.server import MOST_CONNECTIONS, ReviewServer

INFO = CorpusInfo("toy", "folder", "speech", "CC0", "none", "made here", "known")
COUNT = 10_000


@pytest.fixture(scope="module")
def mined(tmp_path_factory):
    """Ten thousand candidates in ten recordings of rising tones."""
    root = tmp_path_factory.mktemp("review")
    items = [Item(f"t{i}", tone(300 + 100 * i, 8.0, 0.1), f"<b>text & {i}</b>", f"s{i}") for i in range(10)]
    write_corpus(root / "c", INFO, items, 100, 0.0)
    pieces = list(pieces_of_cuts(shard_cuts(root / "c"), 1 << 30))
    statuses = ("mine", "review", "left_out", "keyword")
    rows = [
        {
            "id": f"m{i}", "status": statuses[i % 4], "reason": "sounds alike", "pool": "train", "window": 12_512,
            "middle": (i * 37) % (8 * SAMPLE_RATE), "found_by": "both", "rank": 1 - i / COUNT, "similarity": 0.3,
            "margin": 0.1, "nearest": pieces[3].clip, "score": 0.5, "at_s": 1.0, "piece": pieces[i % 10].row(),
        }
        for i in range(COUNT)
    ]  # fmt: skip
    write_jsonl_gz(root / "mined" / "candidates.jsonl.gz", rows)
    write_jsonl_gz(root / "mined" / "words.jsonl.gz", [{"middle": 8000, "piece": pieces[3].row()}])
    return root / "mined"


@pytest.fixture(scope="module")
def few(mined):
    """Eight of them: what no test counts is made in no time."""
    rows = [row for row in read_jsonl_gz(mined / "candidates.jsonl.gz") if int(row["id"][1:]) < 8]
    write_jsonl_gz(mined.parent / "few" / "candidates.jsonl.gz", rows)
    write_jsonl_gz(mined.parent / "few" / "words.jsonl.gz", read_jsonl_gz(mined / "words.jsonl.gz"))
    return mined.parent / "few"


@contextmanager
def serving(mined, decisions):
    server = ReviewServer(Candidates(mined, decisions))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server, decisions
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def served(mined, tmp_path):
    with serving(mined, tmp_path / "decisions.jsonl") as (server, path):
        yield server, path


@pytest.fixture
def serves(few, tmp_path):
    with serving(few, tmp_path / "decisions.jsonl") as (server, path):
        yield server, path


@pytest.fixture(scope="module")
def refusing(few, tmp_path_factory):
    """One for requests that change nothing."""
    with serving(few, tmp_path_factory.mktemp("refusing") / "decisions.jsonl") as (server, path):
        yield server, path


def ask(server, path, method="GET", body=None, host=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    data = b"" if body is None else json.dumps(body).encode()
    for name, value in ({"Content-Length": str(len(data))} | headers if method == "POST" else headers).items():
        connection.putheader(name, value)
    connection.endheaders(data)
    answer = connection.getresponse()
    found = answer.status, answer.getheader("Content-Type"), answer.read()
    connection.close()
    return found


def test_it_listens_on_this_machine_alone_and_to_its_own_name(served):
    server, _ = served
    assert server.server_address[0] == "127.0.0.1"
    assert ask(server, "/")[0] == 200
    assert ask(server, "/", host="evil.example")[0] == 403
    assert ask(server, "/api/candidates", host=f"evil.example:{server.server_port}")[0] == 403


def test_the_page_loads_nothing_from_elsewhere(served):
    server, _ = served
    status, kind, body = ask(server, "/")
    page = body.decode()
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert server.token in page
    assert "http://" not in page
    assert "https://" not in page
    assert "{{token}}" not in page


def test_ten_thousand_candidates_come_page_by_page_doubtful_first(served):
    server, _ = served
    first = json.loads(ask(server, "/api/candidates?status=all&limit=200")[2])
    assert first["total"] == COUNT
    assert len(first["rows"]) == 200
    assert {row["status"] for row in first["rows"]} == {"review"}
    last = json.loads(ask(server, f"/api/candidates?status=all&offset={COUNT - 3}&limit=200")[2])
    assert [row["number"] for row in last["rows"]] == [COUNT - 3, COUNT - 2, COUNT - 1]
    assert first["counts"] == {"review": 2500, "keyword": 2500, "mine": 2500, "left_out": 2500, "decided": 0}


def test_what_is_heard_is_the_window_and_the_nearest_keyword(served):
    server, _ = served
    number = next(n for n in range(COUNT) if SAMPLE_RATE * 2 < server.candidates.place(n)[1] < SAMPLE_RATE * 6)
    piece, _ = server.candidates.place(number)
    status, kind, body = ask(server, f"/audio/{number}")
    wave, rate = soundfile.read(io.BytesIO(body))
    assert (status, kind, rate) == (200, "audio/wav", SAMPLE_RATE)
    assert wave.size == round((BEFORE_S + AFTER_S) * SAMPLE_RATE)
    assert np.abs(wave).max() == pytest.approx(0.9, abs=0.01)  # quiet sound is made loud
    hz = np.argmax(np.abs(np.fft.rfft(wave))) * SAMPLE_RATE / wave.size
    assert hz == pytest.approx(300 + 100 * int(piece.clip[-1]), abs=1)
    nearest, _ = soundfile.read(io.BytesIO(ask(server, f"/nearest/{number}")[2]))
    assert np.argmax(np.abs(np.fft.rfft(nearest))) * SAMPLE_RATE / nearest.size == pytest.approx(600, abs=1)


def test_a_spectrogram_is_a_png_that_is_bright_where_the_tone_is(mined, tmp_path):
    wave, middle = window_of(*Candidates(mined, tmp_path / "d").place(5))
    png = spectrogram_of(wave, middle, 12_512)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    columns, rows = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    packed = png[png.index(b"IDAT") + 4 : png.index(b"IEND") - 8]
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(rows, 1 + 3 * columns)[:, 1:]
    bright = lines.reshape(rows, columns, 3).sum(axis=2)[:-6].mean(axis=1)
    assert bright.max() > 3 * np.median(bright)
    assert np.argmax(bright) > rows / 2  # a tone of some hundred Hz lies in the lower half of a mel axis


def test_a_decision_is_on_disk_at_once_and_can_be_taken_back(served):
    server, path = served
    number = json.loads(ask(server, "/api/candidates?limit=1")[2])["rows"][0]["number"]
    piece, middle = server.candidates.place(number)
    token = {"X-Token": server.token}
    for verdict in ("keep", "keyword", "undecided", "drop"):
        status, _, body = ask(server, "/api/decide", "POST", {"number": number, "verdict": verdict}, **token)
        assert status == 200
        stored = load_decisions(path).verdict(piece.identity, middle)
        assert stored == (None if verdict == "undecided" else verdict)
        assert json.loads(body)["row"]["verdict"] == stored
    assert len(path.read_text().splitlines()) == 4
    undecided = json.loads(ask(server, "/api/candidates?undecided=1&limit=200")[2])
    assert number not in [row["number"] for row in undecided["rows"]]
    assert undecided["total"] < 2500


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/audio/../../etc/passwd", 404),
        ("/audio/..%2f..%2fetc%2fpasswd", 400),
        ("/audio//etc/passwd", 404),
        ("/audio/-1", 400),
        ("/audio/1e3", 400),
        ("/audio/%D9%A3", 400),
        (f"/audio/{COUNT}", 404),
        ("/page.html", 404),
        ("/api/candidates?offset=-1", 400),
        ("/api/candidates?limit=99999999999999", 400),
        ("/api/candidates?status=x", 400),
        ("/api/decide", 404),
    ],
)
def test_what_is_not_a_candidates_number_is_refused(refusing, path, status):
    server, _ = refusing
    assert ask(server, path)[0] == status


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"number": 1, "verdict": "keep"}, {}, 403),
        ({"number": 1, "verdict": "keep"}, {"X-Token": "guess"}, 403),
        ({"number": 1, "verdict": "sell"}, "token", 400),
        ({"number": COUNT, "verdict": "keep"}, "token", 404),
        ({"number": "../x", "verdict": "keep"}, "token", 400),
        ([1, 2], "token", 400),
        ({"number": 1, "verdict": "keep", "more": "x" * 5000}, "token", 413),
    ],
)
def test_a_decision_without_the_token_or_sense_changes_nothing(refusing, body, headers, status):
    server, path = refusing
    sent = {"X-Token": server.token} if headers == "token" else headers
    assert ask(server, "/api/decide", "POST", body, **sent)[0] == status
    assert not path.exists()


def raw(server, sent: bytes, wait_s=5.0) -> bytes:
    """Return all that comes back for bytes sent as they are."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=wait_s) as connection:
        connection.sendall(sent.replace(b"PORT", str(server.server_port).encode()))
        connection.shutdown(socket.SHUT_WR)
        heard = b""
        while block := connection.recv(65536):
            heard += block
    return heard


HOST = b"Host: 127.0.0.1:PORT\r\n"
INNER = b"GET /api/candidates HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 403),
        (b"GET / HTTP/1.0\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost: evil\r\n" + HOST + b"\r\n", 403),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Origin: http://evil\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Origin: null\r\n\r\n", 403),
        (b"GET /audio/0 HTTP/1.1\r\n" + HOST + b"Sec-Fetch-Site: cross-site\r\n\r\n", 403),
        (b"GET /audio/0 HTTP/1.1\r\n" + HOST + b"Sec-Fetch-Site: same-site\r\n\r\n", 403),
        (b"GET http://evil/audio/0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /audio/0;x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nGET /", 413),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 200 + b"\r\n", 431),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 505),
        (b"GET / HTTP/one\r\n" + HOST + b"\r\n", 400),
        (b"POST /api/decide HTTP/1.1\r\n" + HOST + b"\r\n{}", 411),
        (b"POST /api/decide HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}", 411),
        (b"POST /api/decide HTTP/1.1\r\n" + HOST + b"Content-Length: +2\r\n\r\n{}", 400),
        (b"POST /api/decide HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n{}", 400),
        (b"POST /api/decide HTTP/1.1\r\n" + HOST + b"Content-Length: 999999999\r\n\r\n{}", 413),
        (b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(INNER) + INNER, 403),
        *[
            (method + b" /api/decide HTTP/1.1\r\n" + HOST + b"\r\n", 501)
            for method in (b"PUT", b"DELETE", b"TRACE", b"X")
        ],
        (bytes(range(128, 256)) + b"\r\n\r\n", 400),
    ],
)
def test_an_odd_request_gets_one_clean_answer(refusing, capfd, sent, status):
    server, path = refusing
    answer = raw(server, sent)
    if answer.startswith(b"HTTP/"):
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert answer.count(b"HTTP/1.1 ") == 1
    else:  # whose version nobody knows, gets no head
        assert b"Error code: %d" % status in answer
    assert (capfd.readouterr().err, path.exists()) == ("", False)


def test_an_old_request_without_a_version_is_not_answered_with_the_page(refusing):
    assert b"<html" not in raw(refusing[0], b"GET /\r\n")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"1", b'"x"', b"NaN", b"\xff\xfe", b"[" * 4000, b'{"a":' * 600, b'{"number":0}',
     *(b'{"number":%s,"verdict":"keep"}' % n for n in (b"true", b"[0]", b"0.0", b'"0"', b"-1", b"null", b"9" * 4000)),
     *(b'{"number":0,"verdict":%s}' % v for v in (b'["keep"]', b'{"a":1}', b"null", b"1", b'"KEEP"'))],
)  # fmt: skip
def test_an_odd_body_is_refused(refusing, capfd, body):
    server, path = refusing
    head = b"POST /api/decide HTTP/1.1\r\n" + HOST + b"X-Token: " + server.token.encode()
    answer = raw(server, head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert (capfd.readouterr().err, path.exists()) == ("", False)


def test_nothing_of_ours_can_be_shown_by_another_site(refusing):
    server, _ = refusing
    headers = raw(server, b"GET /spectrogram/0 HTTP/1.1\r\n" + HOST + b"\r\n").split(b"\r\n\r\n")[0]
    for header in (
        b"Cross-Origin-Resource-Policy: same-origin",
        b"X-Content-Type-Options: nosniff",
        b"Referrer-Policy",
    ):
        assert header in headers


def slow(server, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.server_port), timeout=10)
    connection.sendall(sent.replace(b"PORT", str(server.server_port).encode()))
    return connection


@pytest.mark.parametrize(
    "sent", [b"", b"GET /", b"POST /api/decide HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n{", INNER]
)
def test_who_does_not_finish_a_request_is_cut_off(serves, capfd, sent):
    server, _ = serves
    server.connections = Connections(4, 0.2)
    with slow(server, sent) as connection:
        began = time.monotonic()
        while connection.recv(65536):
            pass
    assert 0.1 < time.monotonic() - began < 3
    assert capfd.readouterr().err == ""


def test_four_hundred_slow_clients_do_not_keep_a_person_out(serves):
    server, _ = serves

    def serving() -> int:
        return sum("process_request_thread" in thread.name for thread in threading.enumerate())

    clients = [
        slow(server, b"POST /api/decide HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n") for _ in range(400)
    ]
    try:
        began = time.monotonic()
        assert ask(server, "/api/candidates")[0] == 200
        assert time.monotonic() - began < 3
        while serving() > MOST_CONNECTIONS and time.monotonic() - began < 10:
            time.sleep(0.05)  # a thread whose connection was given up ends in its own time
        assert 0 < serving() <= MOST_CONNECTIONS
    finally:
        for client in clients:
            client.close()


def test_what_another_process_decides_is_seen(serves, few):
    server, path = serves
    other = Candidates(few, path)
    other.decide(0, "keyword")
    assert server.candidates.verdict(0) == "keyword"
    assert json.loads(ask(server, "/api/candidates?limit=1")[2])["rows"][0]["verdict"] == "keyword"
    server.candidates.decide(0, "drop")
    assert other.verdict(0) == "drop"
    assert other.counts()["decided"] == len(load_decisions(path)) == 1


def test_a_file_of_decisions_that_was_damaged_meanwhile_takes_no_more(serves):
    server, path = serves
    server.candidates.decide(0, "keep")
    with path.open("a") as file:
        file.write("<<<<<<< HEAD\n")
    before = path.read_bytes()
    sent = {"number": 1, "verdict": "keep"}
    status, _, said = ask(server, "/api/decide", "POST", sent, **{"X-Token": server.token})
    assert status == 409 and b"line 2" in said and b"merge conflict" in said
    assert path.read_bytes() == before


def test_a_full_disk_is_told_on_the_page_and_later_decisions_are_kept(few, tmp_path):
    with small_disk(tmp_path / "disk", "100k") as disk, serving(few, disk / "decisions.jsonl") as (server, _):
        sent, token = {"number": 1, "verdict": "keep"}, {"X-Token": server.token}
        fill(disk)
        status, _, said = ask(server, "/api/decide", "POST", sent, **token)
        assert status == 507 and b"No space left on device" in said
        (disk / "fill").unlink()
        assert ask(server, "/api/decide", "POST", sent, **token)[0] == 200
        assert len(load_decisions(disk / "decisions.jsonl")) == 1


def test_a_second_review_of_the_same_decisions_is_told_where_the_first_is(few, tmp_path, capsys, monkeypatch):
    path = tmp_path / "review" / "decisions.jsonl"
    said = []

    def serve(self):
        if said:
            raise KeyboardInterrupt
        with pytest.raises(KwsError, match=f"another review of .* runs at {self.url}: decide there"):
            review(few, path, open_browser=False)
        said.append(self.url)
        raise KeyboardInterrupt

    monkeypatch.setattr(ReviewServer, "serve_forever", serve)
    review(few, path, open_browser=False)
    assert said[0] in capsys.readouterr().out
    review(few, tmp_path / "others.jsonl", open_browser=False)
    assert [file.name for file in path.parent.iterdir()] == []


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_port_that_is_none_is_refused(few, tmp_path, port):
    with pytest.raises(KwsError, match=f"--port {port}: give a port"):
        review(few, tmp_path / "d", port, open_browser=False)


def test_the_hardest_are_written_as_one_page_with_their_sound(mined, tmp_path):
    summary = export(tmp_path / "top.html", 7, "mine", mined, tmp_path / "d")
    page = (tmp_path / "top.html").read_text()
    assert summary["candidates"] == 7
    assert page.count("data:audio/wav;base64,") == page.count("data:image/png;base64,") == 7
    assert "&lt;b&gt;text &amp; 0&lt;/b&gt;" in page  # what a transcript says is text, never markup
    assert "<b>" not in page


def test_no_candidates_and_a_taken_port_are_clear_errors(served, mined, tmp_path):
    server, path = served
    with pytest.raises(StageInputError, match="is missing"):
        Candidates(tmp_path, path)
    with pytest.raises(KwsError, match=f"port {server.server_port} cannot be used"):
        review(mined, path, server.server_port, open_browser=False)
