"""Φ within a time limit: computed in a worker process that is killed at the limit, in the middle of compiled code if need be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.phi.pool.endings import why_not
from lightning_iit.phi.pool.process_context import WorkerServer
from lightning_iit.phi.pool.worker import Returned, Worker
from lightning_iit.phi.registry import get_engine

if TYPE_CHECKING:
    from lightning_iit.records import Computed, PhiOptions, PhiResult, Skipped, System


def compute_within(system: System, engine: str, options: PhiOptions, timeout: float) -> PhiResult:
    """The result of one analysis, or TimedOut after ``timeout`` seconds; loading the engine is not counted.

    A process is started for it and ended after it, which takes about a second beside the analysis.
    """
    server = WorkerServer()
    worker = Worker(server)
    try:
        outcome = worker.call(f"{__name__}:analyse", (system, engine, options), timeout=timeout)
    finally:
        worker.close()
        server.close()
    if isinstance(outcome, Returned):
        result: PhiResult = outcome.value
        return result
    return why_not(outcome)


def prepare_analyse(_: System, engine: str, __: PhiOptions) -> None:
    """Runs in the worker: loads the engine."""
    get_engine(engine).load()


def analyse(system: System, engine: str, options: PhiOptions, report: Any) -> Computed | Skipped:
    """Runs in the worker."""
    return next(iter(get_engine(engine).analyse([system], options, report)))
