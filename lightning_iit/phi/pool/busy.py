"""What becomes of a task when all workers are busy, and the wait until none has a task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lightning_iit.records import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 0.2
"""Seconds between two looks at whether tasks have ended."""


def refusal(when_busy: str, busy: int, workers: int, max_queued: int) -> Skipped | None:
    """Returns the result for a task that a pool does not accept now; None where the pool accepts the task.

    Args:
        when_busy: "queue", "skip" or "wait".
        busy: how many tasks have no result, running or waiting.
        workers: how many tasks run at one time.
        max_queued: how many tasks may wait with "queue".
    """
    if when_busy == "skip" and busy >= workers:
        reason = f"All {workers} worker(s) were busy (when_busy='skip'); use more workers, 'queue' or every_n_epochs."
        return Skipped(code="workers_busy", reason=reason)
    if when_busy == "queue" and busy >= workers + max_queued:
        reason = (
            f"{busy - workers} tasks were waiting already (max_queued={max_queued}) for {workers} worker(s): "
            "Φ takes longer than an epoch. Use fewer units, more workers, every_n_epochs, or when_busy='wait'."
        )
        return Skipped(code="queue_full", reason=reason)
    return None


def wait_for_all(
    settled: Callable[[float], bool], timeout: float, interrupted: Callable[[], bool], on_tick: Callable[[], None]
) -> bool:
    """Waits until every task of a pool has a result, and returns whether the wait was interrupted.

    Args:
        settled: waits at most so many seconds, and says whether every task has a result.
        timeout: the longest wait in seconds.
        interrupted: ends the wait where its answer is True; asked about five times a second.
        on_tick: called as often.
    """
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0 and not settled(min(TICK, left)):
        if interrupted():
            return True
        on_tick()
    return False
