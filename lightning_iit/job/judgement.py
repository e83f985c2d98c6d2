"""The judgement of a Φ: its null, its interval, its values at other thresholds and at other numbers of transitions."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from lightning_iit.job.analyses import results_for
from lightning_iit.job.numbers import CURVE_PARTS, numbers, parts_of, subsets_of
from lightning_iit.records import (
    Computed,
    CurvePoint,
    Interval,
    NullResult,
    PhiResult,
    PhiTask,
    ThresholdCounts,
    ThresholdPoint,
)
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.tpm.intervals import curve_point, phi_interval, subsample_sizes
from lightning_iit.tpm.nulls import judge, null_scalars

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.records.split.parts import Work

TIES_ANALYSES = 12
"""How many analyses it takes to find out whether Φ depends on ties: those of 10 moved TPMs, and one that finds the margin."""


class Judgement(NamedTuple):
    """Holds the null, interval, curve and sensitivity of one Φ; parts not requested, or not yet computed, are None or empty."""

    null: NullResult | None = None
    """Φ of surrogates under a null hypothesis."""
    interval: Interval | None = None
    """The interval of Φ."""
    curve: tuple[CurvePoint, ...] = ()
    """Φ against the number of transitions."""
    sensitivity: tuple[ThresholdPoint, ...] = ()
    """Φ at other thresholds."""

    @property
    def scalars(self) -> dict[str, float]:
        """Returns what is logged of the judgement: the scalars of the null, and ``phi_low`` and ``phi_high`` of the interval."""
        found = {} if self.null is None else null_scalars(self.null)
        return found if self.interval is None else found | {"phi_low": self.interval.low, "phi_high": self.interval.high}


def analyses_for(task: PhiTask) -> int:
    """Returns how many further analyses the judgement of a task takes."""
    if task.judge is None:
        return 0
    points = len(subsample_sizes(task.counts.transitions)) * CURVE_PARTS if task.judge.curve else 0
    ties = TIES_ANALYSES if task.judge.ties else 0
    return task.judge.surrogates + task.judge.interval_draws + points + len(task.judge.thresholds) + ties


def judge_phi(task: PhiTask, phi: float) -> Iterator[Judgement]:
    """Judges Φ of a task's first state by analyses of the same state with other counts or TPMs.

    Args:
        task: the task; ``task.judge`` says which judgements are wanted.
        phi: Φ of the first state.

    Yields:
        The judgement as far as it is known, once after each step: first the null, then other thresholds, the interval and the
        curve.
    """
    asked, known = task.judge, Judgement()
    if asked is None:
        return
    if asked.surrogates:
        null = judge(phi, _phis(task, "null"), name=asked.null, seed=task.seed)  # type: ignore[arg-type]
        yield (known := known._replace(null=null))
    if asked.thresholds:
        yield (known := known._replace(sensitivity=_sensitivity(task, asked.thresholds)))
    if asked.interval_draws:
        yield (known := known._replace(interval=_interval(task, phi, known.null)))
    if asked.curve:
        yield known._replace(curve=_curve(task))


def with_ties(task: PhiTask, computed: Computed) -> Computed:
    """Adds to the result of a task's first state whether Φ depends on ties; unchanged where that is not wanted.

    The seconds stay those of the analysis alone.
    """
    if task.judge is None or not task.judge.ties:
        return computed
    asked = msgspec.structs.replace(task, options=msgspec.structs.replace(task.options, ties=True))
    (found,) = results_for(asked, [tpm_for_phi(task.counts, task.prior).state_by_node])
    if not isinstance(found, Computed):
        return computed
    return msgspec.structs.replace(
        computed, phi_margin=found.phi_margin, tied_purviews=found.tied_purviews, phi_jitter=found.phi_jitter
    )


def _interval(task: PhiTask, phi: float, null: NullResult | None) -> Interval | None:
    """Computes the interval from resampled parts of the data; where there are too few parts, from the posterior of the counts."""
    parts = len(parts_of(task))
    return phi_interval(phi, _phis(task, "interval"), counts=task.counts, kind=task.kind, null=null, parts=parts, seed=task.seed)


def _curve(task: PhiTask) -> tuple[CurvePoint, ...]:
    """Computes the curve: Φ of random subsets of the data, for ascending numbers of transitions."""
    found = iter(_phis(task, "curve"))
    points = [curve_point(size, list(islice(found, len(subsets)))) for size, subsets in subsets_of(task)]
    return tuple(point for point in points if point is not None)


def _sensitivity(task: PhiTask, asked: Sequence[ThresholdCounts]) -> tuple[ThresholdPoint, ...]:
    """Computes Φ of the same state from the counts at other thresholds."""
    tpms = [tpm_for_phi(other.counts, task.prior) for other in asked]
    results = results_for(task, [tpm.state_by_node for tpm in tpms])
    return tuple(
        ThresholdPoint(
            quantile=other.quantile,
            thresholds=other.thresholds,
            transitions=other.counts.transitions,
            visited=int(tpm.visited.sum()),
            phi=result.phi,
            reason=result.reason,
        )
        for other, tpm, result in zip(asked, tpms, results, strict=True)
    )


def _phis(task: PhiTask, work: Work) -> list[float | None]:
    """Returns Φ of the task's first state by each TPM of one work; None where the state cannot be reached."""
    found = numbers(task, work)[0].phi
    return [None if np.isnan(phi) else phi for phi in found.tolist()]


def group_scalars(results: Sequence[PhiResult]) -> dict[str, float]:
    """Summarises Φ over groups of units, leaving out groups without a Φ.

    Returns:
        ``phi_groups_mean``, ``phi_groups_std`` (standard deviation), ``phi_groups_max`` and ``groups`` (how many groups have a Φ);
        an empty dict where no group has one.
    """
    phis = [result.phi for result in results if isinstance(result, Computed)]
    if not phis:
        return {}
    return {
        "phi_groups_mean": float(np.mean(phis)),
        "phi_groups_std": float(np.std(phis)),
        "phi_groups_max": max(phis),
        "groups": float(len(phis)),
    }
