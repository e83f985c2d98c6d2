"""Tasks on any ``concurrent.futures.Executor``: a cluster's, for one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from lightning_iit.phi.pool.endings import drained, unfinished
from lightning_iit.phi.pool.pool import JOB, WorkerPool
from lightning_iit.records import Failed, PhiResult, PhiTask, TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable

_TICK = 0.2


class ExecutorPool:
    """Hands tasks to an executor, which queues them as it likes.

    An executor cannot end a task that runs too long, so where the task arrives a worker process of its own computes it and is
    killed at the limit (the executor's processes must be allowed to start processes: not daemonic).

    Args:
        executor: any Executor; it is the caller's to shut down. With Dask: ``client.get_executor()``.
        function: ``"module:function"`` that computes a task, importable where the executor runs it.
        timeout: seconds for one task, from when its worker begins; ``PhiTask.timeout`` goes first.
    """

    def __init__(self, executor: Executor, function: str = JOB, *, timeout: float | None = 600.0) -> None:
        self._executor = executor
        self._function = function
        self._timeout = timeout
        self._changed = threading.Condition()
        self._open: dict[Future[TaskResult], tuple[PhiTask, Future[TaskResult]]] = {}

    @property
    def pending(self) -> int:
        """How many tasks have no result yet."""
        with self._changed:
            return sum(not outer.done() for outer in self._open)

    def submit(self, task: PhiTask) -> Future[TaskResult]:
        """Hands a task to the executor. The future never raises."""
        outer: Future[TaskResult] = Future()
        try:
            inner = self._executor.submit(run_limited, self._function, task, self._timeout)
        except Exception as error:  # noqa: BLE001  a cluster that is away must not stop training
            outer.set_result(unfinished(task, _refused(error)))
            return outer
        with self._changed:
            self._open[outer] = (task, inner)
        inner.add_done_callback(lambda done: self._receive(outer, task, done))
        return outer

    def warm_up(self, engine: str = "auto") -> None:
        """Does nothing: which process will run which task is the executor's business."""

    def drain(self, timeout: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Waits for the open tasks; ends what is open after ``timeout`` seconds and then returns False."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0 and not self._settled(min(_TICK, left)):
            if on_progress is not None:
                on_progress(self.pending)
        if self._settled(0.0):
            return True
        for outer in self._futures():
            self._end(outer, lambda running: drained(timeout, running=running))
        return False

    def close(self) -> None:
        """Open tasks end as Failed, here; the executor is the caller's."""
        why = Failed(code="interrupted", reason="The pool was closed before this analysis ended.")
        for outer in self._futures():
            self._end(outer, lambda _: why)

    def _futures(self) -> list[Future[TaskResult]]:
        with self._changed:
            return list(self._open)

    def _end(self, outer: Future[TaskResult], why: Callable[[bool], PhiResult]) -> None:
        with self._changed:
            known = self._open.get(outer)
        if known is not None:
            task, inner = known
            # Settled before it is cancelled, which would settle it with another reason.
            self._settle(outer, unfinished(task, why(inner.running())))
            inner.cancel()

    def _receive(self, outer: Future[TaskResult], task: PhiTask, inner: Future[TaskResult]) -> None:
        try:
            result = inner.result()
        except CancelledError:
            result = unfinished(task, Failed(code="interrupted", reason="The executor cancelled this task."))
        except BaseException as error:  # noqa: BLE001  whatever the cluster answers
            result = unfinished(task, _refused(error))
        self._settle(outer, result)

    def _settled(self, timeout: float) -> bool:
        """Whether every task has its result, and whoever waits for it has been told, within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def _settle(self, outer: Future[TaskResult], result: TaskResult) -> None:
        # The second who comes, or who comes after it was cancelled, is late.
        with suppress(InvalidStateError):
            outer.set_result(result)
        with self._changed:
            self._open.pop(outer, None)
            self._changed.notify_all()


def run_limited(function: str, task: PhiTask, timeout: float | None) -> TaskResult:
    """Runs where the executor runs it: a worker process of its own, which can be killed at the limit."""
    pool = WorkerPool(function, timeout=timeout)
    try:
        return pool.submit(task).result()
    finally:
        pool.close()


def _refused(error: BaseException) -> PhiResult:
    return Failed(code="worker_died", reason=f"The executor did not compute it: {type(error).__name__}: {error}")
