"""Runs a threaded HTTP server for the viewer's page."""

from __future__ import annotations

import logging
import os
import sys
import webbrowser
from threading import Thread
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Quiet(WSGIRequestHandler):
    """Handles requests without logging each one, since the page asks for new records every second."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Does nothing."""


def _has_browser() -> bool:
    """Returns whether a browser window can be opened, or the user named a browser.

    A text browser, which Python would start otherwise, would take over the terminal.
    """
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def run_server(app: WSGIApplication, *, host: str, port: int, open_browser: bool) -> None:
    """Serves a WSGI application until Ctrl-C and prints its address.

    Args:
        app: the application.
        host: the address to listen on.
        port: the port to listen on; 0 for any free port.
        open_browser: opens the page in the default browser, if a browser window can be opened.

    Raises:
        InvalidArgumentError: the port is taken, or the host is no address of this machine.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        server = make_server(host, port, app, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit) as error:  # werkzeug raises SystemExit if the port is taken
        msg = (
            f"Cannot listen on {host}:{port}; another program may be there. Give another --port, or --port 0 for any that is free."
        )
        raise InvalidArgumentError(msg) from error
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/"
    sys.stdout.write(f"The viewer is at {address} (Ctrl-C ends it).\n")
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
