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
from multiprocessing import connection, process, spawn
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
    """Starts one worker process, and kills this process when the context is closed.

    A pool of pebble replaces a lost process without a word where the process ended with exit status 0, and the task of that process
    is then waited for without end. So a second process is refused: the pool breaks, which its user sees at once.
    """

    _name = "forkserver" if _POSIX else "spawn"

    def __init__(self, server: Any) -> None:
        super().__init__()
        self._server = server
        self._popen: Any = None
        self._asked = False
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
        """Starts the process and returns multiprocessing's handle of the process.

        Raises:
            OSError: the context is closed or has started its process, or the system cannot start one. A pool gives up at this
                error.
        """
        with self._lock:
            if self._closed or self._asked:
                msg = "the worker is being ended" if self._closed else "the worker process has ended"
                raise OSError(msg)
            self._asked = True
        # Not under the lock: the start waits for the fork server, and closing must be possible meanwhile.
        popen = _popen(self._server)(made)
        with self._lock:
            self._popen = popen
            closed = self._closed
        if closed:
            self._kill()
        return popen

    def close(self) -> None:
        """Kills the process, even in the middle of a task; a process that is just being started is killed once it has started."""
        with self._lock:
            self._closed = True
        self._kill()

    def exit_status(self) -> int | None:
        """Returns the exit status of the process (negative: the signal that killed it); None while it runs, or never ran."""
        return None if self._popen is None else self._popen.poll()

    def _kill(self) -> None:
        """Kills the process, if there is one."""
        with contextlib.suppress(OSError):
            if self._popen is not None and self._popen.poll() is None:
                self._popen.kill()


class WorkerProcess(process.BaseProcess):
    """Holds a process of a :class:`WorkerContext`."""

    _start_method = WorkerContext._name

    def __init__(self, origin: WorkerContext, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._origin = origin

    def start(self) -> None:
        """Starts the process, as multiprocessing does, but also from a daemonic process, such as a worker of Dask.

        A daemonic process may not start others, as these would be left behind when it is killed. A worker is not: it ends with the
        process that started it, however that one ends.
        """
        if not process.current_process().daemon:
            super().start()
            return
        self._popen = self._Popen(self)
        self._sentinel = self._popen.sentinel
        # As in multiprocessing: no cycle is left, and the children of a process are known.
        del self._target, self._args, self._kwargs  # type: ignore[attr-defined]
        process._children.add(self)  # type: ignore[attr-defined]

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

        def __init__(self, made: process.BaseProcess) -> None:
            self._reading = threading.Lock()
            super().__init__(made)

        def poll(self, flag: int = os.WNOHANG) -> int | None:
            """Returns the exit status, which several threads may ask for; one that reads it after another finds an empty pipe."""
            if self.returncode is None:
                connection.wait([self.sentinel], 0 if flag == os.WNOHANG else None)
            with self._reading:
                return super().poll(os.WNOHANG)

    return Popen
