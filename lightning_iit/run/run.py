"""The way from captured epochs to tasks: a record is opened for each, and whether its Φ is judged is decided."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from lightning_iit.capture.count.coding import TWO_BITS
from lightning_iit.job.split import with_parts
from lightning_iit.phi.cost import cost_in_words, seconds_in_words
from lightning_iit.records import (
    EpochRecord,
    Failed,
    PhiTask,
    Records,
    Skipped,
    State,
    Survey,
    TaskResult,
)
from lightning_iit.run.budget.judgements import AtThresholds, Budget
from lightning_iit.run.options import RunOptions
from lightning_iit.run.request import open_record, package_versions, phi_task, reopened, whole_task
from lightning_iit.run.results.analyses import Analyses
from lightning_iit.run.resume import EarlierPart
from lightning_iit.run.survey import NO_MOMENTS, Group, draw, survey_group
from lightning_iit.run.varying import VaryingUnits
from lightning_iit.run.windows import Watched, Window
from lightning_iit.tpm.states import choose_states
from lightning_iit.tpm.varying import dynamics_of
from lightning_iit.whole.cost import layer_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from concurrent.futures import Future

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records import Counts, Dynamics
    from lightning_iit.trackers.journal import Journal

log: logging.Logger = logging.getLogger(__name__)


class FewTransitionsWarning(UserWarning):
    """Warns of fewer than 100 transitions for each possible state."""


class TwoBitsWarning(UserWarning):
    """Warns that each unit is coded as two elements, which are not separate causal elements."""


class Asked(NamedTuple):
    """Holds what somebody asked of an analysis while training goes on.

    Args:
        options: the options of this analysis.
        state: the state to analyse; None for those that the options choose.
        note: who asked, in a sentence, for the record.
    """

    options: RunOptions
    state: State | None
    note: str


class _Unjudged(NamedTuple):
    """Holds the newest analysis of a layer, which is judged once its epoch has turned out to be the last one.

    Args:
        task: the task, with the activations of the whole layer, where these are measured.
        stub: its record, as it was opened.
        at_thresholds: counts the transitions of its epoch at other thresholds.
        drawn: draws resamples and single moments of it.
    """

    task: PhiTask
    stub: EpochRecord
    at_thresholds: AtThresholds
    drawn: Callable[..., dict[str, Any]]


class Run:
    """Makes records and tasks of the captured epochs of one training run.

    Args:
        options: the options of every analysis.
        pool: computes the tasks.
        journal: writes the records.

    Attributes:
        analyses: the open analyses, and the records of those that have ended.
    """

    def __init__(self, options: RunOptions, pool: PhiPool, journal: Journal) -> None:
        self._options = options
        self._pool = pool
        self._journal = journal
        self._lock = threading.RLock()
        self.analyses: Analyses = Analyses(pool, journal, self._lock, timed=options.timed)
        self._windows: dict[Watched, Window] = {}
        self._varying = VaryingUnits()
        self._packages = package_versions()
        self._budget = Budget(
            null=options.null_model,
            surrogates=options.surrogates,
            share=options.extra_budget,
            thresholds=options.preset == "paper",
            total=options.budget,
        )
        self._unjudged: dict[str, _Unjudged] = {}
        self._said: set[str] = set()

    @property
    def options(self) -> RunOptions:
        """Returns the options of the analyses that are submitted now."""
        return self._options

    def change(self, options: RunOptions, anew: Collection[str]) -> None:
        """Takes other options for all later epochs.

        Args:
            options: the options.
            anew: the layers whose units are chosen anew, or that are watched no more: what was counted of them is not added to
                what follows.
        """
        with self._lock:
            self._options = options
            self._windows = {key: window for key, window in self._windows.items() if key.layer not in anew}
            self._varying = VaryingUnits({key: units for key, units in self._varying.chosen.items() if key.layer not in anew})
            self._said -= set(anew)
        self._budget.change(null=options.null_model, surrogates=options.surrogates)
        self._pool.warm_up(options.engine, options.formalisms)

    def turn(self, layers: Sequence[str], *, all_of_them: bool) -> list[str]:
        """Chooses the layers that the budget has time for; see :meth:`Budget.turn`."""
        return self._budget.turn(layers, all_of_them=all_of_them)

    def charge(self, layer: str, seconds: float) -> None:
        """Takes the seconds of a layer's perturbation off the budget."""
        self._budget.charge(layer, "perturbation", seconds)

    def collect(self, captured: LayerEpoch, *, epoch: int, group: int = 0) -> Counts | None:
        """Adds the counts of an epoch to the window of the layer, or of a further group of the layer's units.

        Args:
            captured: the layer's (or group's) captured epoch.
            epoch: the epoch that ended.
            group: the number of the group; 0 is the layer's first group.

        Returns:
            The counts over the window; None where nothing was counted. The untrained network (epoch -1) and an epoch that could not
            be captured stay out of the window and get their own counts.
        """
        if captured.problem is not None or captured.counts is None or epoch < 0:
            return captured.counts
        window = self._windows.setdefault(Watched(captured.layer, group), Window(self._options.window))
        window.add(captured.counts, captured.dynamics)
        return window.counts

    def limit(
        self, captured: LayerEpoch, counts: Counts | None, *, group: int = 0, within: bool = False, asked: bool = False
    ) -> tuple[LayerEpoch, Counts | None]:
        """Limits a watched capture and its counts over the window to the units that vary; see :class:`VaryingUnits`.

        Captures ``within`` an epoch have a choice of their own: with fewer transitions fewer units may vary. What somebody
        ``asked`` for has one that is not kept.
        """
        varying = VaryingUnits() if asked else self._varying
        return varying.limit(Watched(captured.layer, group, within), captured, counts)

    def states(self, captured: LayerEpoch, counts: Counts | None, asked: Asked | None = None) -> tuple[State, ...]:
        """Chooses the observed states to analyse; none where no transition was seen."""
        if asked is not None and asked.state is not None:
            return (asked.state,)
        visits = captured.seen
        if not visits and counts is not None and counts.transitions and captured.problem is None:
            visits = counts.visits
        return choose_states(visits, captured.last_state, self._options.states) if visits else ()

    def submit(
        self,
        groups: Sequence[Group],
        *,
        epoch: int,
        global_step: int,
        wall_time: float,
        step: int | None = None,
        last: bool = False,
        at_thresholds: AtThresholds = tuple,
        asked: Asked | None = None,
        options: RunOptions | None = None,
    ) -> Future[TaskResult] | None:
        """Opens the record of one layer's epoch, or of a part of it, and submits its task to the pool.

        Where nothing can be analysed, or the task cannot be made, the record is completed at once with the reason.

        Args:
            groups: the groups of the layer's units; the first one is described in detail.
            epoch: the epoch that ended, -1 for the untrained network.
            global_step: the trainer's global step at capture.
            wall_time: the time of capture, in seconds since 1970.
            step: of a capture within an epoch the global step; None for a whole epoch.
            last: whether no epoch follows; the last Φ of each layer is always judged by its null.
            at_thresholds: counts the transitions of this epoch at other thresholds; called for the last epoch only.
            asked: what somebody asked of this analysis; None for one of the run's own.
            options: those that held when the epoch ended, where a layer is perturbed meanwhile; None for those that hold now.

        Returns:
            The future of the analysis, or None where the record is already complete.
        """
        captured, counts, causal, states, _ = groups[0]
        options = asked.options if asked is not None else options or self._options
        if asked is not None:
            captured = replace(captured, notes=(*captured.notes, asked.note))
        stub = open_record(
            options,
            *(captured, counts, causal),
            epoch=epoch,
            step=step,
            global_step=global_step,
            wall_time=wall_time,
            backlog=self._pool.pending,
            packages=self._packages,
        )
        self.analyses.expect(stub)
        if captured.problem is not None:
            code, reason = captured.problem
            broken = code == "capture_error"
            self.analyses.settle(stub, Failed(code=code, reason=reason) if broken else Skipped(code=code, reason=reason))
            return None
        if isinstance(causal, Skipped):
            self.analyses.settle(stub, causal)
            return None
        if not states:
            reason = f"Layer {captured.layer!r} gave no transition in {stub.when}: it needs two samples or time steps in a row."
            self.analyses.settle(stub, Skipped(code="no_transitions", reason=reason))
            return None
        try:
            surveyed = [group for group in groups if group.captured.units is not None]
            stub = msgspec.structs.replace(stub, survey=Survey(groups=tuple(map(survey_group, surveyed))))
            if options.moments and groups[0].bits is None:
                stub = msgspec.structs.replace(stub, notes=(*stub.notes, NO_MOMENTS))
            dynamics, blocks = self._dynamics(captured, stub), getattr(captured, "blocks", ())
            whole = self._budget.whole(whole_task(options, captured, last=last), always=options.search_null, last=last)
            task = phi_task(options, stub, states, dynamics=dynamics, seen=captured.seen, blocks=blocks, whole=whole)
            drawn = partial(draw, surveyed, seed=options.seed)
            with self._lock:  # layers that are perturbed beside the training come from a thread of their own
                self._say_cost(stub, options)
                seconds = self.analyses.kept.seconds(task)
                if last:
                    self._unjudged.pop(stub.layer, None)
                elif step is None:
                    kept = whole_task(options, captured, last=True)  # the epoch may turn out to be the last one
                    self._unjudged[stub.layer] = _Unjudged(msgspec.structs.replace(task, whole=kept), stub, at_thresholds, drawn)
            self._budget.charge_analysis(task, seconds)
            # Other thresholds may take seconds, in which results are received.
            judge = (self._budget.judge_last if last else self._budget.judge)(task, seconds, at_thresholds)
            number, further = self._budget.resamples(task, seconds, first=epoch < 0, last=last)
            more = drawn(resamples=number, moments=options.moments if epoch < 0 or last else 0)
            task = msgspec.structs.replace(task, judge=judge, resample_further=further, **more)
            return self.analyses.write_and_start(_divided(task, seconds), stub)
        except Exception as error:
            log.exception("Layer %r of %s could not be handed to a worker.", stub.layer, stub.when)
            reason = f"It could not be handed to a worker: {type(error).__name__}: {error}."
            self.analyses.settle(stub, Failed(code="engine_error", reason=reason))
            return None

    def _say_cost(self, stub: EpochRecord, options: RunOptions) -> None:
        """Reports once for each layer what a Φ costs; warns of so few watched transitions that coin flips have Φ > 0 too."""
        if stub.layer in self._said or stub.counts is None or stub.units is None:
            return
        if stub.units.bits == 2 and not self._said:
            rank_zero_warn(f"IITCallback(bits=2): {TWO_BITS}", category=TwoBitsWarning)
        self._said.add(stub.layer)
        n = len(stub.units.indices)
        engine, formalisms = options.engine, options.formalisms
        words, enough = cost_in_words(n, stub.counts.transitions, engine, formalisms)
        if stub.kind == "causal" or enough:
            seconds = seconds_in_words(n, engine, formalisms)
            rank_zero_info(f"IITCallback, layer {stub.layer!r}, {n} units: {seconds}; {stub.data_words}.")
        elif options.auto_units:  # a number that was chosen here is no mistake of the user
            rank_zero_info(f"IITCallback, layer {stub.layer!r}, {words}")
        else:
            rank_zero_warn(f"IITCallback, layer {stub.layer!r}, {words}", category=FewTransitionsWarning)

    def judge_last(self) -> None:
        """Judges the last Φ of each layer where its epoch was not yet known to be the last when it was submitted.

        Each task is submitted again, now with its judgement and that of the whole layer, and the new record replaces the first.
        Layers whose last Φ is not computed are left out.
        """
        for task, stub, at_thresholds, drawn in list(self._unjudged.values()):
            with self._lock:
                computed = self.analyses.kept.is_computed(stub.key)
            if not computed:
                continue
            whole = self._budget.whole(task.whole, always=self._options.search_null, last=True)
            seconds = self.analyses.kept.seconds(task)
            judge = self._budget.judge_last(task, seconds, at_thresholds)
            number, further = self._budget.resamples(task, seconds, first=False, last=True)
            more = drawn(resamples=number, moments=self._options.moments)
            if judge is not None or number or more["moments"] or whole is not None:
                self._journal.expect(stub.key)
                judged = msgspec.structs.replace(task, judge=judge, resample_further=further, whole=whole, **more)
                self.analyses.start(_divided(judged, seconds), stub)
        self._unjudged.clear()

    def _dynamics(self, captured: LayerEpoch, stub: EpochRecord) -> Dynamics | None:
        """Returns the data for the tests of Markov order and stationarity; None for a perturbation, whose states have no order."""
        if stub.kind == "causal":
            return None
        if stub.epoch < 0 or stub.step is not None:
            return captured.dynamics
        window = self._windows[Watched(stub.layer)]
        return window.dynamics if captured.kept is None or window.dynamics is None else dynamics_of(window.dynamics, captured.kept)

    def drain(self, timeout: float) -> bool:
        """Waits for the open analyses; see :meth:`Analyses.drain`."""
        return self.analyses.drain(timeout, self._options)

    def part(self) -> EarlierPart:
        """Returns what a run that goes on takes over from this one."""
        with self._lock:
            return EarlierPart(
                records=self.analyses.ended,
                open=self.analyses.open,
                windows={key: tuple(window.carried) for key, window in self._windows.items()},
                varying=self._varying.chosen,
                spent=self._budget.spent,
            )

    def take_up(self, earlier: EarlierPart) -> None:
        """Continues an earlier part of the run; the analyses that were open are submitted again.

        Trackers that lack the settled records get them again. Trackers that have them get only those again that are younger than
        an open one of their layer, since some trackers need the records of a layer in their order.

        Args:
            earlier: what :meth:`part` returned, or what was read from a checkpoint and a folder.
        """
        with self._lock:
            for record in earlier.records:
                self.analyses.kept.keep(record)
        if earlier.spent is not None:
            self._budget.go_on(earlier.spent)
        self._varying = VaryingUnits(earlier.varying)
        self._windows = {key: Window(self._options.window, epochs) for key, epochs in earlier.windows.items()}
        oldest: dict[str, tuple[int, float]] = {}
        for _, stub in earlier.open:
            oldest[stub.layer] = min(stub.order, oldest.get(stub.layer, stub.order))
        again = [one for one in earlier.records if not earlier.here or oldest.get(one.layer, one.order) < one.order]
        for record in Records.ordered((*again, *(stub for _, stub in earlier.open))):
            self._journal.expect(record.key)
        for record in Records.ordered(again):
            self._journal.write(record, earlier.images(record))
        for task, stub in earlier.open:
            self.analyses.write_and_start(task, reopened(stub))


def _divided(task: PhiTask, seconds: float) -> PhiTask:
    """Returns a task with the parts into which several workers may divide it."""
    return with_parts(task, seconds, None if task.whole is None else layer_seconds(task.whole))
