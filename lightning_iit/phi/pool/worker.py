"""One worker process as the host sees it: a call always returns an answer and never raises.

pebble runs the process. This module adds what pebble leaves to its user: limits also for a worker that never starts, or that stands
still before the call begins; a fresh pool after any fault (a worker that is killed while idle breaks pebble's pool, and pebble may
then forget the call); and the messages that a call sent before the call was ended.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from pebble import ProcessExpired, ProcessPool

from lightning_iit.phi.pool import _child
from lightning_iit.phi.pool._child import Raised
from lightning_iit.phi.pool.reports import Reports

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.phi.pool.process_context import WorkerContext, WorkerServer

START_LIMIT = 600.0
"""Seconds for a process to start and to load everything that its task needs; compiling on a busy machine can take minutes."""
_SERVER_QUIET = 60.0
"""The fewest seconds that the fork server is given to import its modules and to start a process, however short the time limit."""
_QUIET = 10.0
"""The fewest seconds without a sign of life after which a worker that has not begun is given up, however short the time limit."""
_GRACE = 2.0
"""Seconds that a broken pool of pebble is given to say how its process ended."""
_TICK = 0.1
"""Seconds between two looks at a running call."""
_ATTEMPTS = 4
"""How often a call is tried while its process is lost before the call begins."""
_PAUSE = 0.5
"""Seconds before a second attempt, and twice as many before each further one: a fork server that failed needs time to end."""


@dataclass(frozen=True)
class Returned:
    """Holds the function's value."""

    value: Any


@dataclass(frozen=True)
class Overran:
    """Says that the process was killed at the time limit, ``timeout`` seconds; not ``began``: it stood still before the call."""

    timeout: float
    began: bool = True


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


def longest(timeout: float | None) -> float | None:
    """Returns the seconds after which a call with this limit, and a preparation before it, have ended; None without a limit."""
    return None if timeout is None else 2 * START_LIMIT + timeout + _SERVER_QUIET


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
        self._reports: Reports | None = None
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
            timeout: seconds from the moment the function begins; None for no limit. A process that stands still before that, for as
                long as ``timeout`` and for 10 s at least, is killed too; one that is at work (loads, compiles) has 600 s.
            on_report: receives each message of the function.
            stopped: asked about ten times a second; where the answer is True, the process is killed.

        Returns:
            :class:`Returned`, :class:`~lightning_iit.phi.pool._child.Raised`, :class:`Overran`, :class:`Died` or :class:`Stopped`.
        """
        clock = _Clock(timeout)
        why = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE * 2 ** (attempt - 1))
            try:
                return self._attempt(_Call(_child.call, function, arguments, on_report), clock, stopped)
            except _NeverBegan as error:
                why = str(error)
                self._discard()
            except Exception as error:  # noqa: BLE001  whatever broke here, the call has an outcome
                self._discard()
                return Died(f"The worker process could not be used: {type(error).__name__}: {error}.")
        return Died(f"The worker process was lost {_ATTEMPTS} times before it could begin ({why}).")

    def prepare(
        self, function: str, arguments: tuple[Any, ...], *, timeout: float | None = None, stopped: Callable[[], bool] = never
    ) -> None:
        """Runs a function that prepares the process for later calls, such as loading an engine; never raises.

        Args:
            function: ``"module:function"``.
            arguments: positional arguments that can be pickled.
            timeout: seconds for which the process may stand still, as before a call; a process that is at work has 600 s.
            stopped: asked about ten times a second; where the answer is True, the process is killed.
        """
        try:
            self._attempt(_Call(_child.prepare, function, arguments, no_report), _Clock(timeout), stopped)
        except Exception:  # noqa: BLE001  the call that follows starts a new process, and tells what is wrong
            self._discard()

    def close(self) -> None:
        """Ends the process, even in the middle of a call."""
        self._discard(patience=5.0)
        if self._reports is not None:
            self._reports.close()

    def _attempt(self, call: _Call, clock: _Clock, stopped: Callable[[], bool]) -> Outcome:
        """Makes one attempt at a call: starts it, passes its messages on, and watches the limits."""
        try:
            reports = self._reports = self._reports or Reports()
            if (early := self._ready(reports, clock, stopped)) is not None:
                return early
            number = next(self._numbers)
            pool, future = self._schedule(call, number)
        except (RuntimeError, OSError, EOFError) as error:  # EOFError: the fork server ended before it had started the process
            raise _NeverBegan(repr(error)) from error
        clock.alive(_QUIET)
        while not wait([future], _TICK).done:
            self._read(reports, number, call, clock)
            if clock.overran() or stopped():
                self._discard()
                return clock.verdict() if clock.overran() else Stopped()
            if not pool.active:  # it may have forgotten the call: what it does not say now, it never says
                wait([future], _GRACE)
                break
        self._read(reports, number, call, clock)
        return self._outcome(future, began=clock.began is not None)

    def _ready(self, reports: Reports, clock: _Clock, stopped: Callable[[], bool]) -> Outcome | None:
        """Makes sure that a process runs; returns an outcome where a limit passes meanwhile, or the host asks for an end.

        The start waits for the fork server, so another thread waits with it.
        """
        if self._pool is not None and self._pool.active:
            return None
        self._discard()
        context = self._context = self._server.context()
        pool = self._pool = ProcessPool(max_workers=1, initializer=_child.begin, initargs=(reports.writer,), context=context)
        started: Future[bool] = Future()
        clock.alive(_SERVER_QUIET)
        threading.Thread(target=_start, args=(pool, started), daemon=True, name="lightning-iit-starting-pool").start()
        while not wait([started], _TICK).done:
            if clock.overran() or stopped():
                verdict = clock.verdict() if clock.overran() else Stopped()
                if isinstance(verdict, (Overran, Died)):
                    self._server.close()  # a server that hangs starts no process any more; the next start begins with a new one
                self._discard()
                return verdict
        started.result(0)
        return None

    def _schedule(self, call: _Call, number: int) -> tuple[ProcessPool, Future[Any]]:
        """Hands a call to the process."""
        if self._pool is None:
            msg = "the worker has no process"
            raise RuntimeError(msg)
        return self._pool, self._pool.schedule(call.how, args=(call.function, number, call.arguments))

    def _read(self, reports: Reports, number: int, call: _Call, clock: _Clock) -> None:
        """Passes on the messages of a call that have come."""
        for report in reports.read(number):
            clock.see(report)
            call.on_report(report)

    def _outcome(self, future: Future[Any], *, began: bool) -> Outcome:
        """Translates the end of pebble's future into an outcome; raises _NeverBegan where the process was lost too early."""
        if not future.done():
            future.cancel()
        try:
            value = future.result(0)
        except ProcessExpired as error:
            if not began:
                raise _NeverBegan(_exit_words(error.exitcode)) from error
            self._discard()
            return Died(f"The worker process ended while it was computing: {_exit_words(error.exitcode)}.")
        except (BrokenProcessPool, CancelledError) as error:
            how = self._context.exit_status() if self._context is not None else None
            words = repr(error) if how is None else _exit_words(how)
            if not began:
                raise _NeverBegan(words) from error
            self._discard()
            return Died(f"The worker process ended while it was computing: {words}.")
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
        with contextlib.suppress(RuntimeError):  # the system has no thread left
            retired.start()
            retired.join(patience)


