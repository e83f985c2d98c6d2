"""What a page is told as it happens: server-sent events of new records, of a training, and of what its units do.

Each event has a name and JSON. ``runs``: the list of runs has changed. ``records``: the index of a run has changed, whose id it is.
``training``: a ``TrainingState``. ``activity``: a ``LiveStep`` (see ``messages``).
"""

from __future__ import annotations

import time
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.steering.status import LOOK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.viewer.live.trainings import Trainings
    from lightning_iit.viewer.sources import RecordSource

MOST_STREAMS = 24
"""So many pages are told what happens at once; a further one asks by itself."""
MOST_RUNS = 2
"""A page looks at so many runs."""
_TICK = 0.2
"""Seconds between two looks at the files."""
_RECORDS_EVERY = 0.5
"""Seconds between two looks at the records of each run."""
_STATE_EVERY = 2.0
"""A training that says nothing is asked about again after so many seconds: its process may have died."""
_SIGN_EVERY = 2.0
"""Seconds after which a sign is sent where nothing has happened: only what is sent tells that the page has gone."""


class Streams:
    """Hands out what pages are told, to a limited number of pages.

    Args:
        source: has the records.
        trainings: knows the trainings; None where none is to be shown.
    """

    def __init__(self, source: RecordSource, trainings: Trainings | None) -> None:
        self._source, self._trainings = source, trainings
        self._free = BoundedSemaphore(MOST_STREAMS)

    def open(self, runs: Sequence[str]) -> Iterator[bytes] | None:
        """Returns the events for a page, without an end; None where too many pages are told already. Then :meth:`close`.

        Args:
            runs: the runs that the page looks at; of the first one the training is told.

        Raises:
            LookupError: there is no such run.
        """
        for run in runs:
            self._source.index(run)
        if not self._free.acquire(blocking=False):
            return None
        return _events(_View(self._source, self._trainings, tuple(runs)))

    def close(self) -> None:
        """Notes that a page is told no more."""
        self._free.release()


def _events(view: _View) -> Iterator[bytes]:
    """Yields what has changed until the page has gone, which ends this generator."""
    sent = time.monotonic()
    yield b"retry: 2000\n\n"
    while True:
        data = b"".join(view.news())
        now = time.monotonic()
        if data or now - sent >= _SIGN_EVERY:
            yield data or b": here\n\n"
            sent = now
        time.sleep(_TICK)


class _View:
    """Finds what has changed since it was asked last."""

    def __init__(self, source: RecordSource, trainings: Trainings | None, runs: tuple[str, ...]) -> None:
        self._source, self._trainings, self._runs = source, trainings, runs
        self._indexes: dict[str, Any] = {}
        self._names: list[str] | None = None
        self._next_records = self._next_look = self._next_state = 0.0
        self._state: Any = None
        self._row: int | None = None

    def news(self) -> Iterator[bytes]:
        """Yields an event for each thing that has changed."""
        now = time.monotonic()
        if now >= self._next_records:
            self._next_records = now + _RECORDS_EVERY
            yield from self._records()
        if self._trainings is not None and self._runs:
            try:
                yield from self._training(self._trainings, self._runs[0], now)
            except LookupError:
                return  # the run has just gone

    def _records(self) -> Iterator[bytes]:
        """Yields what has changed of the runs and their records; the first time nothing."""
        names = [run.id for run in self._source.runs()[0]]
        if self._names is not None and sorted(names) != sorted(self._names):
            yield _event("runs", None)
        self._names = names
        for run in self._runs:
            try:
                index = self._source.index(run)
            except (LookupError, RecordError):
                continue
            if run in self._indexes and index is not self._indexes[run] and index != self._indexes[run]:
                yield _event("records", run)
            self._indexes[run] = index

    def _training(self, trainings: Trainings, run: str, now: float) -> Iterator[bytes]:
        """Yields what has changed of a training."""
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            trainings.look(run)
        news = trainings.news(run)
        if news != self._state or now >= self._next_state:
            self._state, self._next_state = news, now + _STATE_EVERY
            yield _event("training", trainings.state(run))
        is_known, after = self._row is not None, self._row or 0
        steps, self._row = trainings.steps(run, after)
        for step in steps[-1:] if is_known else ():  # what was written before the page came is over
            yield _event("activity", step)


def _event(name: str, data: Any) -> bytes:
    """Returns an event as it is sent."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
