"""A Ray cluster, by tasks of one CPU each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.phi.executors.executor import call_on_one

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future


class RayExecutor:
    """Hands calls to Ray, which gives a call whose worker died to another worker.

    Args:
        ray: the module, connected to a cluster (``ray.init``).
    """

    def __init__(self, ray: Any) -> None:
        self.name: str = f"Ray, {ray.get_runtime_context().gcs_address}"
        self._ray = ray
        self._call = ray.remote(max_retries=1)(call)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hands a call to Ray."""
        future: Future[Any] = self._call.remote(function, *arguments).future()
        return future

    def slots(self) -> int | None:
        """Returns the number of CPUs of the cluster."""
        return int(self._ray.cluster_resources().get("CPU", 0))

    def everywhere(self, function: Callable[..., Any], *arguments: Any, timeout: float) -> dict[str, Any]:
        """Calls a function on one worker."""
        return call_on_one(self, function, *arguments, timeout=timeout)

    def close(self) -> None:
        """Does nothing: Ray ends with the process, and other code may use it."""


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function; runs in a worker of Ray."""
    return function(*arguments)
