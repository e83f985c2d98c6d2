"""Real servers on 127.0.0.1, each a process that ends with its context."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BIN = Path(sys.executable).parent
_ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight processes that have nothing to do here
}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str) -> bytes:
    """The body of a page, past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return bytes(answer.read())


def get_json(url: str, *, until: Callable[[object], bool], seconds: float = 60.0) -> object:
    """The JSON at an address, once it is what is waited for."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            found = json.loads(fetch(url))
            if until(found):
                return found
        assert time.monotonic() < end, f"{url} did not get there within {seconds} s"
        time.sleep(0.3)


class Server:
    """A process that listens, which can be stopped and started again on the same port."""

    def __init__(self, command: Callable[[int], list[str]], log: Path, ready: str) -> None:
        self.folder = log.parent
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = command(self.port)
        self._log = log
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 120.0) -> None:
        """Starts it, unless it runs, and waits until it answers."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True, env=_ENVIRONMENT)
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.2)
        self.stop()
        msg = f"no answer from {self._command[0]} on {self.url}:\n{self._log.read_text()[-3000:]}"
        raise RuntimeError(msg)

    def _answers(self) -> bool:
        try:
            fetch(self.url + self._ready)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def pause(self) -> None:
        """Has it listen and answer nothing, until :meth:`go_on`."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Has it answer again."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Ends it with all its children, at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            while self._listens():  # its children go a moment later
                time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[Server]:
    """An ``mlflow server`` that keeps its database and artifacts in a folder."""
    folder.mkdir(parents=True, exist_ok=True)

    def command(port: int) -> list[str]:
        store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts")]
        return [str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *store]

    server = Server(command, folder / "server.log", ready="/health")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def tensorboard_server(log_dir: Path, *, load_fast: str = "auto") -> Iterator[str]:
    """A ``tensorboard`` on a log directory; yields its address."""

    def command(port: int) -> list[str]:
        where = ["--logdir", str(log_dir), "--host", "127.0.0.1", "--port", str(port)]
        return [str(BIN / "tensorboard"), *where, "--load_fast", load_fast, "--reload_interval", "1"]

    server = Server(command, log_dir / "tensorboard.log", ready="/data/environment")
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
