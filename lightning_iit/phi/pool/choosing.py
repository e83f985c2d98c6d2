"""The pool that serves the option ``executor``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from lightning_iit.phi.executors.fitness import check_workers
from lightning_iit.phi.executors.opening import open_executor
from lightning_iit.phi.pool.executor_pool import ExecutorPool
from lightning_iit.phi.pool.pool import WorkerPool

if TYPE_CHECKING:
    from lightning_iit.phi.executors.executor import TaskExecutor
    from lightning_iit.phi.pool.pool import PhiPool

log: logging.Logger = logging.getLogger(__name__)


def opened_executor(value: Any, workers: int) -> TaskExecutor | None:
    """Makes an executor of the value of the option, and asks its workers whether they have this package.

    Args:
        value: a name, or an object, as the option has it.
        workers: how many workers a cluster is started with.

    Returns:
        The executor; None for worker processes of this machine.

    Raises:
        InvalidArgumentError: the cluster is not there or could not be started, or a worker has another version of this package.
        MissingDependencyError: a package is not installed here, or this one is not installed where a worker is.
    """
    executor = open_executor(value, workers)
    if executor is None:
        return None
    try:
        there = check_workers(executor)
    except BaseException:
        executor.close()
        raise
    if not there:
        log.warning("No worker of %s has answered yet; analyses wait for one, and their counts are kept.", executor.name)
    return executor


def pool_on(executor: TaskExecutor | None, **options: Any) -> PhiPool:
    """Returns a pool that computes on an executor, or in worker processes of this machine where there is none.

    Args:
        executor: closed together with the pool.
        **options: those of the pool: workers, timeout, when_busy, max_queued, interrupted.
    """
    return WorkerPool(**options) if executor is None else ExecutorPool(executor, **options)
