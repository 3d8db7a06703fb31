"""A page for one person on this machine: players, spectrograms, three buttons and the keys for them.

It listens on the loopback address alone. A request names a candidate by its number and nothing else, so that no path
comes from outside; the Host must be ours (no other site's name may be pointed at us), other sites may not ask for
anything but the page itself, and a decision must carry the token that only our own page has. Whoever does not finish
a request, or does not take the answer, is cut off.
"""

import json
import secrets
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Lock
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from kwsdata.clips.decisions import VERDICTS
from kwsdata.errors import KwsError
from kwsdata.files.bounded_json import parse_json
from kwsdata.files.os_errors import explain
from kwsdata.tools.review.candidates import ORDER, Candidates
from kwsdata.tools.review.connections import Connections
from kwsdata.tools.review.media import spectrogram_of, wav_of, window_of

PATIENCE_S = 10.0  # for the rest of a request, the next one on the same connection, or the taking of an answer
MOST_CONNECTIONS = 64  # a browser opens six
_MOST_ROWS = 200  # of one answer
_MOST_BYTES = 4096  # of one request


class ReviewServer(ThreadingHTTPServer):
    """Serves the page; `url` is where."""

    daemon_threads = True
    request_queue_size = 2 * MOST_CONNECTIONS  # that knock at once

    def __init__(self, candidates: Candidates, port: int = 0) -> None:
        """Listen on 127.0.0.1:`port` (0: any free one).

        Raises:
            OSError: the port is taken.
        """
        super().__init__(("127.0.0.1", port), _Handler)
        self.candidates = candidates
        self.token = secrets.token_urlsafe(24)
        self.lock = Lock()
        self.connections = Connections(MOST_CONNECTIONS, PATIENCE_S)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def hosts(self) -> tuple[str, str]:
        """The names we are called by."""
        return f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a new connection in a thread of its own."""
        if self.connections.add(request):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self.connections.drop(request)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut off those who keep us waiting; the server calls this twice a second."""
        self.connections.cut_late()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line what went wrong with a connection; that it was closed is nothing wrong."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"review: a connection ended with {error!r}", file=sys.stderr)


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

    def handle_one_request(self) -> None:
        self.server.connections.wait_for(self.connection)
        super().handle_one_request()

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, function: Any) -> None:
        plain = "text/plain; charset=utf-8"
        try:
            body = self._check()
            self.server.connections.work_for(self.connection)
            self._send(HTTPStatus.OK, *function(body))
        except _Refused as refused:
            self.close_connection = True  # what the request still holds is not read as another one
            self._send(refused.status, plain, str(refused).encode())
        except KwsError as error:  # the sound of one candidate is missing, or the file of decisions is damaged
            status = HTTPStatus.NOT_FOUND if self.command == "GET" else HTTPStatus.CONFLICT
            self._send(status, plain, str(error).encode(errors="replace"))
        except ConnectionError:
            raise
        except OSError as error:  # the disk is full
            self._send(HTTPStatus.INSUFFICIENT_STORAGE, plain, (explain(error) or repr(error)).encode())

    def _check(self) -> bytes:
        """Return the body of a request that may be answered.

        Raises:
            _Refused: it is malformed, for another server, or another site's.
        """
        if self.request_version not in ("HTTP/1.0", "HTTP/1.1"):
            raise _Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here")
        if not self.path.startswith("/"):
            raise _Refused(HTTPStatus.BAD_REQUEST, "give the path of something on this server")
        if self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
            raise _Refused(HTTPStatus.FORBIDDEN, "this page is for this machine")
        origins = self.headers.get_all("Origin", [])
        if any(origin not in [f"http://{host}" for host in self.server.hosts] for origin in origins):
            raise _Refused(HTTPStatus.FORBIDDEN, "this page is for itself")
        if self.path != "/" and self.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise _Refused(HTTPStatus.FORBIDDEN, "this page is for itself")
        lengths = self.headers.get_all("Content-Length", ["0"] if self.command == "GET" else [])
        if len(lengths) != 1 or "Transfer-Encoding" in self.headers:
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "give one Content-Length")
        length = self._whole(lengths[0])
        if length > (0 if self.command == "GET" else _MOST_BYTES):
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long")
        return self.rfile.read(length)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.server.connections.wait_for(self.connection)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.send_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'nonce-{self.server.token}'; style-src 'nonce-{self.server.token}'; "
            "img-src 'self' data:; media-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        )
        self.end_headers()
        self.wfile.write(body)

    def _get(self, _: bytes) -> tuple[str, bytes]:
        address = urlsplit(self.path)
        parts = address.path.strip("/").split("/")
        if parts == [""]:
            page = files("kwsdata.tools.review").joinpath("page.html").read_text(encoding="utf-8")
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

    def _post(self, body: bytes) -> tuple[str, bytes]:
        if not secrets.compare_digest(self.headers.get("X-Token", "").encode(), self.server.token.encode()):
            raise _Refused(HTTPStatus.FORBIDDEN, "reload the page")
        if self.path != "/api/decide":
            raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        try:
            row = parse_json(body)
            number, verdict = row["number"], row["verdict"]
            if type(number) is not int:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "give number and verdict") from None
        number = self._number(str(number))
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
    return "application/json", json.dumps(value).encode()
