"""The open connections of a small server: how many there may be, and how long it waits for the other side of one."""

import socket
import time
from contextlib import suppress
from threading import Lock


class Connections:
    """Connections, each with the time since which the server waits for it: for a request, or for taking an answer."""

    def __init__(self, most: int, patience_s: float) -> None:
        self._most, self._patience_s = most, patience_s
        self._since: dict[socket.socket, float | None] = {}  # None: it waits for the server
        self._lock = Lock()  # of `_since`: every connection has a thread

    def add(self, connection: socket.socket) -> bool:
        """Take in a new one; where there are too many, cut the one that is waited for longest.

        Returns:
            False if there is no room: all others wait for the server.
        """
        with self._lock:
            if len(self._since) >= self._most:
                waited = [(since, one) for one, since in self._since.items() if since is not None]
                if not waited:
                    return False
                longest = min(waited, key=lambda pair: pair[0])[1]
                del self._since[longest]
                _cut(longest)
            self._since[connection] = time.monotonic()
        return True

    def wait_for(self, connection: socket.socket) -> None:
        """Say that the server waits for the other side from now on."""
        self._note(connection, time.monotonic())

    def work_for(self, connection: socket.socket) -> None:
        """Say that the other side waits for the server."""
        self._note(connection, None)

    def drop(self, connection: socket.socket) -> None:
        """Say that a connection is closed."""
        with self._lock:
            self._since.pop(connection, None)

    def cut_late(self) -> None:
        """Cut the connections whose other side has taken too long."""
        late = time.monotonic() - self._patience_s
        with self._lock:
            for connection, since in self._since.items():
                if since is not None and since < late:
                    _cut(connection)

    def _note(self, connection: socket.socket, since: float | None) -> None:
        with self._lock:
            if connection in self._since:  # else it was cut
                self._since[connection] = since


def _cut(connection: socket.socket) -> None:
    """End the reading and writing of the thread that serves `connection`, which then closes it."""
    with suppress(OSError):  # it has ended
        connection.shutdown(socket.SHUT_RDWR)
