"""A page for one person on this machine: players, spectrograms, three buttons and the keys for them.

It listens on the loopback address alone. A request names a candidate by its number and nothing else, so that no path
comes from outside; the Host must be ours (no other site's name may be pointed at us), and a decision must carry the
token that only our own page has.
"""

import json
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Lock
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from kwsdata.decisions import VERDICTS
from kwsdata.errors import KwsError
from kwsdata.review.candidates import ORDER, Candidates
from kwsdata.review.media import spectrogram_of, wav_of, window_of

_MOST_ROWS = 200  # of one answer
_MOST_BYTES = 4096  # of one request


class ReviewServer(ThreadingHTTPServer):
    """Serves the page; `url` is where."""

    daemon_threads = True

    def __init__(self, candidates: Candidates, port: int = 0) -> None:
        """Listen on 127.0.0.1:`port` (0: any free one).

        Raises:
            OSError: the port is taken.
        """
        super().__init__(("127.0.0.1", port), _Handler)
        self.candidates = candidates
        self.token = secrets.token_urlsafe(24)
        self.lock = Lock()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def hosts(self) -> tuple[str, str]:
        """The names we are called by."""
        return f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"


class _Refused(Exception):
    """A request that is not answered."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version = "kwsdata"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    _MEDIA: ClassVar[dict[str, str]] = {"audio": "audio/wav", "nearest": "audio/wav", "spectrogram": "image/png"}

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, function: Any) -> None:
        try:
            if self.headers.get("Host") not in self.server.hosts:
                raise _Refused(HTTPStatus.FORBIDDEN, "this page is for this machine")
            kind, body = function()
            self._send(HTTPStatus.OK, kind, body)
        except _Refused as refused:
            self.close_connection = True  # what the request still holds is not read as another one
            self._send(refused.status, "text/plain; charset=utf-8", str(refused).encode())
        except KwsError as error:  # the sound of one candidate is missing: the others can still be heard
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", str(error).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.send_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'nonce-{self.server.token}'; style-src 'nonce-{self.server.token}'; "
            "img-src 'self' data:; media-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        )
        self.end_headers()
        self.wfile.write(body)

    def _get(self) -> tuple[str, bytes]:
        address = urlsplit(self.path)
        parts = address.path.strip("/").split("/")
        if parts == [""]:
            page = files("kwsdata.review").joinpath("page.html").read_text(encoding="utf-8")
            return "text/html; charset=utf-8", page.replace("{{token}}", self.server.token).encode()
        if parts == ["api", "candidates"]:
            return _json(self._rows(parse_qs(address.query)))
        if len(parts) == 2 and parts[0] in self._MEDIA:
            return self._MEDIA[parts[0]], self._media(parts[0], self._number(parts[1]))
        raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _rows(self, query: dict[str, list[str]]) -> dict[str, Any]:
        status = query.get("status", ["review"])[0]
        if status not in (*ORDER, "all"):
            raise _Refused(HTTPStatus.BAD_REQUEST, f"status is one of {', '.join(ORDER)}, all")
        offset = self._whole(query.get("offset", ["0"])[0])
        limit = min(self._whole(query.get("limit", ["50"])[0]), _MOST_ROWS)
        with self.server.lock:
            candidates = self.server.candidates
            numbers = candidates.numbers(None if status == "all" else status, query.get("undecided") == ["1"])
            rows = [candidates.row(number) for number in numbers[offset : offset + limit]]
            return {"total": len(numbers), "rows": rows, "counts": candidates.counts()}

    def _media(self, kind: str, number: int) -> bytes:
        candidates = self.server.candidates
        place = candidates.nearest_place(number) if kind == "nearest" else candidates.place(number)
        if place is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "the nearest recording is not known")
        wave, middle = window_of(*place)
        return spectrogram_of(wave, middle, candidates.window(number)) if kind == "spectrogram" else wav_of(wave)

    def _post(self) -> tuple[str, bytes]:
        length = self._whole(self.headers.get("Content-Length", ""))
        if length > _MOST_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long")
        body = self.rfile.read(length)
        if not secrets.compare_digest(self.headers.get("X-Token", "").encode(), self.server.token.encode()):
            raise _Refused(HTTPStatus.FORBIDDEN, "reload the page")
        if urlsplit(self.path).path != "/api/decide":
            raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        try:
            row = json.loads(body)
            number, verdict = self._number(str(row["number"])), row["verdict"]
        except (ValueError, KeyError, TypeError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "give number and verdict") from None
        if verdict not in VERDICTS:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"a verdict is one of {', '.join(VERDICTS)}")
        with self.server.lock:
            self.server.candidates.decide(number, verdict)
            return _json({"row": self.server.candidates.row(number), "counts": self.server.candidates.counts()})

    def _number(self, text: str) -> int:
        number = self._whole(text)
        if number >= len(self.server.candidates):
            raise _Refused(HTTPStatus.NOT_FOUND, f"there are {len(self.server.candidates)} candidates")
        return number

    @staticmethod
    def _whole(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise _Refused(HTTPStatus.BAD_REQUEST, "not a number")
        return int(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the page is the log."""


def _json(value: Any) -> tuple[str, bytes]:
    return "application/json", json.dumps(value, ensure_ascii=False).encode()
