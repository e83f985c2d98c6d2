"""A studio: in this process without trainings, or as a person starts it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from places import SUPPORT
from viewer_pages import get
from werkzeug.serving import make_server

from lightning_iit.studio.opening import studio_app
from lightning_iit.studio.queue import TrainingQueue
from lightning_iit.studio.records import read_outcome, read_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "a-token-of-this-test"


class Studio:
    """What a page knows of a studio: its address and its token."""

    def __init__(self, address: str, token: str, process: subprocess.Popen[str] | None = None) -> None:
        self.address, self.token, self.process = address, token, process

    def post(self, route: str, asked: Any, **headers: Any) -> tuple[int, dict[str, Any]]:
        """Asks as the page does, but for the headers that are given otherwise; None leaves one out."""
        own = {"Content_Type": "application/json", "X_IIT_Token": self.token, "Origin": self.address.rstrip("/")}
        sent = {name: value for name, value in (own | headers).items() if value is not None}
        body = asked if isinstance(asked, str) else json.dumps(asked)
        status, _, answer = get(self.address, f"/{route}", method="POST", body=body, **sent)
        return status, json.loads(answer)

    def jobs(self) -> dict[str, dict[str, Any]]:
        """The trainings of the list, by name."""
        return {job["name"]: job for job in json.loads(get(self.address, "/jobs")[2])["jobs"]}

    def wait(self, name: str, found: Callable[[dict[str, Any]], Any], seconds: float = 120.0) -> dict[str, Any]:
        """A training of the list, once it is what is waited for."""
        deadline = time.monotonic() + seconds
        while not found(job := self.jobs()[name]):
            assert time.monotonic() < deadline, job
            time.sleep(0.2)
        return job


@contextlib.contextmanager
def quiet_studio(root: Path, **options: Any) -> Iterator[Studio]:
    """A studio in a thread of this process, whose queue starts nothing."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    queue = TrainingQueue(root, **options)
    server = make_server("127.0.0.1", 0, studio_app(queue, token=TOKEN, local_only=True), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Studio(f"http://127.0.0.1:{server.server_port}/", TOKEN)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        queue.close()


@contextlib.contextmanager
def studio_process(root: Path, *arguments: str) -> Iterator[Studio]:
    """``lightning-iit studio`` in a process; it is killed at the end, what it has started is not."""
    command = [str(Path(sys.executable).with_name("lightning-iit")), "studio", "--root", str(root), "--port", "0", "--no-browser"]
    paths = os.pathsep.join(filter(None, (str(SUPPORT), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            address = process.stdout.readline().split(" at ")[1].split(" ")[0]
            plain = urlsplit(address)
            yield Studio(f"http://{plain.netloc}/", parse_qs(plain.query)["token"][0], process)
        finally:
            process.kill()


def end_all(root: Path, seconds: float = 60.0) -> None:
    """Kills what was started in a folder and has not ended, once it has said which process it is."""
    for started in root.glob("*/studio/started"):
        run, deadline = started.parent.parent, time.monotonic() + seconds
        while read_process(run) is None and read_outcome(run) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        process = read_process(run)
        if process is not None and (found := process.find()) is not None:
            os.killpg(found.pid, signal.SIGKILL)
