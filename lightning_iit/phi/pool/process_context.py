"""How worker processes are started: from a fork server of our own, and without the host's ``__main__``.

Forking the training process hangs once torch has used threads. The start methods "spawn" and "forkserver" are safe, but each
runs the user's script again in the child, so a script without ``if __name__ == "__main__"`` would train again in its own
workers. Here the child is not told of ``__main__``, as loky does it; and the fork server is not the one that the host's own
code may use, so that what is preloaded there and how it ends is no concern of anybody else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from importlib import import_module
from multiprocessing import context, process, spawn
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_POSIX = sys.platform != "win32"
_SERVER_MODULE = "lightning_iit.phi.pool._server"


class WorkerServer:
    """A process that forks worker processes, each in a fraction of a second, with modules already loaded.

    Args:
        preload: modules that the server imports, so that no worker has to. One that cannot be imported is left out.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self._server = _fork_server([_SERVER_MODULE, *preload]) if _POSIX else None

    def context(self) -> WorkerContext:
        """A context that starts processes from this server."""
        return WorkerContext(self._server)

    def close(self) -> None:
        """Ends the server. Its workers end with it."""
        if self._server is None or self._server._forkserver_pid is None:
            return
        # Killed first: to wait for its own end can take forever, as a process that the host forked may hold its "alive" pipe.
        with contextlib.suppress(OSError):
            os.kill(self._server._forkserver_pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._server._stop()


class WorkerContext(context.BaseContext):
    """A multiprocessing context that ends what it started, and then starts nothing more."""

    _name = "forkserver" if _POSIX else "spawn"

    def __init__(self, server: Any) -> None:
        super().__init__()
        self._server = server
        self._started: list[Any] = []
        self._closed = False
        self._lock = threading.Lock()

    def Process(self, *args: Any, **kwargs: Any) -> process.BaseProcess:  # noqa: N802  multiprocessing's name
        """A process that will be started from the server."""
        return WorkerProcess(self, *args, **kwargs)

    def get_context(self, method: str | None = None) -> Any:  # noqa: ARG002
        """This context; there is no other."""
        return self

    def get_start_method(self, allow_none: bool = False) -> str:  # noqa: ARG002
        """The name of the start method that it is a variant of."""
        return self._name

    def start(self, made: process.BaseProcess) -> Any:
        """Starts a process.

        Raises:
            OSError: the context is closed. A pool that replaces a process which was killed on purpose takes that as its end.
        """
        with self._lock:
            if self._closed:
                msg = "the worker is being ended"
                raise OSError(msg)
            popen = _popen(self._server)(made)
            self._started.append(popen)
            return popen

    def close(self) -> None:
        """Kills every process that was started, whatever it is doing."""
        with self._lock:
            self._closed = True
        for popen in self._started:
            with contextlib.suppress(OSError):
                if popen.poll() is None:
                    popen.kill()


class WorkerProcess(process.BaseProcess):
    """A process of a :class:`WorkerContext`."""

    _start_method = WorkerContext._name

    def __init__(self, origin: WorkerContext, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._origin = origin

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_origin"}

    def _Popen(self, process_obj: process.BaseProcess) -> Any:  # noqa: N802  multiprocessing's name
        return self._origin.start(process_obj)


class _WithoutMain:
    """The module ``multiprocessing.spawn``, whose preparation data does not mention ``__main__``."""

    def get_preparation_data(self, name: str) -> dict[str, Any]:
        data = spawn.get_preparation_data(name)
        return {key: value for key, value in data.items() if not key.startswith("init_main")}

    def __getattr__(self, name: str) -> Any:
        return getattr(spawn, name)


def _fork_server(preload: list[str]) -> Any:
    from multiprocessing.forkserver import ForkServer

    server = ForkServer()
    server.set_forkserver_preload(preload)
    return server


def _popen(server: Any) -> Callable[[process.BaseProcess], Any]:
    """The forkserver's Popen, launching from this server and without ``__main__``.

    Its method names both through the globals of its module. Those of the module belong to everybody in the process, so the
    method gets globals of its own.
    """
    if server is None:  # Windows: a script needs its main guard there
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
