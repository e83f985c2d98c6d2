"""Whether the workers of an executor have this package, asked before training."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from lightning_iit.errors import InvalidArgumentError, MissingDependencyError

if TYPE_CHECKING:
    from lightning_iit.phi.executors.executor import TaskExecutor

_ANSWER = 20.0
"""Seconds that workers are given to answer; those that come later are found out with their first task."""


def check_workers(executor: TaskExecutor, timeout: float = _ANSWER) -> int:
    """Asks the workers for their version of this package.

    Args:
        executor: the executor.
        timeout: the longest wait in seconds.

    Returns:
        How many workers answered; 0 where none is there yet, or all of them were busy.

    Raises:
        MissingDependencyError: a worker does not have the package.
        InvalidArgumentError: a worker has another version.
    """
    # A function of Python's own: a worker without this package could not even read a function of ours.
    answers = executor.everywhere(pkgutil.resolve_name, "lightning_iit:__version__", timeout=timeout)
    for worker, answer in answers.items():
        if is_missing(answer):
            msg = f"executor: {executor.name}: {worker}: {missing_words(answer)}"
            raise MissingDependencyError(msg)
        if isinstance(answer, str) and answer != own_version():
            msg = f"executor: {executor.name}: {worker}: {version_words(answer)}"
            raise InvalidArgumentError(msg)
    return len(answers)


def is_missing(answer: object) -> bool:
    """Says whether an answer is that a worker cannot import this package (or a package that it needs)."""
    return isinstance(answer, ImportError) or "No module named 'lightning_iit" in str(answer)


def missing_words(error: object) -> str:
    """Returns in words that a worker does not have the package."""
    return (
        f"the worker cannot import lightning-iit ({type(error).__name__}: {error}). Use the environment of the training on the "
        "workers, or `pip install lightning-iit` in theirs."
    )


def version_words(theirs: str) -> str:
    """Returns in words that a worker has another version."""
    return f"the worker has lightning-iit {theirs}, and this process has {own_version()}. Use one version for both."


@cache
def own_version() -> str:
    """Returns the version of this package that this process has."""
    return version("lightning-iit")
