"""A task that a pool has taken and that has no result yet."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightning_iit.phi.pool.endings import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.phi.pool._child import WorkerMessage
    from lightning_iit.records import PhiResult, PhiTask, StateResult, TaskResult
    from lightning_iit.records.schema import Key
    from lightning_iit.records.split.parts import Found, TaskPart


@dataclass(frozen=True)
class TaskProgress:
    """Holds how far an open task is.

    Args:
        key: layer and epoch of the task, and within an epoch the step too.
        running: whether a worker computes the task; False while the task waits.
        fraction: the finished fraction of the task, from 0 to 1; 0 while the task waits.
    """

    key: Key
    running: bool
    fraction: float


@dataclass(eq=False)
class OpenTask:
    """Holds a task without a result, and everything that is known of the task so far."""

    task: PhiTask
    future: Future[TaskResult] = field(default_factory=Future)
    running: bool = False
    fraction: float = 0.0
    finished: dict[tuple[int, ...], StateResult] = field(default_factory=dict)
    partial: TaskResult | None = None
    active: int = 0
    """How many of its pieces are computed now."""
    left: int = 0
    """How many of its parts have not ended."""
    found: dict[TaskPart, tuple[Found, ...]] = field(default_factory=dict)
    """What came of each part that has ended."""
    end: Callable[[OpenTask], PhiResult] | None = None
    """Set by the host to end the task: makes the result that the unfinished states get."""

    def see(self, report: WorkerMessage) -> None:
        """Keeps the contents of a worker's message."""
        if report.fraction is not None:
            self.fraction = max(self.fraction, report.fraction)
        if report.state is not None:
            self.finished[report.state.state] = report.state
        if report.partial is not None:
            self.partial = report.partial

    @property
    def stopped(self) -> bool:
        """Says whether the host has ended or cancelled the task."""
        return self.end is not None or self.future.cancelled()

    @property
    def progress(self) -> TaskProgress:
        """Returns how far the task is."""
        return TaskProgress(key=self.task.key, running=self.running, fraction=self.fraction)

    def resolve(self, result: TaskResult) -> None:
        """Sets the result of the future, unless the future has a result or was cancelled."""
        with suppress(InvalidStateError):
            self.future.set_result(result)

    def resolve_unfinished(self, why: PhiResult) -> None:
        """Ends the task with everything that is known; the unfinished states get ``why`` as their result."""
        self.resolve(unfinished(self.task, why, self.finished, self.partial))
