"""The time budget of judgements, which decides for each Φ whether a null, an interval and a curve are computed.

A null is computed while all nulls together take at most a share of the training time; the last epoch always gets its null. Those of
whole layers are charged to it too, and search their partition anew within it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from lightning_iit.job.formalisms import options_for, together
from lightning_iit.job.judgement import analyses_for
from lightning_iit.job.numbers import STATES_RESAMPLED
from lightning_iit.job.survey import FEWEST_RESAMPLES
from lightning_iit.phi.many import ComputesMany
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import Judge, ThresholdCounts
from lightning_iit.run.budget.turns import Spent, Turns
from lightning_iit.tpm.counts import QUANTILES
from lightning_iit.tpm.intervals import DRAWS
from lightning_iit.whole.cost import one_draw, search_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records import PhiTask
    from lightning_iit.records.whole.tasks import WholeTask
    from lightning_iit.tpm.nulls import NullName

AtThresholds: TypeAlias = Callable[[], tuple[ThresholdCounts, ...]]
"""A function that counts the transitions of a layer's last epoch at other thresholds."""

RESAMPLES = 50
"""So many resamples of the sequences an epoch's survey has, where the budget allows; fewer, down to 20, where it allows these."""
RESAMPLES_AT_THE_ENDS = 200
"""So many the survey of the untrained network and that of the last epoch have."""
_SEARCHED = 40
"""Up to how many units the null of the last epoch searches the partition of a whole layer anew."""
_SECONDS_OF_THE_LAST = 30.0
"""The interval, the curve and other thresholds of the last epoch are computed where they take at most so many seconds."""


def seconds_of_further(task: PhiTask) -> float:
    """Estimates the seconds of one analysis by all further formalisms of a task that need a search beside that of the first one."""
    apart = [one for one in task.further if one not in together(task)]
    engines = [choose_engine(task.engine, options_for(task.options, one)) for one in apart]
    each = [engine.seconds(len(task.states[0])) for engine in engines]
    # An engine that computes many Φ at once makes one search for all of them.
    return max(each, default=0.0) if all(isinstance(engine, ComputesMany) for engine in engines) else sum(each)


