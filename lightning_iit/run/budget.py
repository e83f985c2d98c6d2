"""The budget of what a Φ is judged by: nulls have their share of the training time, and the last epoch has all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from lightning_iit.job.judgement import analyses_for
from lightning_iit.records import Judge, ThresholdCounts
from lightning_iit.tpm.counts import QUANTILES
from lightning_iit.tpm.intervals import DRAWS

if TYPE_CHECKING:
    from lightning_iit.records import PhiTask
    from lightning_iit.tpm.nulls import NullName

AtThresholds: TypeAlias = Callable[[], tuple[ThresholdCounts, ...]]
"""Counts the transitions of a layer's last epoch with other thresholds."""

_SECONDS_OF_THE_LAST = 30.0
"""The interval, the curve and other thresholds of the last epoch are computed where they take no longer than this."""


class Budget:
    """Says what each Φ is judged by.

    Args:
        null: the name of the null; with None no Φ is judged.
        surrogates: how many it has.
        share: of the time since this budget was made that nulls may take.
        clock: seconds, from any start.
    """

    def __init__(
        self,
        *,
        null: NullName | None = "cut",
        surrogates: int = 19,
        share: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._null = null
        self._surrogates = surrogates
        self._share = share
        self._clock = clock
        self._started = clock()
        self._spent = 0.0

    def judge(self, task: PhiTask, seconds: float) -> Judge | None:
        """What a task's Φ is judged by, which is taken off the budget; None for nothing.

        Args:
            task: with at least one state.
            seconds: what one analysis takes.
        """
        if self._null is None or len(task.states[0]) < 2:
            return None
        cost = self._surrogates * seconds
        if cost > self._share * (self._clock() - self._started) - self._spent:
            return None
        self._spent += cost
        return Judge(null=self._null, surrogates=self._surrogates)

    def judge_last(self, task: PhiTask, seconds: float, at_thresholds: AtThresholds) -> Judge | None:
        """What the last Φ of a layer is judged by: always the null and, where there is time for them, all the rest.

        Args:
            task: with at least one state.
            seconds: what one analysis takes.
            at_thresholds: counts the transitions with other thresholds.
        """
        if self._null is None or len(task.states[0]) < 2:
            return None
        judge = Judge(null=self._null, surrogates=self._surrogates)
        self._spent += self._surrogates * seconds
        if len(QUANTILES) * seconds <= _SECONDS_OF_THE_LAST:
            judge = msgspec.structs.replace(judge, thresholds=at_thresholds())
        everything = msgspec.structs.replace(judge, interval_draws=DRAWS, curve=True)
        more = analyses_for(msgspec.structs.replace(task, judge=everything)) - self._surrogates
        return everything if more * seconds <= _SECONDS_OF_THE_LAST else judge
