"""What an executor runs where it computes: one task within its time limit, in a worker process that is kept for the next task."""

from __future__ import annotations

import os
import platform
import socket
import threading
from contextlib import contextmanager
from functools import cache
from multiprocessing import util
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.phi.executors.fitness import own_version
from lightning_iit.phi.pool.cores import available_cores
from lightning_iit.phi.pool.endings import unfinished, why_not
from lightning_iit.phi.pool.open_task import OpenTask
from lightning_iit.phi.pool.pool import PRELOAD
from lightning_iit.phi.pool.process_context import WorkerServer
from lightning_iit.phi.pool.worker import Died, Returned, Worker
from lightning_iit.records import PhiTask, TaskResult

if TYPE_CHECKING:
    from collections.abc import Iterator

_IDLE = 60.0
"""Seconds after which worker processes end where no task has come."""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Holds what came of a task.

    Args:
        result: the result; None where the task was not begun.
        lost: whether the process that computed the task died, so that another attempt may help.
        version: where the task was not begun, the version of this package that the worker has.
    """

    result: TaskResult | None = None
    lost: bool = False
    version: str = ""


def packed(task: PhiTask) -> bytes:
    """Returns a task as bytes, which are the same on every machine and in every Python."""
    return msgspec.msgpack.encode(task)


def unpacked(answer: bytes) -> Answer:
    """Reads what :func:`run_limited` returned.

    Raises:
        msgspec.MsgspecError: the bytes are no answer.
    """
    return msgspec.msgpack.decode(answer, type=Answer)


def run_limited(function: str, task: bytes, timeout: float | None, version: str) -> bytes:
    """Computes one task in a worker process, and kills the process at the time limit.

    The executor calls this function where it runs its tasks; that process may be daemonic, as those of Dask are.

    Args:
        function: ``"module:function"`` that computes a task.
        task: the task, see :func:`packed`.
        timeout: the limit in seconds, from the moment the worker process begins with the task; None for no limit. A task that has
            a ``timeout`` of its own is given that instead.
        version: the version of this package that made the task; another one computes nothing.

    Returns:
        An :class:`Answer`, for :func:`unpacked`; its result says so where the limit was reached or the process died.
    """
    if version != own_version():
        return msgspec.msgpack.encode(Answer(version=own_version()))
    read = msgspec.msgpack.decode(task, type=PhiTask)
    entry = OpenTask(read)
    with kept_workers(os.getpid()).lent() as worker:
        limit = read.timeout if read.timeout is not None else timeout
        outcome = worker.call(function, (read,), timeout=limit, on_report=entry.see)
    if isinstance(outcome, Returned) and isinstance(outcome.value, TaskResult):
        answer = Answer(result=outcome.value)
    else:
        left = unfinished(read, why_not(outcome), entry.finished, entry.partial)
        answer = Answer(result=left, lost=isinstance(outcome, Died))
    return msgspec.msgpack.encode(answer, enc_hook=_plain)


def about() -> dict[str, str]:
    """Returns what a worker says of itself: host, process, cores, Python, and the version of this package."""
    return {
        "host": socket.gethostname(),
        "process": str(os.getpid()),
        "cores": str(available_cores()),
        "python": platform.python_version(),
        "lightning-iit": own_version(),
    }


class KeptWorkers:
    """Keeps the worker processes of one process from task to task, and ends them when no task has come for a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server = WorkerServer(PRELOAD)
        self._free: list[Worker] = []
        self._lent = 0
        self._end: threading.Timer | None = None
        # In a process of multiprocessing, such as a worker of Dask, atexit does nothing; this works in every process.
        util.Finalize(None, self.close, exitpriority=100)

    @contextmanager
    def lent(self) -> Iterator[Worker]:
        """Lends a worker, one that is free or a new one; each thread that computes at the same time has its own."""
        with self._lock:
            if self._end is not None:
                self._end.cancel()
                self._end = None
            worker = self._free.pop() if self._free else Worker(self._server)
            self._lent += 1
        try:
            yield worker
        finally:
            with self._lock:
                self._lent -= 1
                self._free.append(worker)
                if not self._lent:
                    self._end = threading.Timer(_IDLE, self.close)
                    self._end.daemon = True
                    self._end.start()

    def close(self) -> None:
        """Ends the workers that are free; a later task starts new ones."""
        with self._lock:
            free, self._free = self._free, []
            server = None
            if not self._lent:
                server, self._server = self._server, WorkerServer(PRELOAD)
        for worker in free:
            worker.close()
        if server is not None:
            server.close()


@cache
def kept_workers(pid: int) -> KeptWorkers:
    """Returns the worker processes of this process, which has the given number: a forked one must not use those of its parent."""
    del pid
    return KeptWorkers()


def _plain(value: Any) -> Any:
    """Returns a numpy scalar as a Python number.

    Raises:
        NotImplementedError: the value is something else.
    """
    if hasattr(value, "item"):
        return value.item()
    msg = f"a {type(value).__name__} in a result"
    raise NotImplementedError(msg)