@dataclass(frozen=True)
class _Call:
    """Holds what is called in the process: ``function`` with the arguments, by way of the function ``how`` of ``_child``."""

    how: Callable[..., Any]
    function: str
    arguments: tuple[Any, ...]
    on_report: Callable[[_child.WorkerMessage], None]


def _start(pool: ProcessPool, started: Future[bool]) -> None:
    """Starts the process of a pool and sets whether it runs, or the exception, as the result of ``started``."""
    try:
        started.set_result(pool.active)
    except BaseException as error:  # noqa: BLE001  the thread that waits raises the exception
        started.set_exception(error)


def _retire(pool: ProcessPool) -> None:
    """Stops a pool of pebble, whatever errors come."""
    with contextlib.suppress(Exception):
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


class _Clock:
    """Measures the time of a call against the limit that applies.

    Before the function begins, this is ``START_LIMIT`` for all of it, and the call's time limit for a process that stands still;
    afterwards, the call's time limit.
    """

    def __init__(self, timeout: float | None) -> None:
        self.began: float | None = None
        self._timeout = timeout
        self._asked = self._heard = time.monotonic()
        self._quiet = START_LIMIT

    def alive(self, least: float) -> None:
        """Takes a step of the start; before the next sign of life, the time limit may pass, and ``least`` seconds in any case."""
        self._heard = time.monotonic()
        self._quiet = START_LIMIT if self._timeout is None else max(self._timeout, least)

    def see(self, report: _child.WorkerMessage) -> None:
        """Takes a message of the call: a sign of life, or that the function begins."""
        self._heard = time.monotonic()
        if report.started:
            self.began = self._heard

    def overran(self) -> bool:
        """Says whether the limit that applies now has passed."""
        now = time.monotonic()
        if self.began is None:
            return now - self._asked > START_LIMIT or now - self._heard > self._quiet
        return self._timeout is not None and now - self.began > self._timeout

    def verdict(self) -> Outcome:
        """Returns the outcome of a call whose limit has passed."""
        if self.began is not None:
            return Overran(self._timeout or 0.0)
        if self._timeout is not None and time.monotonic() - self._heard > self._quiet:
            return Overran(self._timeout, began=False)
        return Died(f"The worker process was not ready within {START_LIMIT:g} s.")


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
