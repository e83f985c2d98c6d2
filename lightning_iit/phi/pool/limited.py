"""Φ of one system within a time limit, computed in a worker process that is killed at the limit, even within compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.phi.pool.endings import why_not
from lightning_iit.phi.pool.process_context import WorkerServer
from lightning_iit.phi.pool.worker import Returned, Worker
from lightning_iit.phi.registry import get_engine

if TYPE_CHECKING:
    from lightning_iit.records import Computed, PhiOptions, PhiResult, Skipped, System


def compute_within(system: System, engine: str, options: PhiOptions, timeout: float) -> PhiResult:
    """Computes one system in a worker process and returns the result, or TimedOut after ``timeout`` seconds.

    Starting and ending the process take about a second in addition. Loading the engine does not count as part of the time limit.

    Args:
        system: the system to analyse, with its state.
        engine: the name of the engine.
        options: cuts, approximations and threads.
        timeout: time limit in seconds.

    Returns:
        The engine's result; TimedOut at the limit; Failed where the engine raised an exception or the process died.
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
    """Loads the engine; runs in the worker before the time limit starts."""
    get_engine(engine).load()


def analyse(system: System, engine: str, options: PhiOptions, report: Any) -> Computed | Skipped:
    """Analyses the system; runs in the worker."""
    return next(iter(get_engine(engine).analyse([system], options, report)))