class Budget:
    """Decides which checks run for each Φ.

    A Φ gets a null if its time fits into the budget: ``share`` x elapsed time, less the time of earlier nulls. The last Φ of each
    layer always gets its null, and also Φ at other thresholds, an interval and a curve if these take at most 30 s. All of these are
    of the first formalism only; resamples are analysed by further formalisms too where the time is enough. Several threads may ask
    at once.

    With ``total`` the share is that of all analyses together. Where they do not all fit, layers and epochs take turns (see
    :class:`Turns`), and no check is made meanwhile but those of the ends.

    Args:
        null: the name of the null; "auto" is "cut" for what was watched, and none where units were set. With None no Φ is judged.
        surrogates: how many surrogates each null has.
        share: the share of the time since this budget was made that nulls (and other thresholds) may take, 0 or more.
        thresholds: whether Φ at other thresholds is wanted of each Φ, and not only of the last one.
        total: the share that all analyses together may take; None where each is made, and ``share`` holds for the checks alone.
        clock: returns seconds since any fixed moment.
    """

    def __init__(
        self,
        *,
        null: NullName | Literal["auto"] | None = "auto",
        surrogates: int = 19,
        share: float = 0.25,
        thresholds: bool = False,
        total: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._null = null
        self._surrogates = surrogates
        self._total = total
        self._share = share if total is None else total
        self._thresholds = thresholds
        self._turns = Turns()
        self._crowded = False
        self._clock = clock
        self._started = clock()
        self._spent = 0.0
        self._lock = threading.Lock()

    def change(self, *, null: NullName | Literal["auto"] | None, surrogates: int) -> None:
        """Takes another null, and another number of surrogates, for every Φ that is judged from now on."""
        self._null, self._surrogates = null, surrogates

    @property
    def spent(self) -> Spent | None:
        """Returns what a run that goes on must know of the budget of all analyses; None where there is none."""
        with self._lock:
            return None if self._total is None else self._turns.spent(self._left)

    def go_on(self, spent: Spent) -> None:
        """Continues with what an earlier part of the run has spent."""
        with self._lock:
            self._turns = Turns(spent)
            self._spent -= spent.left

    def turn(self, layers: Sequence[str], *, all_of_them: bool) -> list[str]:
        """Chooses the layers that are analysed now; without a budget of all analyses these are all.

        Args:
            layers: the layers, in the order of the model.
            all_of_them: whether none may be left out; these analyses are paid for, and are nobody's turn.
        """
        with self._lock:
            if self._total is None or all_of_them:
                return list(layers)
            chosen = self._turns.choose(layers, self._left)
            self._crowded = len(chosen) < len(layers)
            return chosen

    def charge(self, layer: str, part: str, seconds: float) -> None:
        """Takes a part of a layer's analysis off the budget of all analyses."""
        with self._lock:
            if self._total is not None:
                self._spent += self._turns.cost(layer, part, seconds)

    def charge_analysis(self, task: PhiTask, seconds: float) -> None:
        """Takes the analyses of a task off the budget of all analyses, of all groups and states, without what judges them.

        Args:
            task: the task, with its survey.
            seconds: the time of one analysis by the task's first formalism.
        """
        analyses = max(len(task.states), sum(len(group.states) for group in task.survey))
        self.charge(task.layer, "analyses", analyses * (seconds + seconds_of_further(task)))

    def _null_of(self, task: PhiTask) -> NullName | None:
        """Returns the null of a task; None where there is none.

        Neither units that were set, whose rows share their errors, nor a candidate system among the units has one.
        """
        if self._null is None or len(task.states[0]) < 2 or task.kind == "causal" or task.options.nodes is not None:
            return None
        return "cut" if self._null == "auto" else self._null

    def resamples(self, task: PhiTask, seconds: float, *, first: bool, last: bool) -> tuple[int, bool]:
        """Decides how many resamples of the sequences the survey of a task has.

        Those of the untrained network and of the last epoch have 30 s of their own; the time of others is taken off the budget.

        Args:
            task: the task, with its survey.
            seconds: the time of one analysis by the task's first formalism.
            first: whether the network is untrained.
            last: whether no epoch follows.

        Returns:
            200 for the first and the last epoch; for others up to 50, as many as fit into the budget, and 0 where 20 do not fit
            or the units were watched; and whether the time is enough for the further formalisms to analyse them too.
        """
        analyses = sum(min(len(group.states), STATES_RESAMPLED) for group in task.survey)
        if task.kind != "causal" or not analyses:
            return 0, False
        each, more = analyses * seconds, analyses * seconds_of_further(task)
        if not (first or last):
            number = self._affordable(each)
            return number, bool(number) and self._affords(number * more)
        if RESAMPLES_AT_THE_ENDS * each > _SECONDS_OF_THE_LAST:
            return 0, False
        return RESAMPLES_AT_THE_ENDS, RESAMPLES_AT_THE_ENDS * (each + more) <= _SECONDS_OF_THE_LAST

    def whole(self, task: WholeTask | None, *, always: bool, last: bool) -> WholeTask | None:
        """Decides whether the nulls of a whole layer search the partition anew in each surrogate; takes off their time.

        Nulls that hold the partition are computed in each epoch, and their time is taken off the budget too. A search is made where
        it fits into the budget: at the last epoch of up to 40 units, where it may take 30 s in any case, or when it was asked for.

        Args:
            task: what is computed of a whole layer; None for nothing.
            always: whether a search was asked for, in each epoch and of any number of units.
            last: whether no epoch follows.

        Returns:
            The task, with a note where the time was not enough for a search.
        """
        if task is None:
            return None
        self._spend(task.surrogates * one_draw(task))
        units = len(task.series.units)
        cost = task.surrogates * search_seconds(units, task.names)
        if not cost or not (always or (last and units <= _SEARCHED)):
            return task
        left = self._left
        if self._affords(cost) or (last and cost <= _SECONDS_OF_THE_LAST):
            return msgspec.structs.replace(task, searched=True)
        note = (
            f"The nulls hold the partition: to search it anew in {task.surrogates} surrogates takes about {cost:.2g} s, and "
            f"{max(0.0, left):.2g} s are left of extra_budget."
        )
        return msgspec.structs.replace(task, notes=(*task.notes, note))

    @property
    def _left(self) -> float:
        """Returns how many seconds are left of the budget."""
        return self._share * (self._clock() - self._started) - self._spent

    @property
    def _left_for_checks(self) -> float:
        """Returns how many seconds are left for nulls, resamples and other thresholds."""
        return 0.0 if self._crowded else self._left

    def _affordable(self, each: float) -> int:
        """Returns how many resamples of so many seconds fit into the budget, and takes them off it; 0 where 20 do not fit."""
        with self._lock:
            number = int(min(RESAMPLES, self._left_for_checks / each))
            if number < FEWEST_RESAMPLES:
                return 0
            self._spent += number * each
            return number

    def _affords(self, cost: float) -> bool:
        """Says whether so many seconds fit into the budget, and if so takes them off it."""
        with self._lock:
            if cost > self._left_for_checks:
                return False
            self._spent += cost
            return True

    def _spend(self, cost: float) -> None:
        """Takes so many seconds off the budget, whatever is left of it."""
        with self._lock:
            self._spent += cost

    def judge(self, task: PhiTask, seconds: float, at_thresholds: AtThresholds = tuple) -> Judge | None:
        """Decides whether the null of a task's Φ, and where wanted other thresholds, fit into the budget; takes off their time.

        Args:
            task: the task, with at least one state.
            seconds: the time of one analysis.
            at_thresholds: counts the transitions at other thresholds; called only where these are wanted and there is time.

        Returns:
            The judgement to compute; None where nothing fits or is wanted, or the state has fewer than two elements.
        """
        null = self._null_of(task)
        judge = None
        if null is not None and self._affords(self._surrogates * seconds):
            judge = Judge(null=null, surrogates=self._surrogates)
        if self._thresholds and len(task.states[0]) > 1 and self._affords(len(QUANTILES) * seconds):
            judge = msgspec.structs.replace(judge or Judge(surrogates=0), thresholds=at_thresholds())
        return judge

    def judge_last(self, task: PhiTask, seconds: float, at_thresholds: AtThresholds) -> Judge | None:
        """Decides how the last Φ of a layer is judged: always by its null, and by further checks if these take at most 30 s.

        The further checks are Φ at other thresholds, the interval, the curve and ties. Where all of them together take longer, only
        Φ at other thresholds is computed, if this alone takes at most 30 s. The time of the null is taken off the budget.

        Args:
            task: the task, with at least one state.
            seconds: the time of one analysis.
            at_thresholds: counts the transitions at other thresholds; called only where there is time for these analyses.

        Returns:
            The judgement to compute; None where there is no null, or the state has fewer than two elements.
        """
        null = self._null_of(task)
        if self._null is None or len(task.states[0]) < 2:
            return None
        judge = Judge(surrogates=0) if null is None else Judge(null=null, surrogates=self._surrogates)
        self._spend(judge.surrogates * seconds)
        if len(QUANTILES) * seconds <= _SECONDS_OF_THE_LAST:
            judge = msgspec.structs.replace(judge, thresholds=at_thresholds())
        more_of_it = {"ties": True} if null is None else {"ties": True, "interval_draws": DRAWS, "curve": True}
        everything = msgspec.structs.replace(judge, **more_of_it)
        more = analyses_for(msgspec.structs.replace(task, judge=everything)) - judge.surrogates
        return everything if more * seconds <= _SECONDS_OF_THE_LAST else judge
