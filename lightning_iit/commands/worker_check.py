"""``lightning-iit worker-check``: whether the workers of an executor can compute Φ, what they are, and what a task costs."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from lightning_iit.commands.tables import print_json
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.executors.opening import PROCESSES, checked_executor
from lightning_iit.phi.pool.choosing import opened_executor
from lightning_iit.phi.pool.executor_pool import ExecutorPool
from lightning_iit.phi.pool.inline_pool import InlinePool
from lightning_iit.phi.pool.remote import about, packed
from lightning_iit.records import Computed, PhiTask, TaskResult, TimedOut
from lightning_iit.tpm.estimate import estimate_tpm

if TYPE_CHECKING:
    from rich.console import Console

    from lightning_iit.phi.executors.executor import TaskExecutor

_UNITS = 4
"""The number of units of the trial's system."""
_LIMIT = 2.0
"""The time limit in seconds that is tried out."""
_MEASURED = 20
"""How many tasks the overhead is measured with, one after the other."""
_TRIAL = "lightning_iit.phi.pool.trial"


def run_worker_check(executor: str, workers: int, timeout: float, as_json: bool, console: Console) -> int:
    """Has an executor compute a Φ, end a task that never ends, and carry empty tasks; prints what came of it.

    Args:
        executor: the name of the executor, as the option ``executor`` of a training has it.
        workers: how many workers a cluster is started with.
        timeout: seconds to wait for each answer; workers may have to wait in a queue of jobs first.
        as_json: prints one JSON document instead of lines.
        console: where to print.

    Returns:
        The exit status: 0 if all of it worked, else 1.

    Raises:
        IITError: there is no such executor, its cluster cannot be reached or started, or a worker lacks this package.
    """
    checked_executor("executor", executor)
    if executor == PROCESSES:
        msg = f"executor={PROCESSES!r} needs no check: choose 'dask', 'dask://host:8786', 'slurm', 'ray' or 'ray://host:10001'."
        raise InvalidArgumentError(msg)
    opened = opened_executor(executor, workers)
    if opened is None:
        return 0
    try:
        answers = {what: step(opened, timeout) for what, step in _STEPS.items()}
    finally:
        opened.close()
    works = all(answer["ok"] for answer in answers.values())
    if as_json:
        print_json({"executor": opened.name, "ok": works, **answers})
        return 0 if works else 1
    console.print(f"{opened.name}", highlight=False, markup=False)
    for what, answer in answers.items():
        console.print(f"  {'works' if answer['ok'] else 'FAILS'}  {what}: {answer['words']}", highlight=False, markup=False)
    console.print(_END[works], highlight=False)
    return 0 if works else 1


_END = {
    True: "A training with this executor would work.",
    False: "A training with this executor would not work: its analyses would end as Failed or TimedOut, with their counts kept.",
}


def _computes(executor: TaskExecutor, timeout: float) -> dict[str, Any]:
    """Says whether a worker computes the same Φ as this process; the first answer, since workers may have to come first."""
    task = trial_task()
    began = time.monotonic()
    result = _result(executor, task, timeout=timeout)
    took = time.monotonic() - began
    here = InlinePool().submit(task).result().states[0].result
    there = None if result is None else result.states[0].result
    if there is None:
        return {"ok": False, "words": f"no answer within {timeout:g} s; are there workers?"}
    if there.phi is None:
        return {"ok": False, "words": there.reason}
    same = isinstance(here, Computed) and there.phi == here.phi
    words = (
        f"Φ of {_UNITS} units is {there.phi:.6f}, {'as' if same else 'but not'} in this process; the answer came after {took:.1f} s"
    )
    return {"ok": same, "words": words, "phi": there.phi, "seconds": took}


def _workers(executor: TaskExecutor, timeout: float) -> dict[str, Any]:
    """Says which workers there are."""
    found = executor.everywhere(about, timeout=timeout)
    told = {worker: answer if isinstance(answer, dict) else {"error": repr(answer)} for worker, answer in found.items()}
    lines = "; ".join(", ".join(f"{name} {value}" for name, value in answer.items()) for answer in told.values())
    slots = executor.slots()
    number = "" if slots is None else f"{slots} tasks at one time; "
    ok = bool(told) and not any("error" in answer for answer in told.values())
    return {"ok": ok, "words": f"{number}{lines or 'no worker answered'}", "slots": slots, "each": told}


def _ends_in_time(executor: TaskExecutor, timeout: float) -> dict[str, Any]:
    """Says whether a task that never ends is ended at its limit."""
    began = time.monotonic()
    result = _result(executor, trial_task(), function=f"{_TRIAL}:never_end", limit=_LIMIT, timeout=timeout)
    took = time.monotonic() - began
    ended = result is not None and isinstance(result.states[0].result, TimedOut)
    how = f"ended after {took:.1f} s" if ended else f"not ended within {took:.1f} s"
    return {"ok": ended, "words": f"a task that never ends, with a limit of {_LIMIT:g} s, was {how}", "seconds": took}


def _overhead(executor: TaskExecutor, timeout: float) -> dict[str, Any]:
    """Says what a task takes besides its analysis, and how large it is."""
    task = trial_task()
    pool = ExecutorPool(_Kept(executor), f"{_TRIAL}:answer")
    seconds: list[float] = []
    carried = False
    for _ in range(_MEASURED + 1):
        began = time.monotonic()
        if not (carried := bool(wait([pool.submit(task)], timeout).done)):
            break
        seconds.append(time.monotonic() - began)
    pool.close()
    if not carried:
        return {"ok": False, "words": f"no answer within {timeout:g} s"}
    middle = statistics.median(seconds[1:])
    words = f"{1000 * middle:.1f} ms for a task and back (median of {_MEASURED}), {len(packed(task))} bytes for {_UNITS} units"
    return {"ok": True, "words": words, "milliseconds": 1000 * middle, "bytes": len(packed(task))}


_STEPS = {"Φ": _computes, "workers": _workers, "time limit": _ends_in_time, "overhead": _overhead}
"""What is tried out, in this order."""


def trial_task() -> PhiTask:
    """Returns the task of a small system with states that were drawn at random, always the same."""
    states = (np.random.default_rng(0).random((2000, _UNITS)) < 0.5).astype(int)
    for time_step in range(1, len(states)):
        if time_step % 3:
            states[time_step] = np.roll(states[time_step - 1], 1) ^ (states[time_step - 1].sum() % 2)
    return PhiTask(
        layer="trial",
        epoch=0,
        global_step=0,
        counts=estimate_tpm(states).counts,
        prior=0.5,
        states=(tuple(int(bit) for bit in states[-1]),),
        kind="observational",
        axis="time",
        pictures=False,
    )


def _result(
    executor: TaskExecutor, task: PhiTask, *, function: str = "lightning_iit.job.job:run", limit: float = 600.0, timeout: float
) -> TaskResult | None:
    """Has one task computed; returns None where no answer came in time."""
    pool = ExecutorPool(_Kept(executor), function, timeout=limit)
    try:
        future = pool.submit(msgspec.structs.replace(task, timeout=limit))
        return future.result() if wait([future], timeout).done else None
    finally:
        pool.close()


class _Kept:
    """Lends an executor to a pool, which would close it."""

    def __init__(self, executor: TaskExecutor) -> None:
        self.name: str = executor.name
        self.submit = executor.submit
        self.slots = executor.slots
        self.everywhere = executor.everywhere

    def close(self) -> None:
        """Does nothing: more is to be tried out."""
