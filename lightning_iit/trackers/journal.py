"""The journal hands each record to every tracker; trackers write in threads of their own, so training does not wait."""

from __future__ import annotations

import threading
import time
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lightning_iit.records.disk.pictures import without_svg
from lightning_iit.records.names import FOLDER
from lightning_iit.trackers.order import CaptureOrder
from lightning_iit.trackers.write_queue import Backoff, WriteJob, WriteQueue, log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightning_iit.records import EpochRecord, NetworkSnapshot
    from lightning_iit.records.schema import Key
    from lightning_iit.trackers.tracker import Tracker

_FOLDER_SECONDS = 60.0


@dataclass(frozen=True)
class Undelivered:
    """Lists what one tracker had not written when the journal was closed, and the reason.

    Attributes:
        tracker: the tracker's name.
        labels: one short description for each unwritten item, such as "layer 'fc1' at epoch 3".
        reason: the error of the last failed attempt; empty if there was none.
        remedy: what the user can do about the unwritten items.
    """

    tracker: str
    labels: tuple[str, ...]
    reason: str
    remedy: str

    @property
    def words(self) -> str:
        """Returns the warning for the user: up to three labels, the number of further ones, the reason and the remedy."""
        shown = ", ".join(self.labels[:3]) + (f" and {len(self.labels) - 3} more" if len(self.labels) > 3 else "")
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.tracker} did not take {shown}{why}. {self.remedy}"


class Journal:
    """Hands each record to every tracker. Each tracker has its own queue, so a failing tracker does not delay the others.

    Trackers that may be used on the training thread only (``Tracker.on_caller``) are served in :meth:`pump`, which
    the owner calls there now and then; it costs next to nothing while there is nothing to write.

    Args:
        trackers: the trackers that get every record.
        options: the callback's options, which every tracker writes before the first record; None or empty for none.
        backoff: the waiting times between attempts at a failing tracker; None for the default ``Backoff()``.

    Example::

        journal = Journal(trackers_for(trainer.loggers, run_dir), options={"units": 4})
        journal.expect(("fc1", 0))            # at capture
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
                route.queue.put(WriteJob("the options", partial(route.tracker.log_options, copy(options))))

    def expect(self, key: Key) -> None:
        """Announces that a record of this layer and epoch will follow. Call this at each capture, in the order of capture.

        For trackers that need capture order, later records of the same layer are held back until this record is
        written, or the journal is closed.

        Args:
            key: the key of the record: layer and epoch, and within an epoch the step too.
        """
        for route in self._routes:
            route.expect(key)

    def write_open(self, record: EpochRecord) -> None:
        """Queues a record whose analysis is open, for the trackers that take records at capture."""
        for route in self._routes:
            if getattr(route.tracker, "at_capture", False):
                label = f"layer {record.layer!r} at {record.when}, open"
                route.queue.put(WriteJob(label, partial(route.tracker.log, record, {})))

    def write(self, record: EpochRecord, images: Mapping[str, bytes] | None = None) -> None:
        """Queues a record and its pictures for every tracker and returns at once; may be called from any thread, in any order.

        After :meth:`close` the record is dropped with a warning in the log.

        Args:
            record: the record of one layer and epoch.
            images: the record's pictures by name, PNG, or SVG where the name ends so.
        """
        if self._closed:
            log.warning("Layer %r at %s came after the journal was closed, and is not logged.", record.layer, record.when)
            return
        for route in self._routes:
            route.write(record, dict(images or {}))

    def write_network(self, snapshot: NetworkSnapshot) -> None:
        """Queues a network snapshot for every tracker. Call this in the order of capture."""
        for route in self._routes:
            route.queue.put(WriteJob(f"the network at epoch {snapshot.epoch}", partial(route.tracker.log_network, snapshot)))

    def attach(self, name: str, data: bytes) -> None:
        """Queues a UTF-8 file ``iit/<name>`` about the whole run for the trackers that keep files."""
        for route in self._routes:
            route.queue.put(WriteJob(f"{FOLDER}/{name}", partial(route.tracker.attach, name, data)))

    def pump(self) -> None:
        """Runs the waiting writes of the trackers that may be called on this thread (the training thread) only."""
        for route in self._routes:
            route.queue.work()

    def flush(self, timeout: float) -> bool:
        """Waits until the queues are empty, at most ``timeout`` seconds. Call on the training thread.

        Failed writes are tried again at once.

        Returns:
            True if every tracker has written all its queued items; records held back for an earlier record do not count.
        """
        deadline = time.monotonic() + timeout
        written = [route.queue.wait(deadline) for route in self._routes]
        return all(written)

    def close(self, timeout: float, *, failed: bool = False) -> tuple[Undelivered, ...]:
        """Writes everything that is left, finishes every tracker and reports what remains unwritten. Call on the training thread.

        Failed writes are tried again, and records that still wait for an earlier record are released. A second call does nothing.

        Args:
            timeout: the longest time to wait, in seconds. A tracker that takes records at capture (the run's folder) has 60 s in
                any case, as what others did not take is delivered from there.
            failed: whether training ended with an error.

        Returns:
            One :class:`Undelivered` for each tracker with unwritten items; each is also logged as a warning.
        """
        if self._closed:
            return ()
        self._closed = True
        for route in self._routes:
            route.drain()
            route.queue.put(WriteJob("the end of the run", partial(route.tracker.finish, failed=failed)))
        deadline = time.monotonic() + timeout
        for route in self._routes:
            at_capture = getattr(route.tracker, "at_capture", False)
            route.queue.wait(max(deadline, time.monotonic() + _FOLDER_SECONDS) if at_capture else deadline)
        undelivered = tuple(left for route in self._routes if (left := route.stop()))
        for left in undelivered:
            log.warning("%s", left.words)
        return undelivered


class _Route:
    """Joins one tracker with its queue and, for a tracker that needs capture order, with the buffer that restores this order."""

    def __init__(self, tracker: Tracker, backoff: Backoff) -> None:
        self.tracker = tracker
        self.name = tracker.name or type(tracker).__name__
        self.queue = WriteQueue(self.name, backoff=backoff, threaded=not tracker.on_caller, in_order=tracker.in_order)
        self._order: CaptureOrder[WriteJob] | None = CaptureOrder() if tracker.in_order else None
        self._lock = threading.Lock()

    def expect(self, key: Key) -> None:
        """Announces the record of a layer and epoch to the buffer."""
        with self._lock:
            if self._order:
                self._order.expect(key)

    def write(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Queues the write of a record, or holds the write back until the layer's earlier records have come."""
        given = images if getattr(self.tracker, "takes_svg", False) else without_svg(images)
        job = WriteJob(f"layer {record.layer!r} at {record.when}", partial(self.tracker.log, record, given))
        with self._lock:  # no other thread may queue a job between release and queueing
            self._put(self._order.put(record.key, job) if self._order else [job])

    def drain(self) -> None:
        """Queues every record that is still held back."""
        with self._lock:
            self._put(self._order.drain() if self._order else [])

    def stop(self) -> Undelivered | None:
        """Stops the queue and returns the list of unwritten items, or None if all was written."""
        jobs = self.queue.stop()
        if not jobs:
            return None
        labels = tuple(job.label for job in jobs)
        return Undelivered(self.name, labels, self.queue.trouble or self.queue.refusal, self.tracker.remedy)

    def _put(self, jobs: list[WriteJob]) -> None:
        for job in jobs:
            self.queue.put(job)
