"""The interface of every place where tasks can be computed."""

from __future__ import annotations

from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future


class TaskExecutor(Protocol):
    """Calls functions somewhere else, at some time, in any order; an adapter of an executor, a cluster or a queue of jobs.

    Attributes:
        name: the place in a few words, for messages and records.
    """

    name: str

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hands a call over and returns its future; never waits for the call.

        Args:
            function: a function that the workers can import.
            arguments: positional arguments that can be pickled.

        Raises:
            Exception: the place takes no calls any more.
        """

    def slots(self) -> int | None:
        """Returns how many calls can run at one time now; None where that is not known, and 0 where no worker is there yet."""

    def everywhere(self, function: Callable[..., Any], *arguments: Any, timeout: float) -> dict[str, Any]:
        """Calls a function on each worker that is there now, or on one where workers cannot be told apart.

        Args:
            function: a function that the workers can import.
            arguments: positional arguments that can be pickled.
            timeout: the longest wait in seconds.

        Returns:
            By worker, the value or the exception; empty where no worker answered in time.
        """

    def close(self) -> None:
        """Ends what was started or connected for this object; what the user made stays open."""


def call_on_one(executor: TaskExecutor, function: Callable[..., Any], *arguments: Any, timeout: float) -> dict[str, Any]:
    """Calls a function on any one worker, for places whose workers cannot be told apart; see :meth:`TaskExecutor.everywhere`."""
    future = executor.submit(function, *arguments)
    if not wait([future], timeout).done:
        future.cancel()
        return {}
    error = future.exception()
    return {"a worker": future.result() if error is None else error}
