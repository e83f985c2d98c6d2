"""One worker process as the host sees it: a call always returns an answer and never raises.

pebble runs the process. This module adds three things that pebble leaves to its user: a limit also for a worker that never starts,
a fresh pool after any fault (killing an idle worker breaks pebble's pool), and the messages that a call sent before the call was
ended.
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
"""Seconds for a process to start and to load everything that its task needs; compiling on a busy machine can take minutes."""
_TICK = 0.1
"""Seconds between two looks at a running call."""
_ATTEMPTS = 3
"""How often a call is tried while its process is lost before the call begins."""


@dataclass(frozen=True)
class Returned:
    """Holds the function's value."""

    value: Any


@dataclass(frozen=True)
class Overran:
    """Says that the process was killed at the time limit, ``timeout`` seconds."""

    timeout: float


@dataclass(frozen=True)
class Died:
    """Says that the process ended before the function did, with the reason in words."""

    reason: str


@dataclass(frozen=True)
class Stopped:
    """Says that the process was killed because the host asked for an end."""


Outcome: TypeAlias = Returned | Raised | Overran | Died | Stopped
"""How a call can end."""


class _NeverBegan(Exception):  # noqa: N818  no error: the call is tried again
    """Says that the process was lost before the function began; the function is not to blame, so the call is tried again."""


def no_report(report: _child.WorkerMessage) -> None:
    """Ignores a message; for calls whose progress nobody reads."""


def never() -> bool:
    """Returns False; for calls that nobody stops."""
    return False


class Worker:
    """Calls functions in a worker process and replaces a lost process; only one thread at a time may use a worker.

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
        """Runs a function in the process and waits for the outcome; never raises.

        Args:
            function: ``"module:function"``; the function receives the arguments and ``report=``
                (:class:`~lightning_iit.phi.pool._child.Reporter`).
            arguments: positional arguments that can be pickled.
            timeout: seconds from the moment the function begins; None for no limit.
            on_report: receives each message of the function.
            stopped: asked about ten times a second; where the answer is True, the process is killed.

        Returns:
            :class:`Returned`, :class:`~lightning_iit.phi.pool._child.Raised`, :class:`Overran`, :class:`Died` or :class:`Stopped`.
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
        """Ends the process, even in the middle of a call."""
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
        """Makes one attempt at a call: starts it, passes its messages on, and watches the time limit."""
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
        """Hands a call to the process, in a new pool where there is none; raises _NeverBegan where no process can be started."""
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
        """Translates the end of pebble's future into an outcome; raises _NeverBegan where the process was lost too early."""
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
        except Exception as error:  # noqa: BLE001  e.g. a value that cannot be pickled
            return Raised(f"{type(error).__name__}: {error}", "")
        return value if isinstance(value, Raised) else Returned(value)

    def _discard(self, patience: float = 0.0) -> None:
        """Kills the process and drops pebble's pool; waits at most ``patience`` seconds for the pool's own threads."""
        pool, self._pool = self._pool, None
        if pool is None or self._context is None:
            return
        self._context.close()
        # pebble waits for its own threads; one may hang forever in a message that the killed process did not finish.
        retired = threading.Thread(target=_retire, args=(pool,), daemon=True, name="lightning-iit-retired-pool")
        retired.start()
        retired.join(patience)


def _retire(pool: ProcessPool) -> None:
    """Stops a pool of pebble, whatever errors come."""
    with contextlib.suppress(Exception):
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


class _Clock:
    """Measures the time of a call: before the function begins against ``START_LIMIT``, afterwards against the call's time limit."""

    def __init__(self, timeout: float | None) -> None:
        self.began: float | None = None
        self._timeout = timeout
        self._asked = time.monotonic()

    def see(self, report: _child.WorkerMessage) -> None:
        """Takes the start of the function from a message."""
        if report.started:
            self.began = time.monotonic()

    def overran(self) -> bool:
        """Says whether the limit that applies now has passed."""
        now = time.monotonic()
        if self.began is None:
            return now - self._asked > START_LIMIT
        return self._timeout is not None and now - self.began > self._timeout

    def verdict(self) -> Outcome:
        """Returns the outcome of a call whose limit has passed."""
        if self.began is None:
            return Died(f"The worker process was not ready within {START_LIMIT:g} s.")
        return Overran(self._timeout or 0.0)


class _Reports:
    """Reads the messages that workers write into a pipe, without ever blocking, since a killed worker can leave half a line."""

    def __init__(self) -> None:
        from multiprocessing import Pipe

        self._reader, self.writer = Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        self._rest = b""
        self._decoder = msgspec.json.Decoder(_child.WorkerMessage)

    def read(self, number: int) -> list[_child.WorkerMessage]:
        """Returns the new messages of the call with this number; messages of earlier calls are dropped."""
        *lines, self._rest = (self._rest + self._available()).split(b"\n")
        reports = []
        for line in lines:
            with contextlib.suppress(msgspec.MsgspecError):
                reports.append(self._decoder.decode(line))
        return [report for report in reports if report.number == number]

    def close(self) -> None:
        """Closes both ends of the pipe."""
        self._reader.close()
        self.writer.close()

    def _available(self) -> bytes:
        """Returns all bytes that can be read without waiting."""
        chunks = []
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._reader.fileno(), 1 << 16):
                chunks.append(chunk)
        return b"".join(chunks)


def _exit_words(code: int | None) -> str:
    """Returns an exit status in words: the number, or the name of the signal that killed the process."""
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
    hint = " (by hand, or by the system for want of memory)" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"
