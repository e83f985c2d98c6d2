"""One worker process, as the host sees it: call it, and always get an answer.

pebble runs the process, and this adds what pebble leaves to its user: a limit also for a worker that never starts, a fresh
pool after any fault (an idle worker that is killed breaks pebble's pool), and what a call knew before it was ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from pebble import ProcessExpired, ProcessPool

from lightning_iit.phi.pool import _child
from lightning_iit.phi.pool._child import Raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.phi.pool.process_context import WorkerContext, WorkerServer

START_LIMIT = 600.0
"""Seconds for a process to start and to load what its task needs; to compile on a busy machine can take minutes."""
_TICK = 0.1
_ATTEMPTS = 3


@dataclass(frozen=True)
class Returned:
    """The function's value."""

    value: Any


@dataclass(frozen=True)
class Overran:
    """Killed at its time limit."""

    timeout: float


@dataclass(frozen=True)
class Died:
    """The process ended before the function did."""

    reason: str


@dataclass(frozen=True)
class Stopped:
    """Killed because the host asked for it."""


Outcome: TypeAlias = Returned | Raised | Overran | Died | Stopped


class _NeverBegan(Exception):  # noqa: N818  no error: the call is tried again
    """The process was gone before it took the call up, so the call is not to blame."""


def no_report(report: _child.WorkerMessage) -> None:
    """For calls whose progress nobody reads."""


def never() -> bool:
    """For calls that nobody stops."""
    return False


class Worker:
    """A worker process that is replaced when it is lost. Used by one thread at a time.

    Args:
        server: starts the process.
    """

    def __init__(self, server: WorkerServer) -> None:
        self._server = server
        self._context: WorkerContext | None = None
        self._pool: ProcessPool | None = None
        self._reports = _Reports()
        self._numbers = count(1)

    def call(
        self,
        function: str,
        arguments: tuple[Any, ...],
        *,
        timeout: float | None = None,
        on_report: Callable[[_child.WorkerMessage], None] = no_report,
        stopped: Callable[[], bool] = never,
    ) -> Outcome:
        """Runs ``"module:function"`` in the process and waits for it; never raises.

        Args:
            function: takes the arguments and ``report=`` (:class:`~lightning_iit.phi.pool._child.Reporter`).
            arguments: what can be pickled.
            timeout: seconds from when the function begins; None for no limit.
            on_report: is handed what the function reports.
            stopped: asked about ten times a second; when it says True the process is killed.
        """
        why = ""
        for _ in range(_ATTEMPTS):
            try:
                return self._attempt(function, arguments, timeout, on_report, stopped)
            except _NeverBegan as error:
                why = str(error)
                self._discard()
        return Died(f"The worker process was lost {_ATTEMPTS} times before it could begin ({why}).")

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        self._discard(patience=5.0)
        self._reports.close()

    def _attempt(
        self,
        function: str,
        arguments: tuple[Any, ...],
        timeout: float | None,
        on_report: Callable[[_child.WorkerMessage], None],
        stopped: Callable[[], bool],
    ) -> Outcome:
        number = next(self._numbers)
        future = self._schedule(function, number, arguments)
        clock = _Clock(timeout)
        while not wait([future], _TICK).done:
            for report in self._reports.read(number):
                clock.see(report)
                on_report(report)
            if clock.overran() or stopped():
                self._discard()
                return clock.verdict() if clock.overran() else Stopped()
        for report in self._reports.read(number):
            clock.see(report)
            on_report(report)
        return self._outcome(future, began=clock.began is not None)

    def _schedule(self, function: str, number: int, arguments: tuple[Any, ...]) -> Future[Any]:
        try:
            if self._pool is None or not self._pool.active:
                self._discard()
                self._context = self._server.context()
                self._pool = ProcessPool(
                    max_workers=1, initializer=_child.begin, initargs=(self._reports.writer,), context=self._context
                )
            future: Future[Any] = self._pool.schedule(_child.call, args=(function, number, arguments))
        except (RuntimeError, OSError) as error:
            raise _NeverBegan(repr(error)) from error
        return future

    def _outcome(self, future: Future[Any], *, began: bool) -> Outcome:
        try:
            value = future.result()
        except ProcessExpired as error:
            if not began:
                raise _NeverBegan(_exit_words(error.exitcode)) from error
            self._discard()
            return Died(f"The worker process ended while it was computing: {_exit_words(error.exitcode)}.")
        except (BrokenProcessPool, CancelledError) as error:
            if not began:
                raise _NeverBegan(repr(error)) from error
            self._discard()
            return Died("The worker process ended while it was computing.")
        except Exception as error:  # noqa: BLE001  such as a value that cannot be pickled
            return Raised(f"{type(error).__name__}: {error}", "")
        return value if isinstance(value, Raised) else Returned(value)

    def _discard(self, patience: float = 0.0) -> None:
        pool, self._pool = self._pool, None
        if pool is None or self._context is None:
            return
        self._context.close()
        # pebble waits here for threads of its own; one may hang for good in a message that the killed process never ended.
        retired = threading.Thread(target=_retire, args=(pool,), daemon=True, name="lightning-iit-retired-pool")
        retired.start()
        retired.join(patience)


def _retire(pool: ProcessPool) -> None:
    with contextlib.suppress(Exception):
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


class _Clock:
    """Measures a call: first until it begins, then its time limit."""

    def __init__(self, timeout: float | None) -> None:
        self.began: float | None = None
        self._timeout = timeout
        self._asked = time.monotonic()

    def see(self, report: _child.WorkerMessage) -> None:
        if report.started:
            self.began = time.monotonic()

    def overran(self) -> bool:
        now = time.monotonic()
        if self.began is None:
            return now - self._asked > START_LIMIT
        return self._timeout is not None and now - self.began > self._timeout

    def verdict(self) -> Outcome:
        if self.began is None:
            return Died(f"The worker process was not ready within {START_LIMIT:g} s.")
        return Overran(self._timeout or 0.0)


class _Reports:
    """A pipe on which workers write lines; read without ever blocking, since a killed worker can leave half a line."""

    def __init__(self) -> None:
        from multiprocessing import Pipe

        self._reader, self.writer = Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        self._rest = b""
        self._decoder = msgspec.json.Decoder(_child.WorkerMessage)

    def read(self, number: int) -> list[_child.WorkerMessage]:
        """The new reports of that call."""
        *lines, self._rest = (self._rest + self._available()).split(b"\n")
        reports = []
        for line in lines:
            with contextlib.suppress(msgspec.MsgspecError):
                reports.append(self._decoder.decode(line))
        return [report for report in reports if report.number == number]

    def close(self) -> None:
        self._reader.close()
        self.writer.close()

    def _available(self) -> bytes:
        chunks = []
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._reader.fileno(), 1 << 16):
                chunks.append(chunk)
        return b"".join(chunks)


def _exit_words(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
    hint = " (by hand, or by the system for want of memory)" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"
