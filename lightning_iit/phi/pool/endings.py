"""Results of tasks that did not end by themselves: finished states keep their results, and all others carry the reason."""

from __future__ import annotations

import msgspec

from lightning_iit.phi.pool._child import Raised
from lightning_iit.phi.pool.worker import Died, Outcome, Overran, Returned
from lightning_iit.phi.scalars import phi_scalars
from lightning_iit.records import Failed, OfFormalism, PhiResult, PhiTask, Skipped, StateResult, TaskResult, TimedOut


def unfinished(
    task: PhiTask,
    why: PhiResult,
    finished: dict[tuple[int, ...], StateResult] | None = None,
    partial: TaskResult | None = None,
) -> TaskResult:
    """Builds the result of a task that timed out, crashed or was stopped.

    Args:
        task: the task.
        why: the result that each unfinished state, group and further formalism gets.
        finished: the results of the finished states, by state.
        partial: everything else that is known of the task; its finished groups are kept.

    Returns:
        One result for each state and group, and the scalars of the finished states. Where all states are finished, a note says why
        the work that follows the states, such as the null, was not finished.
    """
    known = finished or {}
    states = tuple(known.get(state) or StateResult(state=state, visits=task.visits_of(state), result=why) for state in task.states)
    base = partial or TaskResult(states=states)
    # With all states finished, the task was ended in later work, such as the null; only a note can say so.
    notes = (*base.notes, f"Ended before its end: {why.reason}") if all(state in known for state in task.states) else base.notes
    groups = (*base.groups, *[why] * (len(task.groups) - len(base.groups)))
    others = (*base.others, *(OfFormalism(formalism=one, result=why) for one in task.further[len(base.others) :]))
    scalars = {**base.scalars, **phi_scalars(states)}
    return msgspec.structs.replace(base, states=states, groups=groups, others=others, scalars=scalars, notes=notes, complete=False)


def why_not(outcome: Outcome) -> PhiResult:
    """Returns the result for a call that did not return a TaskResult: TimedOut or Failed, with the reason in words."""
    if isinstance(outcome, Overran) and not outcome.began:
        reason = (
            f"Not begun within its time limit of {outcome.timeout:g} s: the worker process stood still before the "
            "analysis began. Use a longer timeout where loading the engine has to wait."
        )
        return TimedOut(reason=reason, timeout=outcome.timeout)
    if isinstance(outcome, Overran):
        reason = (
            f"Not finished within its time limit of {outcome.timeout:g} s; use fewer units, groups or states, or a longer timeout."
        )
        return TimedOut(reason=reason, timeout=outcome.timeout)
    if isinstance(outcome, Died):
        return Failed(code="worker_died", reason=outcome.reason)
    if isinstance(outcome, Raised):
        return Failed(code="engine_error", reason=outcome.reason, details=outcome.details)
    if isinstance(outcome, Returned):
        return Failed(code="engine_error", reason=f"The worker returned a {type(outcome.value).__name__}, not a TaskResult.")
    return Failed(code="interrupted", reason="The worker was stopped before this analysis ended.")


def drained(timeout: float, *, running: bool) -> TimedOut | Skipped:
    """Returns the result for a task that had no result when the time for waiting was over: TimedOut if running, else Skipped.

    Args:
        timeout: the seconds that were waited.
        running: whether a worker had begun the task.
    """
    if running:
        reason = f"Still running when the drain_timeout of {timeout:g} s had passed; its counts are kept."
        return TimedOut(reason=reason, timeout=timeout)
    reason = f"Still waiting for a worker when the drain_timeout of {timeout:g} s had passed; its counts are kept."
    return Skipped(code="drain_timeout", reason=reason)


def interrupted() -> Failed:
    """Returns the result for a task that was open when the wait for the last results was interrupted."""
    reason = "The wait for the last results was interrupted (SIGTERM) before this analysis ended; its counts are kept."
    return Failed(code="interrupted", reason=reason)
