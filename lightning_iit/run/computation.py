"""The connection of pool, records and journal in one run: captured epochs are computed and written."""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lightning.pytorch.utilities import rank_zero_warn
from rich.console import Console

from lightning_iit.phi.pool.worker import never
from lightning_iit.records import Skipped
from lightning_iit.records.names import OPTIONS
from lightning_iit.report.report import REPORT, markdown
from lightning_iit.report.tables import summary
from lightning_iit.run.budget.turns import LEFT_OUT, left_out_words
from lightning_iit.run.perturbations import Perturbations, behind_words
from lightning_iit.run.run import Run
from lightning_iit.run.survey import Group
from lightning_iit.run.told_options import ToldOptions
from lightning_iit.snapshot.writer import SnapshotQueue
from lightning_iit.trackers.files import options_json
from lightning_iit.trackers.journal import Journal
from lightning_iit.watch.guard import training_goes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records import Counts, Records, TaskResult
    from lightning_iit.records.steering.commands import Answer
    from lightning_iit.run.options import RunOptions
    from lightning_iit.run.resume import EarlierPart
    from lightning_iit.run.run import Asked
    from lightning_iit.snapshot.writer import SnapshotWriter
    from lightning_iit.trackers.tracker import Tracker
    from lightning_iit.watch.watch import Watch

log: logging.Logger = logging.getLogger(__name__)

