"""Tasks in the calling process, one after the other: no worker to start, and no time limit either."""

from __future__ import annotations

from concurrent.futures import Future
from importlib import import_module
from typing import TYPE_CHECKING

from lightning_iit.phi.pool.endings import unfinished
from lightning_iit.phi.pool.pool import JOB
from lightning_iit.records import Failed, PhiTask, TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable


class InlinePool:
    """Computes each task when it is handed over.

    Args:
        function: ``"module:function"`` that computes a task.
    """

    pending = 0

    def __init__(self, function: str = JOB) -> None:
        self._function = function

    def submit(self, task: PhiTask) -> Future[TaskResult]:
        """Computes a task. The future never raises, and is done."""
        module, name = self._function.split(":")
        future: Future[TaskResult] = Future()
        try:
            future.set_result(getattr(import_module(module), name)(task))
        except Exception as error:  # noqa: BLE001  whatever broke, it is the result of this task
            why = Failed(code="engine_error", reason=f"{type(error).__name__}: {error}")
            future.set_result(unfinished(task, why))
        return future

    def warm_up(self, engine: str = "auto") -> None:
        """Does nothing: the first task loads what it needs."""

    def drain(self, timeout: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Nothing is ever open."""
        del timeout, on_progress
        return True

    def close(self) -> None:
        """Nothing has been started."""
