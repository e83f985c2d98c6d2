"""Functions that a trial of an executor computes: one that answers at once, and one that never ends."""

from __future__ import annotations

import threading
from typing import Any

from lightning_iit.records import PhiTask, Skipped, StateResult, TaskResult


def answer(task: PhiTask, report: Any) -> TaskResult:
    """Returns at once, without a Φ; what this takes is what every task takes besides its analysis."""
    del report
    result = Skipped(code="trial", reason="Nothing was computed: this task measures the way to a worker and back.")
    return TaskResult(states=tuple(StateResult(state=state, visits=0, result=result) for state in task.states))


def never_end(task: PhiTask, report: Any) -> TaskResult:
    """Waits without an end; what ends it is the time limit."""
    del report
    threading.Event().wait()
    return TaskResult(
        states=tuple(StateResult(state=one, visits=0, result=Skipped(code="trial", reason="")) for one in task.states)
    )