_TICK = 0.2
"""Seconds between two looks at whether an analysis that training waits for has ended."""
_PERTURBING_WAIT = 0.05
"""Seconds that training waits at an epoch's end where so many are open; the epoch is then left out."""
_PERTURBING_TIMEOUT = 30.0
"""Seconds that a further fit waits for the perturbations of epochs that have ended, which take less than a second each."""
_CHECKPOINT_TIMEOUT = 0.05
"""Seconds that a checkpoint waits for them; the folder gets the records of those that are open then."""
_LAST_PERTURBING = 10.0
"""Seconds that these perturbations are given where the process was asked to end; without them an epoch has no counts."""
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
        run: makes records and tasks, and keeps the open analyses and the records of those that have ended.
        closed: whether this object is closed.
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
        self._perturbations = Perturbations(self.run)
        self._told = ToldOptions(described)
        self._interrupted = interrupted
        self.closed: bool = False
        self._deadline = math.inf
        pool.warm_up(options.engine, options.formalisms)

    @property
    def records(self) -> Records:
        """Returns the records whose analyses have ended, in order of epoch and layer."""
        return self.run.analyses.records

    def part(self, *, waits: bool = True) -> EarlierPart:
        """Returns what a run that goes on takes over from this one.

        Args:
            waits: whether it waits for the epochs whose perturbation is open. A checkpoint does not, since training waits for it;
                it has the keys of these epochs, and the folder gets their records.
        """
        still = self._perturbations.left(_PERTURBING_TIMEOUT if waits else _CHECKPOINT_TIMEOUT)
        return replace(self.run.part(), perturbing=still)

    def epoch_ended(self, epoch: int) -> None:
        """Notes that an epoch has ended, whether or not its counts are analysed: the model now has the weights of its end."""
        self._perturbations.epoch = epoch

    def change(self, options: RunOptions, described: Mapping[str, str], *, anew: Collection[str], epoch: int) -> None:
        """Takes other options for all epochs from one on; the trackers' file of options then has these.

        Args:
            options: the options of every analysis.
            described: every option as text.
            anew: the layers whose units are chosen anew, or that are watched no more.
            epoch: the first epoch of these options.
        """
        self.run.change(options, anew)
        self._told.change(described, epoch)
        self.journal.attach(OPTIONS, options_json(described))

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
        asked: Asked | None = None,
        waits: bool = False,
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
            asked: what somebody asked of this analysis; None for one of the run's own.
            waits: whether to wait until each layer can be perturbed, however long the perturbations of earlier epochs take.
                Otherwise the layer may be left out in this epoch, unless it is the last one or somebody asked.

        Returns:
            The futures of the analyses that are open.
        """
        now = time.time()
        until = math.inf if waits else time.monotonic() + _PERTURBING_WAIT
        if step is None:
            if watch.snapshots is not None:
                self._draw(watch.snapshots, epoch, global_step)
            self.epoch_ended(epoch)
        futures: list[Future[Any]] = []
        future: Future[Any] | None
        names = [layer.layer for layer in captured] if analysed else []
        turn = self.run.turn(names, all_of_them=last or epoch < 0 or asked is not None)
        for layer in captured:
            parts = (layer, *layer.groups)
            counts = [
                self.run.collect(part, epoch=epoch, group=number) if step is None else part.counts
                for number, part in enumerate(parts)
            ]
            if not analysed:
                continue
            opened = partial(
                self.run.submit,
                epoch=epoch,
                global_step=global_step,
                wall_time=now,
                step=step,
                last=last,
                asked=asked,
                options=self.run.options,  # what a layer's perturbation hands over later is of this epoch
            )
            # A job copies the layer's weights.
            job = watch.perturber.job(layer.layer) if layer.layer in turn else None
            if layer.layer not in turn:
                future = self._leave_out(parts, counts, opened, Skipped(code=LEFT_OUT, reason=self._left_out_words))
            elif job is None or not job.resamples:
                groups = [self._group(watch, *each, step, asked) for each in zip(range(len(parts)), parts, counts, strict=True)]
                perturber = None if groups[0].causal is None else watch.perturber
                at = partial(self._perturbations.at_thresholds, perturber, groups[0], epoch)
                future = opened(groups, at_thresholds=at)
            elif job.needs_module:
                future = self._perturbations.perturb(job, parts, counts, opened, epoch, asked)
            elif (open_before := self._perturbations.behind(job, until)) and not last and asked is None:
                future = self._leave_out(parts, counts, opened, behind_words(open_before))
            else:
                key = (now, layer.layer, epoch) if step is None else (now, layer.layer, epoch, step)
                future = self._perturbations.start(key, job, parts, counts, opened, epoch, asked)
            if future is not None:
                futures.append(future)
        return futures

    def _leave_out(
        self,
        parts: Sequence[LayerEpoch],
        counts: Sequence[Counts | None],
        opened: Callable[..., Future[TaskResult] | None],
        why: Skipped,
    ) -> Future[TaskResult] | None:
        """Completes the record of a layer that is not analysed in this epoch."""
        with training_goes_on("leaving a layer out"):
            return opened([Group(part, each, why, ()) for part, each in zip(parts, counts, strict=True)])
        return None

    @property
    def _left_out_words(self) -> str:
        """Returns why a layer is left out in an epoch."""
        return left_out_words(self.run.options.budget or 0.0)

    def _draw(self, writer: SnapshotWriter, epoch: int, global_step: int) -> None:
        """Has a network snapshot made of what was watched; no fault in it costs an analysis."""
        try:
            if (draft := writer.draft(epoch=epoch, global_step=global_step)) is not None:
                self._snapshots.put(draft)
        except Exception:
            log.exception("The network of epoch %d could not be copied for its snapshot; training goes on without it.", epoch)

    def _group(
        self,
        watch: Watch,
        number: int,
        captured: LayerEpoch,
        counts: Counts | None,
        step: int | None,
        asked: Asked | None = None,
    ) -> Group:
        """Chooses the states of a group and, where the layer is perturbed at a fixed background, makes the perturbation."""
        observed = watch.perturber.observed(captured)
        states = self.run.states(observed, counts, asked)
        causal = watch.perturber.perturb(observed, states[0]) if states else None
        if causal is None and states:  # watched: a unit that was not set and never changed says nothing
            within = step is not None
            observed, counts = self.run.limit(observed, counts, group=number, within=within, asked=asked is not None)
            if asked is not None and asked.state is not None and observed.kept is not None:
                asked = asked._replace(state=tuple(asked.state[place] for place in observed.kept))
            states = self.run.states(observed, counts, asked)
        return Group(observed, counts, causal, states)

    def wait(self, futures: Sequence[Future[Any]], limit: float | None) -> None:
        """Waits for analyses, and for those that follow a perturbation; ends the wait where the process was asked to end.

        Args:
            futures: of the analyses, as :meth:`submit` returned them.
            limit: the longest wait in seconds; None waits as long as an analysis takes.
        """
        deadline = math.inf if limit is None else time.monotonic() + limit
        left = set(futures)
        while left and not self._interrupted():
            done, left = wait(left, _TICK)
            left |= {future.result() for future in done if not future.cancelled() and isinstance(future.result(), Future)}
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
        first, began = self._deadline == math.inf, time.monotonic()
        self._deadline = min(self._deadline, began + timeout)
        self._end_perturbing(min(timeout, self._left), after)
        # Where nothing had to be waited for so far, a message names the number that was given.
        limit = timeout if first and time.monotonic() - began < _TICK else min(timeout, self._left)
        if self.closed or self.run.drain(limit):
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

    def abandon(self, reason: str) -> None:
        """Completes the open records as Failed, with the given reason, once the epochs that have ended are perturbed."""
        self._end_perturbing(_LAST_PERTURBING, "training")
        self.run.analyses.abandon(reason)

    def _end_perturbing(self, timeout: float, after: str) -> None:
        """Waits for the perturbations of ended epochs."""
        self._perturbations.end(_LAST_PERTURBING if self._interrupted() else max(timeout, _LAST_PERTURBING), after)

    @property
    def _left(self) -> float:
        """Returns the seconds that are left at the end; infinity before :meth:`finish`."""
        return max(0.0, self._deadline - time.monotonic())

    def report(self, records: Records, *, table: bool, told: Sequence[Answer] = ()) -> None:
        """Writes the report ``iit/report.md`` of the run; does nothing without records of whole epochs.

        Args:
            records: the records of the run.
            table: whether the table of the last epoch, with the answers, is also printed to stderr.
            told: the answers to what the training was told while it ran.
        """
        if not any(record.step is None for record in records):
            return
        self.journal.attach(REPORT, markdown(records, self._told.texts, told).encode())
        if table:
            Console(stderr=True).print(summary(records))

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
            self._perturbations.close()
            self.pool.close()
            self._snapshots.close(min(_SNAPSHOT_TIMEOUT, self._left))
            self.journal.close(min(_DELIVERY_TIMEOUT, max(_LEAST_DELIVERY, self._left)), failed=failed)
