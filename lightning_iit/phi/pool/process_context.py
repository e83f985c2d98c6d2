"""Start of the worker processes: from a fork server of their own, and without the host's ``__main__``.

Forking the training process hangs once torch has used threads. The start methods "spawn" and "forkserver" are safe, but both run
the user's script again in the child, so a script without ``if __name__ == "__main__"`` would train again in its own workers. Here
the child does not learn of ``__main__``, as in loky. And the fork server is not the server that the host's own code may use, so
that the preloaded modules and the end of the server concern nobody else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from importlib import import_module
from multiprocessing import process, spawn
from multiprocessing.context import BaseContext
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_POSIX = sys.platform != "win32"
_SERVER_MODULE = "lightning_iit.phi.pool._server"
"""The module that the fork server imports first."""


class WorkerServer:
    """Runs a process that forks worker processes, each in a fraction of a second, with modules already loaded.

    On Windows there is no such process, and workers are spawned.

    Args:
        preload: modules that the server imports, so that no worker has to. A module that cannot be imported is left out.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self._server = _fork_server([_SERVER_MODULE, *preload]) if _POSIX else None

    def context(self) -> WorkerContext:
        """Returns a new context that starts processes from this server."""
        return WorkerContext(self._server)

    def close(self) -> None:
        """Ends the server; the server's workers end with the server."""
        if self._server is None or self._server._forkserver_pid is None:
            return
        # Killed first: the server may never end by itself, as a process that the host forked may hold the "alive" pipe open.
        with contextlib.suppress(OSError):
            os.kill(self._server._forkserver_pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._server._stop()


class WorkerContext(BaseContext):
    """Starts worker processes and, once closed, kills the processes that were started and starts no more."""

    _name = "forkserver" if _POSIX else "spawn"

    def __init__(self, server: Any) -> None:
        super().__init__()
        self._server = server
        self._started: list[Any] = []
        self._closed = False
        self._lock = threading.Lock()

    def Process(self, *args: Any, **kwargs: Any) -> process.BaseProcess:  # noqa: N802  multiprocessing's name
        """Returns a process that will be started from the server."""
        return WorkerProcess(self, *args, **kwargs)

    def get_context(self, method: str | None = None) -> Any:  # noqa: ARG002
        """Returns this context; there is no other."""
        return self

    def get_start_method(self, allow_none: bool = False) -> str:  # noqa: ARG002
        """Returns the name of multiprocessing's start method on which this context builds."""
        return self._name

    def start(self, made: process.BaseProcess) -> Any:
        """Starts a process and returns multiprocessing's handle of the process.

        Raises:
            OSError: the context is closed. A pool that tries to replace a process which was killed on purpose gives up at this
                error.
        """
        with self._lock:
            if self._closed:
                msg = "the worker is being ended"
                raise OSError(msg)
            popen = _popen(self._server)(made)
            self._started.append(popen)
            return popen

    def close(self) -> None:
        """Kills every process that was started, even in the middle of a task."""
        with self._lock:
            self._closed = True
        for popen in self._started:
            with contextlib.suppress(OSError):
                if popen.poll() is None:
                    popen.kill()


class WorkerProcess(process.BaseProcess):
    """Holds a process of a :class:`WorkerContext`."""

    _start_method = WorkerContext._name

    def __init__(self, origin: WorkerContext, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._origin = origin

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_origin"}

    def _Popen(self, process_obj: process.BaseProcess) -> Any:  # noqa: N802  multiprocessing's name
        """Starts the process through its context."""
        return self._origin.start(process_obj)


class _WithoutMain:
    """Replaces the module ``multiprocessing.spawn``: the data that prepare a child do not mention ``__main__``."""

    def get_preparation_data(self, name: str) -> dict[str, Any]:
        """Returns multiprocessing's data for a child, without the entries about ``__main__``."""
        data = spawn.get_preparation_data(name)
        return {key: value for key, value in data.items() if not key.startswith("init_main")}

    def __getattr__(self, name: str) -> Any:
        return getattr(spawn, name)


def _fork_server(preload: list[str]) -> Any:
    """Returns a new fork server, not yet started, that will import these modules."""
    from multiprocessing.forkserver import ForkServer

    server = ForkServer()
    server.set_forkserver_preload(preload)
    return server


def _popen(server: Any) -> Callable[[process.BaseProcess], Any]:
    """Returns multiprocessing's class ``Popen`` for the forkserver, changed to use this server and to leave ``__main__`` out.

    The class's method finds server and preparation data by global names of its module. These globals belong to everybody in the
    process, so the method gets globals of its own. On Windows, the class is the unchanged one for "spawn".
    """
    if server is None:  # on Windows, a script needs its main guard
        plain: Callable[[process.BaseProcess], Any] = import_module("multiprocessing.popen_spawn_win32").Popen
        return plain
    from multiprocessing import forkserver, popen_forkserver

    class Server:
        connect_to_new_process = staticmethod(server.connect_to_new_process)
        read_signed = staticmethod(forkserver.read_signed)

    original: Any = popen_forkserver.Popen._launch  # type: ignore[attr-defined]
    names = {**original.__globals__, "spawn": _WithoutMain(), "forkserver": Server}
    launch = FunctionType(original.__code__, names, original.__name__, original.__defaults__, original.__closure__)

    class Popen(popen_forkserver.Popen):
        _launch = launch

    return Popen
