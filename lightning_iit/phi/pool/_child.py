"""The code that runs inside a worker process, around the task.

A worker runs at low priority with single-threaded numerical libraries, tells the host how far the task is, and ends when the host
ends. At first, only msgspec is loaded, so that numerical libraries find their limits set when the task loads the libraries.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import select
import signal
import sys
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from multiprocessing import connection, parent_process
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.records import StateResult, TaskResult  # noqa: TC001  msgspec reads the types of WorkerMessage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Environment variables from which numerical libraries read their number of threads."""
_NICENESS = 10
"""The amount by which a worker lowers its own priority."""
_BEAT = 0.5
"""Seconds between two signs of life of a worker that prepares a call."""
_WORK = 0.001
"""Seconds of processor time between two signs of life from which on a worker is said to be at work."""
_PR_SET_PDEATHSIG = 1
"""The number of the Linux option that sends a signal to a process whose parent has died."""


class WorkerMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Holds one message from a worker to the host, sent as one line of JSON; without contents, the message is a sign of life.

    Args:
        number: the number of the call that the message belongs to.
        started: True in the message that says that the function begins; the time limit runs from then on.
        fraction: the finished fraction of the task, from 0 to 1.
        state: the result of a state that has just been finished.
        partial: everything that is known of the task so far, except for the states.
    """

    number: int
    started: bool = False
    fraction: float | None = None
    state: StateResult | None = None
    partial: TaskResult | None = None


class Raised(msgspec.Struct, frozen=True):
    """Holds an exception of the called function and its traceback, as text, since some exceptions cannot be pickled."""

    reason: str
    details: str


def be_modest() -> None:
    """Limits each numerical library to one thread; a library reads this limit when the library is loaded."""
    for name in _THREAD_LIMITS:
        os.environ[name] = "1"


def begin(reports: connection.Connection) -> None:
    """Prepares a new worker process: low priority, single-threaded libraries, deaf to Ctrl-C, and ended with the host.

    Args:
        reports: the pipe on which the worker sends messages to the host.
    """
    be_modest()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if sys.platform != "win32":
        # No process is forked here, but locks made under "fork" leave no name behind when the worker is killed (tqdm makes one).
        multiprocessing.set_start_method("fork", force=True)
    _end_with_the_server()
    threading.Thread(target=_end_with_the_host, daemon=True).start()
    _reporter().open(reports)


def call(function: str, number: int, arguments: tuple[Any, ...]) -> Any:
    """Runs a function in the worker and returns its value, or :class:`Raised` where the function raises an exception.

    If the function's module has a function ``prepare_<name>``, that function is called first with the same arguments; the time
    limit does not run meanwhile. So loading an engine does not count as part of the analysis.

    Args:
        function: ``"module:function"``; the function also receives ``report=``, a :class:`Reporter`.
        number: the number of this call, which goes into each message to the host.
        arguments: the function's positional arguments.
    """
    reporter = _reporter()
    reporter.number = number
    try:
        with _signs_of_life(reporter):
            module, name = _found(function)
            prepare = getattr(module, f"prepare_{name}", None)
            if prepare is not None:
                prepare(*arguments)
        reporter.send(WorkerMessage(number=number, started=True))
        return getattr(module, name)(*arguments, report=reporter)
    except Exception as error:  # noqa: BLE001  the host reports every exception
        return Raised(f"{type(error).__name__}: {error}", traceback.format_exc())


def prepare(function: str, number: int, arguments: tuple[Any, ...]) -> Any:
    """Runs a function that only prepares the worker for later calls: like :func:`call`, but all of it counts as preparation."""
    reporter = _reporter()
    reporter.number = number
    try:
        with _signs_of_life(reporter):
            module, name = _found(function)
            return getattr(module, name)(*arguments)
    except Exception as error:  # noqa: BLE001  the host reports every exception
        return Raised(f"{type(error).__name__}: {error}", traceback.format_exc())


def _found(function: str) -> tuple[ModuleType, str]:
    """Imports the module of ``"module:function"``; returns the module and the name of the function."""
    module, _, name = function.partition(":")
    return import_module(module), name


@contextmanager
def _signs_of_life(reporter: Reporter) -> Iterator[None]:
    """Sends a message now and then while the ``with`` block computes, and none while the block, or the process, stands still."""
    over = threading.Event()

    def tell() -> None:
        last = 0.0
        while not over.wait(_BEAT):
            spent = time.process_time() - time.thread_time()  # that of the other threads
            if spent - last > _WORK:
                with suppress(OSError):
                    reporter.send(WorkerMessage(number=reporter.number))
            last = spent

    teller = threading.Thread(target=tell, daemon=True, name="lightning-iit-signs-of-life")
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()  # two threads must not write at the same time


class Reporter:
    """Sends to the host how far the running call is, and the results so far, in case the call is ended early."""

    def __init__(self) -> None:
        self.number = 0
        self._reports: connection.Connection | None = None

    def open(self, reports: connection.Connection) -> None:
        """Sets the pipe to the host; messages before this call are dropped."""
        self._reports = reports

    def __call__(self, fraction: float, *, state: StateResult | None = None, partial: TaskResult | None = None) -> None:
        """Sends one message.

        Args:
            fraction: the finished fraction of the task, from 0 to 1.
            state: the result of a state that has just been finished.
            partial: everything that is known of the task so far, except for the states.
        """
        self.send(WorkerMessage(number=self.number, fraction=fraction, state=state, partial=partial))

    def send(self, report: WorkerMessage) -> None:
        """Writes one message as a line, after a line break, since a killed worker may have left half a line in the pipe."""
        if self._reports is None:
            return
        left = memoryview(b"\n" + msgspec.json.encode(report, enc_hook=_plain) + b"\n")
        while left:
            left = left[os.write(self._reports.fileno(), left) :]


def _plain(value: Any) -> Any:
    """Returns a numpy scalar as a Python number, and any other unknown value as text."""
    return value.item() if hasattr(value, "item") else repr(value)


@cache
def _reporter() -> Reporter:
    """Returns the one reporter of this process."""
    return Reporter()


def _end_with_the_server() -> None:
    """Lets the Linux kernel kill this process when the fork server ends; the fork server ends when the host ends.

    The fork server notices the end of the host by a pipe whose other end only the host should hold open.
    """
    if sys.platform != "linux":
        return
    from multiprocessing import forkserver

    # Each worker inherits the host's end of that pipe; left open here, server and worker would wait for each other.
    alive = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_alive_fd", None)
    if alive is not None:
        os.close(alive)
        forkserver._forkserver._forkserver_alive_fd = None  # type: ignore[attr-defined]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:
        os._exit(1)


def _end_with_the_host() -> None:
    """Waits for the host's end, then kills the fork server and ends this process.

    Where the system allows, the host's process itself is watched, since other processes may hold an end of the pipe; else the pipe
    is.
    """
    host = parent_process()
    if host is None:
        return
    if not _wait_for_process(host.pid or 0):
        connection.wait([host.sentinel])
    server = os.getppid()
    if server not in {1, host.pid}:
        # A process that outlives the host for a while (a data loader's worker) may keep the server's own "alive" pipe open.
        with suppress(OSError):
            os.kill(server, signal.SIGKILL)
    os._exit(1)


def _wait_for_process(pid: int) -> bool:
    """Waits for the end of a process and returns True; returns False at once where the system has no means to wait."""
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
