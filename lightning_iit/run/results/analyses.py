"""The open analyses of a run: tasks go to the pool, and their results complete the records of the epochs they were captured in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.records import EpochRecord, Failed, PhiResult, PhiTask, Records, Skipped, TaskResult
from lightning_iit.run.budget.turns import is_left_out
from lightning_iit.run.request import settled_record, with_change
from lightning_iit.run.results.kept import KeptRecords
from lightning_iit.run.results.waiting import compiles_first, drain_in_sight

if TYPE_CHECKING:
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records.schema import Key
    from lightning_iit.run.options import RunOptions
    from lightning_iit.trackers.journal import Journal

log: logging.Logger = logging.getLogger(__name__)


class Analyses:
    """Has tasks computed, completes each open record once, and keeps the complete ones.

    Args:
        pool: computes the tasks.
        journal: writes the records.
        lock: may be taken again by the thread that holds it; whoever holds it sees open and complete records of one moment.
        timed: as :class:`KeptRecords` takes it.

    Attributes:
        kept: the complete records; only who holds the lock may use them.
    """

    def __init__(self, pool: PhiPool, journal: Journal, lock: AbstractContextManager[Any], *, timed: bool) -> None:
        self._pool = pool
        self._journal = journal
        self._lock = lock
        self.kept: KeptRecords = KeptRecords(timed=timed)
        self._open: dict[Key, tuple[PhiTask | None, EpochRecord]] = {}
        self._held: dict[str, list[tuple[EpochRecord, PhiResult, TaskResult]]] = {}
        self._unfit: set[str] = set()

    @property
    def records(self) -> Records:
        """Returns the records whose analyses have ended, in order of epoch, step and layer."""
        with self._lock:
            return self.kept.all()

    @property
    def newest(self) -> Records:
        """Returns of each layer the newest record of an epoch with a Φ and the newest without one, in order of epoch and layer."""
        with self._lock:
            return self.kept.newest()

    @property
    def pending(self) -> int:
        """Returns the number of open analyses."""
        with self._lock:
            return len(self._open)

    @property
    def open(self) -> tuple[tuple[PhiTask, EpochRecord], ...]:
        """Returns the task and the record of each open analysis, for a run that goes on."""
        with self._lock:
            return tuple((task.stored, stub) for task, stub in self._open.values() if task is not None)

    @property
    def ended(self) -> tuple[EpochRecord, ...]:
        """Returns the complete records that no open analysis replaces, in the order in which they were kept."""
        with self._lock:
            return self.kept.without(self._open)

    def expect(self, stub: EpochRecord) -> None:
        """Takes a record as open before its task is made; it then gets a result, whatever happens."""
        self._journal.expect(stub.key)
        with self._lock:
            self._open[stub.key] = (None, stub)

    def write_and_start(self, task: PhiTask, stub: EpochRecord) -> Future[TaskResult]:
        """Writes a record as open, with its task, and submits the task."""
        self._journal.write_open(msgspec.structs.replace(stub, task=task.stored))
        return self.start(task, stub)

    def start(self, task: PhiTask, stub: EpochRecord) -> Future[TaskResult]:
        """Submits a task to the pool and has its result received when it arrives."""
        with self._lock:
            self._open[stub.key] = (task, stub)
        future = self._pool.submit(task)
        future.add_done_callback(lambda done: self._receive(stub, done))
        return future

    def _receive(self, stub: EpochRecord, future: Future[TaskResult]) -> None:
        """Completes a record with the outcome of its task; runs in a thread of the pool."""
        if future.cancelled():
            self.settle(stub, Skipped(code="cancelled", reason="the analysis was cancelled before it ended"))
        elif (error := future.exception()) is not None:
            self.settle(stub, Failed(code="engine_error", reason=f"the pool broke: {error}", details=repr(error)))
        else:
            answer = future.result(0)
            self.settle(stub, answer.states[0].result, answer)

    def settle(self, stub: EpochRecord, result: PhiResult, answer: TaskResult | None = None) -> None:
        """Completes a record with its result and hands it to the journal; does nothing where the record is already complete.

        An answer that came before that of the layer's untrained network is held until then, since it is compared with it.
        """
        untrained = stub.layer, -1
        with self._lock:
            if stub.key not in self._open:
                return  # given up before its answer came
            if answer is not None and stub.epoch >= 0 and stub.step is None and untrained in self._open:
                self._held.setdefault(stub.layer, []).append((stub, result, answer))
                return
            task, _ = self._open.pop(stub.key)
            record = with_change(settled_record(stub, result, answer, task), self.kept.get(untrained))
            before = self.kept.get(stub.key)
            if before is not None and before.wall_time == stub.wall_time and (record.whole is None or record.whole.refused):
                record = msgspec.structs.replace(record, whole=before.whole)  # what was measured is not lost with its judgement
            judged = answer is not None and answer.complete and record.phi is not None
            if before is not None and before.wall_time == stub.wall_time and before.phi is not None and not judged:
                why = answer.notes[-1] if answer is not None and result.phi is not None else result.reason
                log.warning("The Φ of layer %r in %s was not judged: %s", stub.layer, stub.when, why)
                record, result = before, before.result
            self.kept.keep(record)
            held = [] if untrained in self._open else self._held.pop(stub.layer, [])
        unfit = isinstance(result, Failed) and result.code == "executor_unfit"
        if (
            result.phi is None and not is_left_out(result) and not (unfit and result.reason in self._unfit)
        ):  # the same for all analyses that follow
            self._unfit |= {result.reason} if unfit else set()
            log.warning("No Φ for layer %r in %s: %s", record.layer, record.when, result.reason)
        self._journal.write(record, answer.images if answer is not None else {})
        for one in held:
            self.settle(*one)

    def complete(self, record: EpochRecord) -> None:
        """Keeps and writes a record that is complete already, with more in it."""
        with self._lock:
            self.kept.keep(record)
        self._journal.expect(record.key)
        self._journal.write(record, {})

    def drain(self, timeout: float, options: RunOptions) -> bool:
        """Waits for the open analyses and shows the progress.

        Args:
            timeout: the longest wait in seconds.
            options: those of the analyses; where the code of their engines is still to be compiled, it is said.

        Returns:
            True where all analyses ended by themselves, False where some were still open after ``timeout`` seconds.
        """
        with self._lock:
            keys = list(self._open)
        if not keys:
            return True
        compiles = not self.kept.took and any(map(compiles_first, options.engines))
        return drain_in_sight(self._pool, timeout, keys, compiles=compiles)

    def abandon(self, reason: str) -> None:
        """Completes the open records as Failed, with the given reason; they keep their counts, so Φ can be computed later."""
        with self._lock:
            left = list(self._open.values())
        for _, stub in left:
            self.settle(stub, Failed(code="interrupted", reason=reason))
