"""The queue of one tracker: runs write jobs one after the other and tries a job again if the disk or the server failed."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log: logging.Logger = logging.getLogger("lightning_iit")

_LAST_ATTEMPTS = 3


@dataclass(frozen=True)
class Backoff:
    """Holds the waiting times after failed attempts, in seconds: ``first``, then twice as long each time, up to ``longest``.

    Example:
        >>> [Backoff(first=1.0, longest=5.0).wait(attempts) for attempts in (1, 2, 3, 4)]
        [1.0, 2.0, 4.0, 5.0]
    """

    first: float = 0.5
    longest: float = 30.0

    def wait(self, attempts: int) -> float:
        """Returns the seconds to wait after ``attempts`` failed attempts in a row."""
        return min(self.longest, self.first * 2.0 ** min(attempts - 1, 30))


@dataclass(frozen=True)
class WriteJob:
    """Holds one write: a label for messages, and the call that writes."""

    label: str
    run: Callable[[], None]


class WriteQueue:
    """Runs the write jobs of one tracker in the order in which they were queued.

    After an ``OSError`` (disk full, server unreachable) a job is tried again until the queue is stopped: before all other jobs if
    order matters, else after them. After any other exception a job is not tried again: the exception is logged, the job is kept
    in ``refused``, and the next job runs.

    Args:
        name: the tracker's name in messages.
        backoff: the waiting times between attempts.
        threaded: True runs the jobs in a thread of the queue; False runs them in :meth:`work`, on the caller's thread.
        in_order: True if a job that must be tried again holds up the jobs behind it.
    """

    def __init__(self, name: str, *, backoff: Backoff, threaded: bool, in_order: bool) -> None:
        self.name = name
        self.refused: list[WriteJob] = []
        self.trouble: str = ""
        """The error of the last attempt, if that attempt is to be repeated; else empty."""
        self.refusal: str = ""
        """The error of the latest job in ``refused``; empty if there is none."""
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
        """Adds a job to the queue and returns at once; starts the queue's thread with the first job."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()
            if self._threaded and self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=f"iit {self.name}", daemon=True)
                self._thread.start()

    def work(self, until: float = math.inf) -> None:
        """Runs all jobs that are due now, on the caller's thread; does nothing for a queue with a thread.

        Args:
            until: no job is begun after this moment, on the clock ``time.monotonic()`` in seconds.
        """
        while not self._threaded and time.monotonic() < until and (job := self._next()):
            self._attempt(job)

    def wait(self, deadline: float) -> bool:
        """Tries failed jobs again at once; waits until all jobs are written, three attempts in a row failed, or time is up.

        A queue without a thread runs its due jobs on the caller's thread, and begins none after ``deadline``.

        Args:
            deadline: the end of the wait, on the clock ``time.monotonic()`` in seconds.

        Returns:
            True if every job was written: none is waiting and none was refused.
        """
        with self._changed:
            self._due, self._attempts = 0.0, 0
            self._changed.notify_all()
        self.work(deadline)
        with self._changed:
            if self._threaded:
                self._changed.wait_for(self._at_rest, max(0.0, deadline - time.monotonic()))
            return not self._jobs and not self.refused

    def _at_rest(self) -> bool:
        """Returns whether waiting longer is useless: no job is left, the queue is stopped, or three attempts in a row failed."""
        return not self._jobs or self._stopped or self._attempts >= _LAST_ATTEMPTS

    def stop(self) -> list[WriteJob]:
        """Stops the queue (a job that is running is not interrupted) and returns the jobs that were not written."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            return [*self.refused, *self._jobs]

    def _serve(self) -> None:
        """Runs jobs in the queue's thread until the queue is stopped; sleeps until a job comes or is due again."""
        while not self._stopped:
            if job := self._next():
                self._attempt(job)
                continue
            with self._changed:
                if not self._stopped:
                    self._changed.wait(max(0.0, self._due - time.monotonic()) if self._jobs else None)

    def _next(self) -> WriteJob | None:
        """Returns the first job, or None if there is none, if its next attempt is not due yet, or if the queue is stopped."""
        with self._changed:
            due = self._jobs and not self._stopped and time.monotonic() >= self._due
            return self._jobs[0] if due else None

    def _attempt(self, job: WriteJob) -> None:
        """Runs a job and sorts the outcome: done, to be tried again (``OSError``), or refused (any other exception)."""
        try:
            job.run()
        except OSError as error:
            self._postpone(job, error)
        except Exception as error:  # no exception of a logger may end the queue
            log.exception("%s refused %s; training goes on without it there.", self.name, job.label)
            self._done(job, refused=f"{type(error).__name__}: {error}")
        else:
            self._done(job)

    def _postpone(self, job: WriteJob, error: OSError) -> None:
        """Schedules the next attempt at a job; logs a warning only at the first failure."""
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
        """Removes a finished job, keeps the job in ``refused`` if there was an error, and ends the waiting time."""
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
