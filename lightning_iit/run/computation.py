"""The connection of pool, records and journal in one run: captured epochs are computed and written."""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import wait
from functools import partial
from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_warn
from rich.console import Console

from lightning_iit.capture.sensitivity import at_quantiles
from lightning_iit.phi.pool.worker import never
from lightning_iit.report.report import REPORT, markdown, summary_table
from lightning_iit.run.groups import Group
from lightning_iit.run.run import Run
from lightning_iit.snapshot.writer import SnapshotQueue
from lightning_iit.trackers.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records import Records, State, TaskResult, ThresholdCounts
    from lightning_iit.run.options import RunOptions
    from lightning_iit.snapshot.writer import SnapshotWriter
    from lightning_iit.trackers.tracker import Tracker
    from lightning_iit.watch.watch import Watch

log: logging.Logger = logging.getLogger(__name__)

_TICK = 0.2
"""Seconds between two looks at whether an analysis that training waits for has ended."""
_SNAPSHOT_TIMEOUT = 20.0
"""Seconds that network snapshots are given at the end."""
_DELIVERY_TIMEOUT = 60.0
"""Seconds that trackers with problems (a server out of reach) are given at the end, if so many are left."""
_LEAST_DELIVERY = 2.0
"""Seconds that trackers are given at the end where the analyses took all; so those without problems get the last records."""


