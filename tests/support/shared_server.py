"""One fork server for all pools of a test run, so that not every training waits for a new one to load its modules."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from unittest import mock

from lightning_iit.phi.pool import pool
from lightning_iit.phi.pool.process_context import WorkerContext, WorkerServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURES = "lightning_iit.figures.partition"


class _Lent:
    """The shared server as one pool has it: the pool's end does not end the server. The pool ends its own workers itself."""

    def __init__(self, server: WorkerServer) -> None:
        self._server = server

    def context(self) -> WorkerContext:
        return self._server.context()

    def close(self) -> None:
        """Leaves the server for the next pool."""


class SharedServer:
    """The server that is lent; it starts with the first worker."""

    def __init__(self) -> None:
        self._server = WorkerServer((*pool.PRELOAD, PICTURES))

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Has pools with the usual modules start their workers from this server."""

        def serve(preload: tuple[str, ...] = ()) -> WorkerServer | _Lent:
            return _Lent(self._server) if preload == pool.PRELOAD else WorkerServer(preload)

        with mock.patch.object(pool, "WorkerServer", serve):
            yield

    def close(self) -> None:
        """Ends the server, and with it what is left of its workers."""
        self._server.close()


@contextlib.contextmanager
def own_servers() -> Iterator[None]:
    """Has each pool start a server of its own, as it does for a user."""
    with mock.patch.object(pool, "WorkerServer", WorkerServer):
        yield
