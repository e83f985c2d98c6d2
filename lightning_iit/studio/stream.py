"""What the studio's page is told as it happens: server-sent events ``jobs``, each with all trainings of the list."""

from __future__ import annotations

import time
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records.steering.status import LOOK_SECONDS
from lightning_iit.studio.messages import JobList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.studio.listing import Listing

MOST_STREAMS = 12
"""So many pages are told what happens at once."""
_TICK = 0.5
_SIGN_EVERY = 2.0


class JobStreams:
    """Hands out what pages are told, to a limited number of pages.

    Args:
        listing: tells how far trainings are.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._free = BoundedSemaphore(MOST_STREAMS)

    def open(self) -> Iterator[bytes] | None:
        """Returns the events for a page, without an end; None where too many pages are told already. Then :meth:`close`."""
        return self._events() if self._free.acquire(blocking=False) else None

    def close(self) -> None:
        """Notes that a page is told no more."""
        self._free.release()

    def _events(self) -> Iterator[bytes]:
        """Yields the list whenever it has changed, and a sign now and then, by which it is seen that a page has gone."""
        last, sent, looked = b"", 0.0, 0.0
        yield b"retry: 2000\n\n"
        while True:
            now = time.monotonic()
            look = now - looked >= LOOK_SECONDS
            looked = now if look else looked
            data = msgspec.json.encode(JobList(jobs=self._listing.jobs(look=look)))
            if data != last:
                yield b"event: jobs\ndata: " + data + b"\n\n"
                last, sent = data, now
            elif now - sent >= _SIGN_EVERY:
                yield b": here\n\n"
                sent = now
            time.sleep(_TICK)
