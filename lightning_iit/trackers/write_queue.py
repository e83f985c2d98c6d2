"""The queue of one tracker: writes one job after the other, tries again what the outside world refused, loses nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("lightning_iit")

_LAST_ATTEMPTS = 3


@dataclass(frozen=True)
class Backoff:
    """How long to wait after a failed attempt, in seconds: ``first``, then twice as long each time, up to ``longest``."""

    first: float = 0.5
    longest: float = 30.0

    def wait(self, attempts: int) -> float:
        """The wait after so many failed attempts."""
        return min(self.longest, self.first * 2.0 ** min(attempts - 1, 30))


@dataclass(frozen=True)
class WriteJob:
    """One thing to write: what it is, in words, and the call that writes it."""

    label: str
    run: Callable[[], None]


class WriteQueue:
    """Runs the jobs of one tracker in the order in which they came.

    An ``OSError`` (disk full, server away) is the outside world's: the job is tried again until the queue is stopped, before
    all others where order matters, else after them. Any other exception is the job's own: it is reported, kept in ``refused``,
    and the next one has its turn.

    Args:
        name: the tracker in messages.
        backoff: the waits between attempts.
        threaded: run the jobs in a thread of the queue; else they run in :meth:`work`, on the caller's thread.
        in_order: a job that has to be tried again holds up those behind it.
    """

    def __init__(self, name: str, *, backoff: Backoff, threaded: bool, in_order: bool) -> None:
        self.name = name
        self.refused: list[WriteJob] = []
        self.trouble = ""
        """Why the last attempt failed; empty while all is well."""
        self.refusal = ""
        """Why the latest of the refused jobs was refused."""
        self._jobs: deque[WriteJob] = deque()
        self._changed = threading.Condition()
        self._backoff = backoff
        self._attempts = 0
        self._due = 0.0
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._threaded = threaded
        self._in_order = in_order

    def put(self, job: WriteJob) -> None:
        """Queues a job; never waits."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()
            if self._threaded and self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=f"iit {self.name}", daemon=True)
                self._thread.start()

    def work(self) -> None:
        """Runs what is due now, for a queue without a thread."""
        while not self._threaded and (job := self._next()):
            self._attempt(job)

    def wait(self, deadline: float) -> bool:
        """Tries at once what waits for another attempt; returns when all is written, or it failed again, or time is up.

        Args:
            deadline: in seconds of ``time.monotonic()``.

        Returns:
            Whether everything was written.
        """
        with self._changed:
            self._due, self._attempts = 0.0, 0
            self._changed.notify_all()
        self.work()
        with self._changed:
            if self._threaded:
                self._changed.wait_for(self._at_rest, max(0.0, deadline - time.monotonic()))
            return not self._jobs and not self.refused

    def _at_rest(self) -> bool:
        return not self._jobs or self._stopped or self._attempts >= _LAST_ATTEMPTS

    def stop(self) -> list[WriteJob]:
        """Starts no further job, and returns those that were not written."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            return [*self.refused, *self._jobs]

    def _serve(self) -> None:
        while not self._stopped:
            if job := self._next():
                self._attempt(job)
                continue
            with self._changed:
                if not self._stopped:
                    self._changed.wait(max(0.0, self._due - time.monotonic()) if self._jobs else None)

    def _next(self) -> WriteJob | None:
        with self._changed:
            due = self._jobs and not self._stopped and time.monotonic() >= self._due
            return self._jobs[0] if due else None

    def _attempt(self, job: WriteJob) -> None:
        try:
            job.run()
        except OSError as error:
            self._postpone(job, error)
        except Exception as error:  # whatever a logger raises must not end the queue
            log.exception("%s refused %s; training goes on without it there.", self.name, job.label)
            self._done(job, refused=f"{type(error).__name__}: {error}")
        else:
            self._done(job)

    def _postpone(self, job: WriteJob, error: OSError) -> None:
        with self._changed:
            first = not self.trouble
            self.trouble = f"{type(error).__name__}: {error}"
            self._attempts += 1
            if not self._in_order:
                self._jobs.rotate(-1)
            self._due = time.monotonic() + self._backoff.wait(self._attempts)
            self._changed.notify_all()
        if first:
            msg = "%s cannot take %s now (%s). Records are kept and tried again; training goes on."
            log.warning(msg, self.name, job.label, self.trouble)

    def _done(self, job: WriteJob, *, refused: str = "") -> None:
        with self._changed:
            self._jobs.popleft()
            if refused:
                self.refused.append(job)
                self.refusal = refused
            recovered = bool(self.trouble) and not refused
            self.trouble = ""
            self._attempts = 0
            self._due = 0.0
            self._changed.notify_all()
        if recovered:
            log.info("%s takes records again.", self.name)
