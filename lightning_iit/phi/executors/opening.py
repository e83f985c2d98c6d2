"""What a user gives as ``executor``: its check, and the executor that is made of it."""

from __future__ import annotations

import difflib
import sys
import warnings
from concurrent.futures import Executor
from importlib.util import find_spec
from multiprocessing.context import get_spawning_popen
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lightning_iit.checks import refused
from lightning_iit.errors import InvalidArgumentError, MissingDependencyError
from lightning_iit.phi.executors.cluster_process import ClusterProcess
from lightning_iit.phi.executors.dask_client import DaskExecutor
from lightning_iit.phi.executors.plain import PlainExecutor
from lightning_iit.phi.executors.ray_tasks import RayExecutor
from lightning_iit.phi.executors.submitit_jobs import SubmititExecutor

if TYPE_CHECKING:
    from lightning_iit.phi.executors.executor import TaskExecutor

PROCESSES = "processes"
"""The name of the default: worker processes of this machine, which need no executor."""
_DASK = "dask://"
_RAY = "ray://"
_NAMES = (PROCESSES, "dask", f"{_DASK}host:8786", "slurm", "ray", f"{_RAY}host:10001")
_INSTEAD = (
    f"choose a name ({', '.join(map(repr, _NAMES))}), or give an executor, a Dask client, the module ray or an executor of submitit"
)
_CONNECT = 10.0
"""Seconds that a scheduler is given to answer."""


def checked_executor(name: str, value: Any) -> Any:
    """Checks what was given as ``executor``, without connecting to anything; returns it unchanged.

    Raises:
        InvalidArgumentError: there is no such name, or the object is no executor that is known.
    """
    if isinstance(value, str):
        addressed = [begin for begin in (_DASK, _RAY) if value.startswith(begin) and len(value) > len(begin)]
        if value in {PROCESSES, "dask", "slurm", "ray"} or addressed:
            return value
        close = difflib.get_close_matches(value, _NAMES, n=1)
        why = f"did you mean {close[0]!r}" if close else "there is no such name"
        raise refused(name, value, _INSTEAD, why=why)
    if _is_of(value, "distributed", "Client"):
        if value.asynchronous:
            raise refused(
                name, value, "give a Client(...) without asynchronous=True", why="an asynchronous client waits for an event loop"
            )
        return value
    if _is_of(value, "distributed", "Cluster"):
        raise refused(name, value, "give its client, cluster.get_client()", why="a cluster takes no calls itself")
    if isinstance(value, Executor) or _is_ray(value) or _is_of(value, "submitit"):
        return value
    raise refused(name, value, _INSTEAD, why=f"a value of type {type(value).__name__} is no executor")


def executor_words(value: Any) -> str:
    """Returns an executor as it is recorded among the options: the name, or the class of the object."""
    if isinstance(value, str):
        return value
    return value.__name__ if isinstance(value, ModuleType) else f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"


def travelling(value: Any) -> str:
    """Returns what a copy of the option is in another process: the name, and "processes" for an object, which cannot travel.

    Warns of the latter where a process is being started with it, as by the strategy ``ddp_spawn``.
    """
    if isinstance(value, str):
        return value
    if get_spawning_popen() is not None:
        warnings.warn(
            f"executor={executor_words(value)}: an object cannot travel to the processes that are started to train, so these "
            "compute Φ in worker processes. Give a name, such as 'dask://host:8786', or use another strategy.",
            stacklevel=2,
        )
    return PROCESSES


def open_executor(value: Any, workers: int) -> TaskExecutor | None:
    """Makes an executor of what was given as ``executor``; starts or connects to a cluster that was given by its name.

    Args:
        value: an object, or a name, that :func:`checked_executor` has let pass.
        workers: how many workers a cluster is started with.

    Returns:
        The executor; None for "processes".

    Raises:
        InvalidArgumentError: the cluster is not there, or could not be started.
        MissingDependencyError: a package is not installed here.
    """
    if isinstance(value, str):
        return None if value == PROCESSES else _named(value, workers)
    if _is_of(value, "distributed", "Client"):
        return DaskExecutor(value)
    if _is_ray(value):
        return _ray(value, None)
    return PlainExecutor(value) if isinstance(value, Executor) else SubmititExecutor(value)


def _named(name: str, workers: int) -> TaskExecutor:
    """Makes the executor of a name."""
    if name == "ray" or name.startswith(_RAY):
        _need("ray", name)
        import ray

        return _ray(ray, name if name.startswith(_RAY) else "auto")
    _need("distributed", name)
    if name == "slurm":
        _need("dask_jobqueue", name)
    if name.startswith(_DASK):
        return _connected(name, f"tcp://{name.removeprefix(_DASK)}", None)
    cluster = ClusterProcess(name, workers)
    return _connected(name, cluster.address, cluster)


def _connected(name: str, address: str, cluster: ClusterProcess | None) -> DaskExecutor:
    """Returns an executor that is connected to a scheduler, and ends its own cluster, if there is one, when it is closed."""
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        if cluster is not None:
            cluster.close()
        msg = (
            f"executor={name!r}: no scheduler of Dask answered at {address} within {_CONNECT:g} s "
            f"({type(error).__name__}: {error}). Start one (`dask scheduler`), or use the address that it prints."
        )
        raise InvalidArgumentError(msg) from error

    def close() -> None:
        client.close(timeout=_CONNECT)
        if cluster is not None:
            cluster.close()

    return DaskExecutor(client, close)


def _ray(ray: Any, address: str | None) -> RayExecutor:
    """Returns an executor of Ray, which is connected to a cluster first where it is not connected."""
    if not ray.is_initialized():
        if address is None:
            msg = "executor=ray: Ray is not connected to a cluster; call ray.init(...) first, or use executor='ray://host:10001'."
            raise InvalidArgumentError(msg)
        try:
            ray.init(address=address, log_to_driver=False)
        except ConnectionError as error:
            msg = (
                f"executor={address!r}: no cluster of Ray was found ({error}). Start one (`ray start --head`), or call ray.init()."
            )
            raise InvalidArgumentError(msg) from error
    return RayExecutor(ray)


def _need(package: str, name: str) -> None:
    """Raises MissingDependencyError where a package is not installed."""
    if find_spec(package) is None:
        extra = "ray" if package == "ray" else "lightning-iit[cluster]"
        msg = f"executor={name!r} needs the package {package}, which is not installed. Use: pip install '{extra}'"
        raise MissingDependencyError(msg)


def _is_ray(value: Any) -> bool:
    """Says whether a value is the module ray."""
    return value is not None and value is sys.modules.get("ray")


def _is_of(value: Any, package: str, name: str = "") -> bool:
    """Says whether a value's class, or a base of it, is of a package (and has a name), without importing the package."""
    return any(
        base.__module__.partition(".")[0] == package and (base.__name__ == name or (not name and hasattr(value, "submit")))
        for base in type(value).__mro__
    )
