"""A pool that computes tasks in the calling process, one after the other: without workers, and without time limits."""

from __future__ import annotations

from concurrent.futures import Future
from importlib import import_module
from typing import TYPE_CHECKING

from lightning_iit.phi.pool.endings import unfinished
from lightning_iit.phi.pool.pool import JOB
from lightning_iit.records import FORMALISM, Failed, PhiTask, TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_iit.phi.pool.open_task import TaskProgress
    from lightning_iit.records import Formalism


class InlinePool:
    """Computes each task during the call of ``submit``.

    Args:
        function: ``"module:function"`` that computes a task.
    """

    pending = 0
    """The number of tasks without a result: always 0."""

    def __init__(self, function: str = JOB) -> None:
        self._function = function

    def submit(self, task: PhiTask) -> Future[TaskResult]:
        """Computes a task and returns a future that is done and never raises: an exception becomes a Failed result."""
        module, name = self._function.split(":")
        future: Future[TaskResult] = Future()
        try:
            future.set_result(getattr(import_module(module), name)(task))
        except Exception as error:  # noqa: BLE001  every exception becomes the task's result
            why = Failed(code="engine_error", reason=f"{type(error).__name__}: {error}")
            future.set_result(unfinished(task, why))
        return future

    def progress(self) -> tuple[TaskProgress, ...]:
        """Returns nothing: no task is ever open."""
        return ()

    def warm_up(self, engine: str = "auto", formalisms: Sequence[Formalism] = (FORMALISM,)) -> None:
        """Does nothing: the first task loads everything that the engine needs."""

    def drain(self, timeout: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Returns True at once: no task is ever open."""
        del timeout, on_progress
        return True

    def close(self) -> None:
        """Does nothing: there is nothing to end."""
