"""What runs inside a worker process, around the task: modest, alone, and gone when the host is gone.

Loads nothing but msgspec at first, so that numerical libraries find their limits set when the task loads them.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import select
import signal
import sys
import threading
import traceback
from contextlib import suppress
from functools import cache
from importlib import import_module
from multiprocessing import connection, parent_process
from typing import Any

import msgspec

from lightning_iit.records import StateResult, TaskResult  # noqa: TC001  msgspec reads the types of WorkerMessage

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_NICENESS = 10
_PR_SET_PDEATHSIG = 1


class WorkerMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line from a worker to the host: call ``number`` has started, or how far it is, or what is already known."""

    number: int
    started: bool = False
    fraction: float | None = None
    state: StateResult | None = None
    partial: TaskResult | None = None


class Raised(msgspec.Struct, frozen=True):
    """The function raised: the exception and its traceback as text, since not every exception survives being pickled."""

    reason: str
    details: str


def be_modest() -> None:
    """One thread for each numerical library; read when the library is loaded."""
    for name in _THREAD_LIMITS:
        os.environ[name] = "1"


def begin(reports: connection.Connection) -> None:
    """The worker's first act. Low priority, one thread, ends with the host; ``reports`` carries its messages."""
    be_modest()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if sys.platform != "win32":
        # Nothing is forked here; but locks made under "fork" leave no name behind when the worker is killed (tqdm makes one).
        multiprocessing.set_start_method("fork", force=True)
    _end_with_the_server()
    threading.Thread(target=_end_with_the_host, daemon=True).start()
    _reporter().open(reports)


def call(function: str, number: int, arguments: tuple[Any, ...]) -> Any:
    """Runs ``"module:function"``, which is given ``report=`` as well; what it raises comes back as :class:`Raised`.

    A function ``prepare_<name>`` of the same module is called with the same arguments before the clock starts: loading an
    engine is not part of the analysis that a time limit is for.
    """
    module_name, name = function.split(":")
    reporter = _reporter()
    reporter.number = number
    try:
        module = import_module(module_name)
        prepare = getattr(module, f"prepare_{name}", None)
        if prepare is not None:
            prepare(*arguments)
        reporter.send(WorkerMessage(number=number, started=True))
        return getattr(module, name)(*arguments, report=reporter)
    except Exception as error:  # noqa: BLE001  whatever it is, the host reports it
        return Raised(f"{type(error).__name__}: {error}", traceback.format_exc())


class Reporter:
    """Tells the host how far the running call is (0 to 1), and what is already known, in case the rest is never reached."""

    def __init__(self) -> None:
        self.number = 0
        self._reports: connection.Connection | None = None

    def open(self, reports: connection.Connection) -> None:
        """Takes the way back to the host."""
        self._reports = reports

    def __call__(self, fraction: float, *, state: StateResult | None = None, partial: TaskResult | None = None) -> None:
        """Sends one report."""
        self.send(WorkerMessage(number=self.number, fraction=fraction, state=state, partial=partial))

    def send(self, report: WorkerMessage) -> None:
        """Writes one line; a line break goes first, since a worker that was killed may have left half a line."""
        if self._reports is None:
            return
        left = memoryview(b"\n" + msgspec.json.encode(report, enc_hook=_plain) + b"\n")
        while left:
            left = left[os.write(self._reports.fileno(), left) :]


def _plain(value: Any) -> Any:
    """A numpy scalar as a number of Python's."""
    return value.item() if hasattr(value, "item") else repr(value)


@cache
def _reporter() -> Reporter:
    return Reporter()


def _end_with_the_server() -> None:
    """Linux: the kernel kills this process when the fork server ends, which ends when the host does (an "alive" pipe)."""
    if sys.platform != "linux":
        return
    from multiprocessing import forkserver

    # Each worker inherits the host's end of that pipe; with it open here, the server would wait for us, and we for the server.
    alive = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_alive_fd", None)
    if alive is not None:
        os.close(alive)
        forkserver._forkserver._forkserver_alive_fd = None  # type: ignore[attr-defined]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:
        os._exit(1)


def _end_with_the_host() -> None:
    """Waits for the host's end: by its process where the system can, since others may hold an end of the pipe, else by the pipe."""
    host = parent_process()
    if host is None:
        return
    if not _wait_for_process(host.pid or 0):
        connection.wait([host.sentinel])
    server = os.getppid()
    if server not in {1, host.pid}:
        # Somebody who outlives the host for a while (a data loader's worker) may keep the server's own "alive" pipe open.
        with suppress(OSError):
            os.kill(server, signal.SIGKILL)
    os._exit(1)


def _wait_for_process(pid: int) -> bool:
    """Waits for the end of a process; False where the system cannot."""
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        poll = select.poll()
        poll.register(os.pidfd_open(pid), select.POLLIN)
        poll.poll()
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return True
