"""A pool that hands tasks to any ``concurrent.futures.Executor``, such as that of a cluster."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError, wait
from contextlib import suppress
from typing import TYPE_CHECKING

from lightning_iit.phi.pool.endings import drained, unfinished
from lightning_iit.phi.pool.pool import JOB, WorkerPool
from lightning_iit.phi.pool.worker import longest
from lightning_iit.records import FORMALISM, Failed, PhiResult, PhiTask, TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_iit.records import Formalism

_TICK = 0.2
"""Seconds between two reports of progress while tasks are waited for."""


class ExecutorPool:
    """Hands tasks to an executor, which decides when and where each task runs.

    An executor cannot end a task that runs too long. So each task, where the executor runs the task, starts a worker process of its
    own, which computes and is killed at the time limit. The executor's processes must be allowed to start processes (not daemonic).

    Args:
        executor: any Executor; the caller shuts it down. With Dask: ``client.get_executor()``.
        function: ``"module:function"`` that computes a task, importable where the executor runs tasks.
        timeout: seconds for one task, from the moment its worker begins; ``PhiTask.timeout`` overrides. None for no limit.
    """

    def __init__(self, executor: Executor, function: str = JOB, *, timeout: float | None = 600.0) -> None:
        self._executor = executor
        self._function = function
        self._timeout = timeout
        self._changed = threading.Condition()
        self._open: dict[Future[TaskResult], tuple[PhiTask, Future[TaskResult]]] = {}

    @property
    def pending(self) -> int:
        """Counts the tasks that have no result yet."""
        with self._changed:
            return sum(not outer.done() for outer in self._open)

    def submit(self, task: PhiTask) -> Future[TaskResult]:
        """Hands a task to the executor and returns a future that never raises: every outcome is a TaskResult."""
        outer: Future[TaskResult] = Future()
        try:
            inner = self._executor.submit(run_limited, self._function, task, self._timeout)
        except Exception as error:  # noqa: BLE001  an unreachable cluster must not stop training
            outer.set_result(unfinished(task, _refused(error)))
            return outer
        with self._changed:
            self._open[outer] = (task, inner)
        inner.add_done_callback(lambda done: self._receive(outer, task, done))
        return outer

    def warm_up(self, engine: str = "auto", formalisms: Sequence[Formalism] = (FORMALISM,)) -> None:
        """Does nothing: only the executor knows which process will run a task."""

    def drain(self, timeout: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Waits until every task has a result; after ``timeout`` seconds, gives the open tasks a result and stops waiting.

        Args:
            timeout: seconds. Tasks still open then end as TimedOut where they were running, and as Skipped where they were waiting.
            on_progress: called about five times a second with the number of open tasks.

        Returns:
            Whether every task ended by itself.
        """
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
        """Ends the open tasks as Failed and cancels them where possible; the executor stays open."""
        why = Failed(code="interrupted", reason="The pool was closed before this analysis ended.")
        for outer in self._futures():
            self._end(outer, lambda _: why)

    def _futures(self) -> list[Future[TaskResult]]:
        """Returns the futures of the open tasks."""
        with self._changed:
            return list(self._open)

    def _end(self, outer: Future[TaskResult], why: Callable[[bool], PhiResult]) -> None:
        """Ends an open task with the result that ``why`` gives, and cancels the task in the executor."""
        with self._changed:
            known = self._open.get(outer)
        if known is not None:
            task, inner = known
            # The task is settled first, because cancelling would settle the task with another reason.
            self._settle(outer, unfinished(task, why(inner.running())))
            inner.cancel()

    def _receive(self, outer: Future[TaskResult], task: PhiTask, inner: Future[TaskResult]) -> None:
        """Passes the executor's answer (``inner``, which is done) on to the caller's future (``outer``) of a task.

        An exception, or the executor's cancelling, becomes a Failed result for each state of the task.
        """
        try:
            result = inner.result(0)
        except CancelledError:
            result = unfinished(task, Failed(code="interrupted", reason="The executor cancelled this task."))
        except BaseException as error:  # noqa: BLE001  every exception becomes the task's result
            result = unfinished(task, _refused(error))
        self._settle(outer, result)

    def _settled(self, timeout: float) -> bool:
        """Waits at most ``timeout`` seconds and says whether every task has a result and every callback of its future has run."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def _settle(self, outer: Future[TaskResult], result: TaskResult) -> None:
        """Sets the result of a task's future, unless the future is done, and takes the task off the list of open tasks."""
        # The future may be done already: the task was ended or cancelled before the executor answered.
        with suppress(InvalidStateError):
            outer.set_result(result)
        with self._changed:
            self._open.pop(outer, None)
            self._changed.notify_all()


def run_limited(function: str, task: PhiTask, timeout: float | None) -> TaskResult:
    """Starts a worker process, has it compute one task, and kills the process at the time limit.

    The executor calls this function on the machine where the executor runs its tasks.

    Args:
        function: ``"module:function"`` that computes a task.
        task: the task.
        timeout: the limit in seconds, from the moment the worker process begins with the task; None for no limit. A task that has
            a ``timeout`` of its own is given that instead.

    Returns:
        The result; it says so where the limit was reached or the process died.
    """
    pool = WorkerPool(function, timeout=timeout)
    try:
        future = pool.submit(task)
        wait([future], longest(task.timeout if task.timeout is not None else timeout))
    finally:
        pool.close()  # gives the task a result where it has none
    return future.result(0)


def _refused(error: BaseException) -> PhiResult:
    """Returns the result for a task that the executor did not compute."""
    return Failed(code="worker_died", reason=f"The executor did not compute it: {type(error).__name__}: {error}")
