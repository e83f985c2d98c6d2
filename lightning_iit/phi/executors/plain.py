"""Any ``concurrent.futures.Executor``: a pool of processes or threads, or what a package makes of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.phi.executors.executor import call_on_one

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future


class PlainExecutor:
    """Hands calls to an executor of the user, who shuts it down.

    Args:
        executor: the executor.
    """

    def __init__(self, executor: Executor) -> None:
        self.name: str = type(executor).__name__
        self._executor = executor

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hands a call to the executor."""
        return self._executor.submit(function, *arguments)

    def slots(self) -> int | None:
        """Returns the number of workers of Python's own executors; None for others, which do not say it."""
        number = getattr(self._executor, "_max_workers", None)
        return number if isinstance(number, int) else None

    def everywhere(self, function: Callable[..., Any], *arguments: Any, timeout: float) -> dict[str, Any]:
        """Calls a function on one worker."""
        return call_on_one(self, function, *arguments, timeout=timeout)

    def close(self) -> None:
        """Does nothing: the executor is the user's."""
