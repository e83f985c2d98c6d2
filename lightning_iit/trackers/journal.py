"""Takes the records as they come and has every tracker write them, off the training thread."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lightning_iit.records.store import FOLDER
from lightning_iit.trackers.order import CaptureOrder, Key
from lightning_iit.trackers.write_queue import Backoff, WriteJob, WriteQueue, log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightning_iit.records import EpochRecord, NetworkSnapshot
    from lightning_iit.trackers.tracker import Tracker


@dataclass(frozen=True)
class Undelivered:
    """What a tracker had not taken when the journal was closed, and why."""

    tracker: str
    labels: tuple[str, ...]
    reason: str
    remedy: str

    @property
    def words(self) -> str:
        """All of it in one sentence or two."""
        shown = ", ".join(self.labels[:3]) + (f" and {len(self.labels) - 3} more" if len(self.labels) > 3 else "")
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.tracker} did not take {shown}{why}. {self.remedy}"


class Journal:
    """Hands records to trackers: each has its own queue and thread, so that one in trouble does not hold up the others.

    Trackers that may be used on the training thread only (``Tracker.on_caller``) are served in :meth:`pump`, which
    the owner calls there now and then; it costs next to nothing while there is nothing to write.

    Args:
        trackers: where records go.
        options: written by every tracker before the first record.
        backoff: the waits between attempts at a tracker in trouble.

    Example::

        journal = Journal(trackers_for(trainer.loggers, run_dir), options={"units": 4})
        journal.expect(("fc1", 0), step=100)  # at capture
        journal.write(record, {"tpm": png})   # when the result is there, from any thread
        undelivered = journal.close(timeout=30.0)
    """

    def __init__(
        self, trackers: Sequence[Tracker], *, options: Mapping[str, object] | None = None, backoff: Backoff | None = None
    ) -> None:
        self._routes = tuple(_Route(tracker, backoff or Backoff()) for tracker in trackers)
        self._closed = False
        for route in self._routes:
            if options:
                route.queue.put(WriteJob("the options", partial(route.tracker.log_options, dict(options))))

    def expect(self, key: Key, step: int) -> None:
        """Announces the record of a layer and epoch at its capture, in the order of capture (so steps never go back).

        Args:
            key: layer and epoch.
            step: the global step at which the record will be logged.
        """
        del step
        for route in self._routes:
            route.expect(key)

    def write(self, record: EpochRecord, images: Mapping[str, bytes] | None = None) -> None:
        """Queues a record and its pictures (PNG by name) for every tracker; from any thread, in any order, never waits."""
        if self._closed:
            log.warning("Layer %r at epoch %d came after the journal was closed, and is not logged.", *record.key)
            return
        for route in self._routes:
            route.write(record, dict(images or {}))

    def write_network(self, snapshot: NetworkSnapshot) -> None:
        """Queues a network snapshot for every tracker; called in the order of capture."""
        for route in self._routes:
            route.queue.put(WriteJob(f"the network at epoch {snapshot.epoch}", partial(route.tracker.log_network, snapshot)))

    def attach(self, name: str, data: bytes) -> None:
        """Queues a UTF-8 file of the whole run, ``iit/<name>``, for the trackers that keep files."""
        for route in self._routes:
            route.queue.put(WriteJob(f"{FOLDER}/{name}", partial(route.tracker.attach, name, data)))

    def pump(self) -> None:
        """Serves the trackers that may be used on this thread only."""
        for route in self._routes:
            route.queue.work()

    def flush(self, timeout: float) -> bool:
        """Waits for what can be written, at most ``timeout`` seconds; on the training thread.

        Returns:
            Whether every tracker has taken all that was handed in, but for records that wait for an earlier one.
        """
        deadline = time.monotonic() + timeout
        written = [route.queue.wait(deadline) for route in self._routes]
        return all(written)

    def close(self, timeout: float, *, failed: bool = False) -> tuple[Undelivered, ...]:
        """Writes what is left, trying trackers in trouble again, and ends; on the training thread. A second call does nothing.

        Args:
            timeout: the longest to wait, in seconds.
            failed: training broke.

        Returns:
            What could not be written, also logged as one warning for each tracker.
        """
        if self._closed:
            return ()
        self._closed = True
        for route in self._routes:
            route.drain()
            route.queue.put(WriteJob("the end of the run", partial(route.tracker.finish, failed=failed)))
        self.flush(timeout)
        undelivered = tuple(left for route in self._routes if (left := route.stop()))
        for left in undelivered:
            log.warning("%s", left.words)
        return undelivered


class _Route:
    """One tracker with its queue, and the order in which it wants its records."""

    def __init__(self, tracker: Tracker, backoff: Backoff) -> None:
        self.tracker = tracker
        self.name = tracker.name or type(tracker).__name__
        self.queue = WriteQueue(self.name, backoff=backoff, threaded=not tracker.on_caller, in_order=tracker.in_order)
        self._order: CaptureOrder[WriteJob] | None = CaptureOrder() if tracker.in_order else None
        self._lock = threading.Lock()

    def expect(self, key: Key) -> None:
        with self._lock:
            if self._order:
                self._order.expect(key)

    def write(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        job = WriteJob(f"layer {record.layer!r} at epoch {record.epoch}", partial(self.tracker.log, record, images))
        with self._lock:  # what is released must also be queued in that order
            self._put(self._order.put(record.key, job) if self._order else [job])

    def drain(self) -> None:
        with self._lock:
            self._put(self._order.drain() if self._order else [])

    def stop(self) -> Undelivered | None:
        jobs = self.queue.stop()
        if not jobs:
            return None
        labels = tuple(job.label for job in jobs)
        return Undelivered(self.name, labels, self.queue.trouble or self.queue.refusal, self.tracker.remedy)

    def _put(self, jobs: list[WriteJob]) -> None:
        for job in jobs:
            self.queue.put(job)
