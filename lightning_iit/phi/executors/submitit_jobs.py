"""Jobs of submitit: each call is a job of its own, of SLURM or on this machine."""

from __future__ import annotations

import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lightning_iit.phi.executors.executor import call_on_one

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY = 0.5
"""Seconds between two looks at which jobs have ended."""


class SubmititExecutor:
    """Hands each call to submitit as a job, and looks at the jobs now and then.

    Args:
        executor: an executor of submitit; its parameters are the user's.
    """

    def __init__(self, executor: Any) -> None:
        self.name: str = f"submitit, {type(executor).__name__}"
        self._executor = executor
        self._changed = threading.Condition()
        self._open: list[tuple[Any, Future[Any]]] = []
        self._closed = False
        self._watching: threading.Thread | None = None

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submits a job."""
        job, future = self._executor.submit(function, *arguments), Future[Any]()
        future.add_done_callback(lambda done: job.cancel(check=False) if done.cancelled() else None)
        with self._changed:
            self._open.append((job, future))
            if self._watching is None:
                self._watching = threading.Thread(target=self._watch, daemon=True, name="lightning-iit-submitit")
                self._watching.start()
            self._changed.notify_all()
        return future

    def slots(self) -> int | None:
        """Returns None: the queue of jobs decides."""
        return None

    def everywhere(self, function: Callable[..., Any], *arguments: Any, timeout: float) -> dict[str, Any]:
        """Calls a function in one job."""
        return call_on_one(self, function, *arguments, timeout=timeout)

    def close(self) -> None:
        """Stops looking at the jobs."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _watch(self) -> None:
        """Sets the outcome of each job that has ended."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._open or self._closed)
                if self._closed:
                    return
                seen = list(self._open)
            ended = [one for one in seen if one[1].done() or self._has_ended(*one)]
            with self._changed:
                self._open = [one for one in self._open if one not in ended]
                self._changed.wait_for(lambda: self._closed, _EVERY)

    def _has_ended(self, job: Any, future: Future[Any]) -> bool:
        """Says whether a job has ended, and sets its outcome."""
        try:
            if not job.done():
                return False
            error, value = job.exception(), None
            value = job.result() if error is None else None
        except Exception as raised:  # noqa: BLE001  a job that ended without an answer
            error = raised
        with suppress(InvalidStateError):
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        return True
