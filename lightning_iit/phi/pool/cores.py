"""The number of threads that one analysis may use: an even share of the machine's cores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.phi.engine import THREADS_FROM

if TYPE_CHECKING:
    from lightning_iit.records import PhiTask


def available_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def with_threads(task: PhiTask, *, busy: int, training: bool, cores: int | None = None) -> PhiTask:
    """Returns the task with as many threads as its size and the machine allow, and never fewer than the task asks for.

    Tasks of fewer than ``THREADS_FROM`` units keep their number of threads. For larger tasks, the cores are shared out evenly among
    the busy workers; while training goes on, one core is left to the training.

    Args:
        task: the task that is about to be computed.
        busy: how many workers compute at the same time, at least 1.
        training: whether training goes on; False where the host only waits for results.
        cores: how many cores there are; None asks the system.
    """
    if not task.states or len(task.states[0]) < THREADS_FROM:
        return task
    free = (available_cores() if cores is None else cores) - training
    threads = max(task.options.threads, free // busy)
    return msgspec.structs.replace(task, options=msgspec.structs.replace(task.options, threads=threads))