class Computation:
    """Hands captured epochs to the workers, and the workers' results to the trackers.

    Args:
        options: the options of every analysis.
        pool: computes Φ; closed together with this object.
        trackers: write the records.
        described: every option as text, for the trackers and the report.
        interrupted: says whether the process was asked to end (SIGTERM); no Φ is waited for then.

    Attributes:
        pool: computes Φ.
        journal: hands records to the trackers.
        run: keeps the records and the open analyses.
        closed: whether this object is closed.
        epoch: the latest epoch that has ended, whether or not its counts were analysed; the model now has the weights of this
            epoch's end.
    """

    def __init__(
        self,
        options: RunOptions,
        pool: PhiPool,
        trackers: Sequence[Tracker],
        described: Mapping[str, str],
        interrupted: Callable[[], bool] = never,
    ) -> None:
        self.pool = pool
        self.journal: Journal = Journal(trackers, options=described)
        self.run: Run = Run(options, pool, self.journal)
        self._snapshots = SnapshotQueue(self.journal.write_network)
        self._described = described
        self._interrupted = interrupted
        self.closed: bool = False
        self.epoch: int = -1
        self._deadline = math.inf
        pool.warm_up(options.engine)

    @property
    def records(self) -> Records:
        """Returns the records whose analyses have ended, in order of epoch and layer."""
        return self.run.records

    def submit(
        self,
        watch: Watch,
        captured: Sequence[LayerEpoch],
        *,
        epoch: int,
        global_step: int,
        last: bool,
        analysed: bool = True,
        step: int | None = None,
    ) -> list[Future[TaskResult]]:
        """Submits the captured layers of an epoch, or of a part of it, for analysis.

        Args:
            watch: captured the layers.
            captured: the captured epoch of each layer.
            epoch: the epoch that ended, -1 for the untrained network.
            global_step: the trainer's global step at capture.
            last: whether no epoch follows.
            analysed: False only adds the counts to the windows.
            step: of a capture within an epoch the global step; its counts stay out of the windows. None for a whole epoch.

        Returns:
            The futures of the analyses that are open.
        """
        now = time.time()
        if step is None:
            if watch.snapshots is not None:
                self._draw(watch.snapshots, epoch, global_step)
            self.epoch = epoch
        futures = []
        for layer in captured:
            captures = enumerate((layer, *layer.groups))
            first, *groups = [self._group(watch, part, number, epoch, step, analysed=analysed) for number, part in captures]
            if not analysed:
                continue
            perturbed = first.causal is not None
            future = self.run.submit(
                *first[:3],
                epoch=epoch,
                global_step=global_step,
                wall_time=now,
                step=step,
                last=last,
                at_thresholds=partial(
                    self._at_thresholds, watch, first.captured, first.states[:1], epoch=epoch, perturbed=perturbed
                ),
                groups=groups,
            )
            futures.append(future)
        return [future for future in futures if future is not None]

    def _draw(self, writer: SnapshotWriter, epoch: int, global_step: int) -> None:
        """Has a network snapshot made of what was watched; no fault in it costs an analysis."""
        try:
            if (draft := writer.draft(epoch=epoch, global_step=global_step)) is not None:
                self._snapshots.put(draft)
        except Exception:
            log.exception("The network of epoch %d could not be copied for its snapshot; training goes on without it.", epoch)

    def _group(self, watch: Watch, captured: LayerEpoch, number: int, epoch: int, step: int | None, *, analysed: bool) -> Group:
        """Adds one group's counts to its window, chooses its states and, where the layer is perturbed, makes the perturbation."""
        counts = self.run.collect(captured, epoch=epoch, group=number) if step is None else captured.counts
        if not analysed:
            return Group(captured, counts, None, ())
        observed = watch.perturber.observed(captured)
        states = self.run.states(observed, counts)
        causal = watch.perturber.perturb(observed, states[0]) if states else None
        if causal is None and states:  # watched: a unit that was not set and never changed says nothing
            observed, counts = self.run.limit(observed, counts, group=number, within=step is not None)
            states = self.run.states(observed, counts)
        return Group(observed, counts, causal, states)

    def _at_thresholds(
        self, watch: Watch, captured: LayerEpoch, states: Sequence[State], *, epoch: int, perturbed: bool
    ) -> tuple[ThresholdCounts, ...]:
        """Counts an epoch's transitions at other thresholds; none for a perturbation if a later epoch has changed the weights."""
        if not states or (perturbed and epoch != self.epoch):
            return ()
        try:
            return tuple(at_quantiles(captured, states[0], watch.perturber if perturbed else None))
        except Exception:
            log.exception("Layer %r of epoch %d could not be counted with other thresholds.", captured.layer, epoch)
            return ()

    def wait(self, futures: Sequence[Future[TaskResult]], limit: float | None) -> None:
        """Waits for analyses, and ends the wait where the process was asked to end.

        Args:
            futures: of the analyses, as :meth:`submit` returned them.
            limit: the longest wait in seconds; None waits as long as an analysis takes.
        """
        deadline = math.inf if limit is None else time.monotonic() + limit
        while wait(futures, _TICK).not_done and not self._interrupted():
            if time.monotonic() > deadline:
                rank_zero_warn(f"IITCallback(when_busy='wait'): an analysis did not end within {limit:g} s; training goes on.")
                return

    def judge_last(self) -> None:
        """Judges the last Φ of each layer; does nothing where no time is left or the process was asked to end."""
        if self._left > 0 and not self._interrupted():
            self.run.judge_last()

    def finish(self, timeout: float, after: str = "training") -> None:
        """Waits for the open analyses and warns of those that are still open afterwards.

        Args:
            timeout: the seconds that everything at the end may take, from the first call on: later calls and :meth:`close` have
                what is left of them.
            after: the event from which the seconds count, for the warning.
        """
        self._deadline = min(self._deadline, time.monotonic() + timeout)
        if self.closed or self.run.drain(min(timeout, self._left)):
            return
        if self._interrupted():
            rank_zero_warn(
                "IITCallback: the process was asked to end (SIGTERM), so no open analysis was waited for. The counts are in their "
                "records: `lightning-iit phi RECORD` computes them."
            )
        else:
            rank_zero_warn(
                f"drain_timeout={timeout:g}: some analyses were still open {timeout:g} s after {after}. Their counts are in their "
                "records: `lightning-iit phi RECORD` computes them."
            )

    @property
    def _left(self) -> float:
        """Returns the seconds that are left at the end; infinity before :meth:`finish`."""
        return max(0.0, self._deadline - time.monotonic())

    def report(self, records: Records, *, table: bool) -> None:
        """Writes the report ``iit/report.md`` of the run; does nothing without records of whole epochs.

        Args:
            records: the records of the run.
            table: whether the table of the last epoch is also printed to stderr.
        """
        if not any(record.step is None for record in records):
            return
        self.journal.attach(REPORT, markdown(records, self._described).encode())
        if table:
            Console(stderr=True).print(summary_table(records))

    def close(self, *, failed: bool = False) -> None:
        """Ends the workers and closes the journal; a second call does nothing.

        Snapshots and trackers have what is left of the seconds of :meth:`finish`; trackers have 2 s at least. What does not get
        through by then is said.

        Args:
            failed: whether training broke, for the trackers.
        """
        if not self.closed:
            self.closed = True
            self._interrupted = never  # so that the trainer is not kept
            self.pool.close()
            self._snapshots.close(min(_SNAPSHOT_TIMEOUT, self._left))
            self.journal.close(min(_DELIVERY_TIMEOUT, max(_LEAST_DELIVERY, self._left)), failed=failed)
