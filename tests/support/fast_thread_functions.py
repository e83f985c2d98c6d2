"""What a worker runs for the tests of threads: a task, and how many threads it had."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import msgspec

from lightning_iit.job import job


@dataclass
class Watching:
    """Passes reports on and counts the threads that compute meanwhile."""

    report: Any
    most: int = 0

    def __call__(self, fraction, **known):
        self.most = max(self.most, sum("_guarded" in str(thread.name) for thread in threading.enumerate()))
        self.report(fraction, **known)


def run(task, report):
    watching = Watching(report)
    result = job.run(task, watching)
    scalars = {"threads_asked_for": float(task.options.threads), "threads_seen": float(watching.most)}
    return msgspec.structs.replace(result, scalars=result.scalars | scalars)
