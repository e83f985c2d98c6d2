"""Where what was captured is computed and written: the pool, the records and the journal of one run."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_warn
from rich.console import Console

from lightning_iit.capture.sensitivity import at_quantiles
from lightning_iit.report.report import markdown, summary_table
from lightning_iit.run.groups import Group
from lightning_iit.run.run import Run
from lightning_iit.trackers.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records import Records, State, TaskResult, ThresholdCounts
    from lightning_iit.run.options import RunOptions
    from lightning_iit.trackers.tracker import Tracker
    from lightning_iit.watch.watch import Watch

log = logging.getLogger(__name__)

_DELIVERY_TIMEOUT = 60.0
"""Seconds that trackers in trouble (a server that is away) are given at the end; the files are there in any case."""


class Computation:
    """Hands captured epochs to the workers, and their results to the trackers.

    Args:
        options: what is asked of every analysis.
        pool: where Φ is computed; it is closed with this.
        trackers: where records go.
        described: every option as text, for the trackers and the report.

    Attributes:
        closed: whether it has ended.
        epoch: the latest that has ended, whether or not anything of it was handed over: the model has its weights.
    """

    def __init__(self, options: RunOptions, pool: PhiPool, trackers: Sequence[Tracker], described: Mapping[str, str]) -> None:
        self.pool = pool
        self.journal = Journal(trackers, options=described)
        self.run = Run(options, pool, self.journal)
        self._described = described
        self.closed = False
        self.epoch = -1
        pool.warm_up(options.engine)

    @property
    def records(self) -> Records:
        """What is settled so far, in order of epoch and layer."""
        return self.run.records

    def submit(
        self, watch: Watch, captured: Sequence[LayerEpoch], *, epoch: int, global_step: int, last: bool, analysed: bool = True
    ) -> list[Future[TaskResult]]:
        """Hands an epoch's counts over.

        Args:
            watch: what captured them.
            captured: of each layer.
            epoch: the epoch that ended, -1 for the untrained network.
            global_step: at capture.
            last: no epoch follows.
            analysed: False only takes the counts into the window.

        Returns:
            The analyses that are open.
        """
        now = time.time()
        if watch.snapshots is not None:
            watch.snapshots.send(self.journal.write_network, epoch=epoch, global_step=global_step)
        self.epoch = epoch
        futures = []
        for layer in captured:
            captures = enumerate((layer, *layer.groups))
            first, *groups = [self._group(watch, part, number, epoch, analysed=analysed) for number, part in captures]
            if not analysed:
                continue
            perturbed = first.causal is not None
            future = self.run.submit(
                *first[:3],
                epoch=epoch,
                global_step=global_step,
                wall_time=now,
                last=last,
                at_thresholds=partial(
                    self._at_thresholds, watch, first.captured, first.states[:1], epoch=epoch, perturbed=perturbed
                ),
                groups=groups,
            )
            futures.append(future)
        return [future for future in futures if future is not None]

    def _group(self, watch: Watch, captured: LayerEpoch, number: int, epoch: int, *, analysed: bool) -> Group:
        """One group of a layer's units: its counts over the window and, where it can be set into its states, what follows them."""
        counts = self.run.collect(captured, epoch=epoch, group=number)
        if not analysed:
            return Group(captured, counts, None, ())
        observed = watch.perturber.observed(captured)
        states = self.run.states(observed, counts)
        return Group(observed, counts, watch.perturber.perturb(observed, states[0]) if states else None, states)

    def _at_thresholds(
        self, watch: Watch, captured: LayerEpoch, states: Sequence[State], *, epoch: int, perturbed: bool
    ) -> tuple[ThresholdCounts, ...]:
        """The transitions of an epoch with other thresholds; none where a later epoch has changed what is perturbed."""
        if not states or (perturbed and epoch != self.epoch):
            return ()
        try:
            return tuple(at_quantiles(captured, states[0], watch.perturber if perturbed else None))
        except Exception:
            log.exception("Layer %r of epoch %d could not be counted with other thresholds.", captured.layer, epoch)
            return ()

    def finish(self, timeout: float, after: str = "training") -> None:
        """Waits for the open analyses; what is open so many seconds ``after`` something ends with that reason."""
        if not self.closed and not self.run.drain(timeout):
            rank_zero_warn(
                f"drain_timeout={timeout:g}: some analyses were still open {timeout:g} s after {after}. Their counts are in their "
                "records: `lightning-iit phi RECORD` computes them."
            )

    def report(self, records: Records, *, table: bool) -> None:
        """Writes ``iit/report.md`` and shows the last epoch's table."""
        if not records:
            return
        self.journal.attach("report.md", markdown(records, self._described).encode())
        if table:
            Console(stderr=True).print(summary_table(records))

    def close(self, *, failed: bool = False) -> None:
        """Ends the workers and the writer; a second call does nothing."""
        if not self.closed:
            self.closed = True
            self.pool.close()
            self.journal.close(_DELIVERY_TIMEOUT, failed=failed)
