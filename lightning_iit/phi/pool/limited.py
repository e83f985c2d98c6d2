"""Φ of one system within a time limit, computed in a worker process that is killed at the limit, even within compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.phi.large_systems import analyse_whole, search_complex
from lightning_iit.phi.pool.endings import why_not
from lightning_iit.phi.pool.process_context import WorkerServer
from lightning_iit.phi.pool.worker import Returned, Worker
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import MajorComplex

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.records import PhiOptions, PhiResult, System


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
    result: PhiResult = _call(analyse, system, engine, options, timeout)
    return result


def complex_within(system: System, engine: str, options: PhiOptions, timeout: float) -> MajorComplex:
    """Searches for the major complex of one system in a worker process, with a time limit for the whole search.

    Returns:
        The engine's result; no nodes and TimedOut at the limit, or Failed where the engine raised an exception or the process died.
    """
    found = _call(find_complex, system, engine, options, timeout)
    return found if isinstance(found, MajorComplex) else MajorComplex(nodes=(), result=found)


def _call(function: Callable[..., Any], system: System, engine: str, options: PhiOptions, timeout: float) -> Any:
    """Calls a function of this module in a worker process, and returns what it returned, or TimedOut or Failed."""
    server = WorkerServer()
    worker = Worker(server)
    try:
        outcome = worker.call(f"{__name__}:{function.__name__}", (system, engine, options), timeout=timeout)
    finally:
        worker.close()
        server.close()
    return outcome.value if isinstance(outcome, Returned) else why_not(outcome)


def prepare_analyse(_: System, engine: str, options: PhiOptions) -> None:
    """Loads the engine; runs in the worker before the time limit starts."""
    choose_engine(engine, options).load()


def analyse(system: System, engine: str, options: PhiOptions, report: Any) -> PhiResult:
    """Analyses the system; runs in the worker."""
    return analyse_whole(system, choose_engine(engine, options), options, report)


def prepare_find_complex(_: System, engine: str, options: PhiOptions) -> None:
    """Loads the engine; runs in the worker before the time limit starts."""
    choose_engine(engine, options).load()


def find_complex(system: System, engine: str, options: PhiOptions, report: Any) -> MajorComplex:
    """Searches for the major complex; runs in the worker."""
    return search_complex(system, choose_engine(engine, options), options, report)
