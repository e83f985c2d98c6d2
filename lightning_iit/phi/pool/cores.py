"""How many threads an analysis may use: its share of the cores but for one while training goes on, however busy they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.phi.engine import THREADS_FROM

if TYPE_CHECKING:
    from lightning_iit.records import PhiTask


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def with_threads(task: PhiTask, *, busy: int, training: bool, cores: int | None = None) -> PhiTask:
    """A task with as many threads as its size and the machine allow; never fewer than it asks for.

    Below ``THREADS_FROM`` units threads cost more than they give. Above, the cores are shared out evenly among the workers that
    are busy, but for one core that is left to training while that goes on.

    Args:
        task: of one layer.
        busy: how many workers compute at the same time, at least 1.
        training: whether the host has something better to do than to wait for results.
        cores: how many there are; None asks the system.
    """
    if not task.states or len(task.states[0]) < THREADS_FROM:
        return task
    free = (available_cores() if cores is None else cores) - training
    threads = max(task.options.threads, free // busy)
    return msgspec.structs.replace(task, options=msgspec.structs.replace(task.options, threads=threads))
