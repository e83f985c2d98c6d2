"""A real browser and real servers for the viewer's tests."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from lightning_iit.viewer.app import ViewerApp
from lightning_iit.viewer.sources import open_source
from lightning_iit.viewer.static_files import static_file

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGUMENTS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
NO_BROWSER = "The browser tests need Chromium: apt-get install chromium, or `playwright install chromium`."


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """The Chromium on the PATH, or else Playwright's own; with none the tests fail."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        try:
            chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        except Exception as error:
            pytest.fail(f"{NO_BROWSER} ({error})")
        yield chromium
        chromium.close()


class Watched:
    """A page whose complaints are kept: console errors, errors of scripts, refused content, requests to other hosts."""

    def __init__(self, page: Page, *, allowed: tuple[str, ...] = ("127.0.0.1", "localhost")) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._allowed = allowed
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._request)
        page.add_init_script(
            "window.__refused = []; document.addEventListener('securitypolicyviolation',"
            " (event) => window.__refused.push(event.violatedDirective + ' ' + event.blockedURI));"
        )

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        scheme, _, rest = request.url.partition("://")
        host = rest.split("/")[0].rsplit(":", 1)[0]
        if scheme in ("http", "https", "ws", "wss") and host not in self._allowed:
            self.complaints.append(f"request to another host: {request.url}")

    def ready(self, target: Any = None) -> Any:
        """Waits until the viewer shows a record and its network; answers the frame that it is in."""
        frame = target or self.page
        frame.wait_for_function(
            "() => window.lightningIIT?.state().a?.record && window.lightningIIT.measure()?.calls > 0", timeout=60_000
        )
        return frame

    def check(self) -> None:
        """Nothing was complained of."""
        refused = [found for frame in self.page.frames for found in frame.evaluate("() => window.__refused ?? []")]
        assert not self.complaints, self.complaints
        assert not refused, refused


@contextlib.contextmanager
def watched(chromium: Browser, *, width: int = 1280, height: int = 720, theme: str = "dark", **options: Any) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    try:
        yield Watched(context.new_page(), **options)
    finally:
        context.close()


@contextlib.contextmanager
def viewer(target: Path | str, **options: Any) -> Iterator[str]:
    """The viewer's own page in a thread of this process; answers its address."""
    static_file("viewer.js")
    source = open_source(str(target))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, ViewerApp(lambda _: source, local_only=True, **options), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def get(
    address: str, path: str, *, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Answers with status, headers and body; sends the path as it is: no client tidies it up on the way."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=180)  # the first Φ compiles the engine
    try:
        connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], address: str, log: Path, *, seconds: float = 60.0) -> Iterator[subprocess.Popen[bytes]]:
    """A server process that answers at an address before the block begins."""
    with log.open("wb") as output:
        started = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"}, start_new_session=True
        )
        try:
            deadline = time.monotonic() + seconds
            while not _answers(address):
                if started.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{command[0]} does not answer at {address}: {log.read_text()[-2000:]}")
                time.sleep(0.2)
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, 15)
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, 9)
                started.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


@contextlib.contextmanager
def tensorboard(logdir: Path, *arguments: str) -> Iterator[str]:
    """A real tensorboard process."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    command = [
        sys.executable,
        "-m",
        "tensorboard.main",
        "--logdir",
        str(logdir),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        *arguments,
    ]
    with process(command, address, logdir.parent / "tensorboard.log"):
        yield address


def answer_of(command: str, folder: Path) -> dict[str, Any]:
    """What a shell gets for a command line as the page shows it, with ``--json`` behind it: the result."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["sh", "-c", f"{command} --json"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout[done.stdout.index("{") :])["result"])


@contextlib.contextmanager
def command_line_viewer(target: str, *arguments: str, **environment: str) -> Iterator[str]:
    """``lightning-iit view`` as a person starts it, on any free port; answers the address that it prints."""
    command = [str(Path(sys.executable).with_name("lightning-iit")), "view", target, "--port", "0", *arguments]
    plain = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**plain, **environment}) as server:
        try:
            yield server.stdout.readline().split(" at ")[1].split(" ")[0]
        finally:
            server.terminate()
