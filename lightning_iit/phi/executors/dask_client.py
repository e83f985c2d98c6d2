"""A Dask cluster, by its client."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY = 2.0
"""Seconds between two looks at how many workers the cluster has."""


_CALL = "__import__('pkgutil').resolve_name(function)(*arguments)"
"""What a worker evaluates. It names the function, since a worker of Dask dies of a message with a function that it cannot import;
this way, its answer is an ImportError."""


class SchedulerLostError(Exception):
    """Says that the connection to the scheduler was lost while a call was open."""


class DaskExecutor:
    """Hands calls to the workers of a Dask cluster.

    Dask itself gives a call whose worker died to another worker. Its client loses all open calls when the connection to the
    scheduler breaks; such a call raises :class:`SchedulerLostError`. It may be handed over again, since the client tries for 30 s
    to connect.

    Args:
        client: a client that is not asynchronous.
        on_close: ends what belongs to this object alone; None where the client is the user's.
    """

    def __init__(self, client: Any, on_close: Callable[[], None] | None = None) -> None:
        self.name: str = f"Dask, {client.scheduler.address}"
        self._client = client
        self._on_close = on_close
        self._mark = uuid4().hex[:12]
        self._numbers = count()
        self._slots = 0
        self._closed = threading.Event()
        self._looked = threading.Event()
        threading.Thread(target=self._look, daemon=True, name="lightning-iit-dask-workers").start()
        self._looked.wait(_EVERY)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hands a call to the scheduler, in the order of the calls.

        Raises:
            SchedulerLostError: the client is closed.
        """
        if self._client.status in {"closed", "closing"}:
            raise SchedulerLostError(self._lost)
        number = next(self._numbers)
        # A key of one's own: Dask would hash the arguments for one, and give two equal calls one result.
        key = f"lightning-iit-{self._mark}-{number}"
        inner = self._client.submit(eval, _CALL, _named(function, arguments), key=key, pure=False)
        outer: Future[Any] = Future()
        inner.add_done_callback(lambda done: self._pass_on(done, outer))
        outer.add_done_callback(lambda done: inner.cancel() if done.cancelled() else None)
        return outer

    def slots(self) -> int | None:
        """Returns the number of threads of all workers, as it was at most 2 s ago."""
        return self._slots

    def everywhere(self, function: Callable[..., Any], *arguments: Any, timeout: float) -> dict[str, Any]:
        """Calls a function on each worker at once, also on busy ones."""
        answers: dict[str, Any] = {}

        def ask() -> None:
            with suppress(Exception):  # no answer
                answers.update(self._client.run(eval, _CALL, _named(function, arguments), on_error="return"))
                self._count()  # workers that answered are counted at once

        asking = threading.Thread(target=ask, daemon=True, name="lightning-iit-dask-asking")
        asking.start()
        asking.join(timeout)
        return dict(answers)

    def close(self) -> None:
        """Closes the client, and the cluster, where they were made for this object."""
        self._closed.set()
        if self._on_close is not None:
            self._on_close()

    def _pass_on(self, inner: Any, outer: Future[Any]) -> None:
        """Sets the outcome of a call; runs in a thread of Dask's once the call is done."""
        error: BaseException | None
        try:
            error = inner.exception(timeout=_EVERY)
            value = None if error is not None else inner.result(timeout=_EVERY)
        except CancelledError:
            error = SchedulerLostError(self._lost)
        except BaseException as raised:  # noqa: BLE001  whatever it is, the call has an outcome
            error = raised
        inner.release()  # the answer is here; the cluster need not keep it
        with suppress(InvalidStateError):  # cancelled by its user
            if error is None:
                outer.set_result(value)
            else:
                outer.set_exception(error)

    @property
    def _lost(self) -> str:
        """Returns in words that the scheduler is out of reach."""
        return f"the connection to Dask's scheduler ({self.name.removeprefix('Dask, ')}) was lost"

    def _count(self) -> None:
        self._slots = sum(self._client.nthreads().values())

    def _look(self) -> None:
        """Counts the threads of the workers now and then; the client is asked here, since it may wait for its scheduler."""
        while not self._closed.is_set() and self._client.status != "closed":
            with suppress(Exception):  # no scheduler at the moment
                self._count()
            self._looked.set()
            self._closed.wait(_EVERY)


def _named(function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Returns the names that ``_CALL`` needs."""
    return {"function": f"{function.__module__}:{function.__qualname__}", "arguments": arguments}
