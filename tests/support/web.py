"""A web server on loopback whose pages and faults a test sets."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Web:
    """What the server holds, and what it was asked.

    `pages`: HTML by path; `files`: bytes by path. `headers` are added to answers about files. `answer`: called with the
    handler first; it says whether it has answered. `head`: whether HEAD is allowed. `asked`: (method, path, Range).
    """

    url: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[Any], bool] = lambda _: False
    head: bool = True
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def index(self, path: str, *links: str) -> None:
        """List `links` on the page of a folder."""
        self.pages[path] = "<html><body>" + "".join(f'<a href="{link}">{link}</a>' for link in links)


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        if self.web.head:
            self._answer()
        else:
            self.send_error(405)

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.web.asked.append((self.command, self.path, self.headers.get("Range")))
        if self.web.answer(self):
            return
        path = self.path.partition("?")[0]
        if path in self.web.pages:
            self.send(self.web.pages[path].encode(), {"Content-Type": "text/html; charset=utf-8"})
        elif path in self.web.files:
            self.send(self.web.files[path], {"Content-Type": "audio/wav"} | self.web.headers)
        else:
            self.send_error(404)

    def send(self, data: bytes, headers: dict[str, str], status: int = 200, cut: int | None = None) -> None:
        """Answer with `data`, of which no more than `cut` bytes are sent."""
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[:cut])


@contextmanager
def web() -> Iterator[Web]:
    """Serve until the block ends."""
    held = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": held}))
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
