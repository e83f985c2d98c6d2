"""Runs a threaded HTTP server for the viewer's page."""

from __future__ import annotations

import logging
import os
import sys
import time
import webbrowser
from contextlib import suppress
from io import BufferedReader, RawIOBase
from socket import SHUT_RDWR
from threading import BoundedSemaphore, Lock, Thread
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from socket import socket

    from _typeshed.wsgi import WSGIApplication


MAX_CONNECTIONS = 64
"""How many connections are served at once; at one more, the connection that has been silent for longest is ended."""
REQUEST_SECONDS = 10.0
"""The time limit for a client to send its request."""
ANSWER_SECONDS = 60.0
"""The time limit for a client to take each part of the answer."""


class _UntilDeadline(RawIOBase):
    """Reads a request from a connection; at ``REQUEST_SECONDS`` after the first read was possible, reading ends with TimeoutError.

    A time limit of the socket alone would begin anew with every byte.
    """

    def __init__(self, connection: socket) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + REQUEST_SECONDS

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads what has come into the buffer and returns the number of bytes; 0 at the end of the connection."""
        self._connection.settimeout(max(0.001, self._deadline - time.monotonic()))
        try:
            return self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(ANSWER_SECONDS)


class _Handler(WSGIRequestHandler):
    """Handles requests within time limits, without logging each one, since the page asks for new records every second."""

    server: _Server

    def setup(self) -> None:
        """Puts the time limits on the connection."""
        super().setup()
        self.rfile = BufferedReader(_UntilDeadline(self.connection))

    def run_wsgi(self) -> None:
        """Answers a request whose head has come; its connection is no longer one that may be ended for another."""
        self.server.came(self.connection)
        super().run_wsgi()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Does nothing."""

    def log_error(self, *words: Any) -> None:
        """Does nothing: what is logged here is that a client was too slow, or sent no HTTP."""


class _Server(ThreadedWSGIServer):
    """Serves at most ``MAX_CONNECTIONS`` at once, each in a thread."""

    def __init__(self, host: str, port: int, app: WSGIApplication) -> None:
        self._free = BoundedSemaphore(MAX_CONNECTIONS)
        self._silent: dict[socket, None] = {}
        self._lock = Lock()
        super().__init__(host, port, app, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a new connection in a thread; where all are taken, ends the one that has been silent for longest."""
        if not self._free.acquire(blocking=False):
            self._end_silent()
            if not self._free.acquire(timeout=1.0):
                self.shutdown_request(request)
                return
        with self._lock:
            self._silent[request] = None
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system has no thread left
            self._gone(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection; runs in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._gone(request)

    def came(self, request: socket) -> None:
        """Notes that the request of a connection has come."""
        with self._lock:
            self._silent.pop(request, None)

    def _gone(self, request: socket) -> None:
        """Notes the end of a connection."""
        self.came(request)
        self._free.release()

    def _end_silent(self) -> None:
        """Ends the connection that has waited for its request for longest."""
        with self._lock, suppress(OSError, StopIteration):
            oldest = next(iter(self._silent))
            del self._silent[oldest]
            oldest.shutdown(SHUT_RDWR)


def _has_browser() -> bool:
    """Returns whether a browser window can be opened, or the user named a browser.

    A text browser, which Python would start otherwise, would take over the terminal.
    """
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def run_server(app: WSGIApplication, *, host: str, port: int, open_browser: bool, query: str = "", what: str = "viewer") -> None:
    """Serves a WSGI application until Ctrl-C and prints its address.

    Args:
        app: the application.
        host: the address to listen on.
        port: the port to listen on; 0 for any free port.
        open_browser: opens the page in the default browser, if a browser window can be opened.
        query: what stands behind the page's address.
        what: what is served, in words.

    Raises:
        InvalidArgumentError: the port is taken, or the host is no address of this machine.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        server = _Server(host, port, app)
    except (OSError, SystemExit) as error:  # werkzeug raises SystemExit if the port is taken
        msg = (
            f"Cannot listen on {host}:{port}; another program may be there. Give another --port, or --port 0 for any that is free."
        )
        raise InvalidArgumentError(msg) from error
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/{query}"
    sys.stdout.write(f"The {what} is at {address} (Ctrl-C ends it).\n")
    sys.stdout.flush()
    if open_browser and _has_browser():
        # A browser command that the user configured may not return before its window is closed, hence the thread.
        Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
