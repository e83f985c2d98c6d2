"""What a Φ is judged by: its null, its posterior interval, and its dependence on the transitions and on the thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import (
    Computed,
    Counts,
    CurvePoint,
    Interval,
    NullResult,
    PhiResult,
    PhiTask,
    System,
    ThresholdCounts,
    ThresholdPoint,
)
from lightning_iit.tpm.estimate import tpm_from_counts
from lightning_iit.tpm.intervals import curve_point, phi_interval, posterior_draws, subsample_sizes, subsamples
from lightning_iit.tpm.nulls import judge, null_scalars, surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


CURVE_PARTS = 5


class Judgement(NamedTuple):
    """What was computed of it; what was not asked for is None or empty."""

    null: NullResult | None = None
    interval: Interval | None = None
    curve: tuple[CurvePoint, ...] = ()
    sensitivity: tuple[ThresholdPoint, ...] = ()

    @property
    def scalars(self) -> dict[str, float]:
        """What is logged of it."""
        found = {} if self.null is None else null_scalars(self.null)
        return found if self.interval is None else found | {"phi_low": self.interval.low, "phi_high": self.interval.high}


def analyses_for(task: PhiTask) -> int:
    """How many further analyses the judgement of a task takes."""
    if task.judge is None:
        return 0
    points = len(subsample_sizes(task.counts.transitions)) * CURVE_PARTS if task.judge.curve else 0
    return task.judge.surrogates + task.judge.interval_draws + points + len(task.judge.thresholds)


def judge_phi(task: PhiTask, phi: float) -> Iterator[Judgement]:
    """Judges Φ of the first state of a task, by analyses of the same state with other counts or TPMs.

    Args:
        task: with what is asked for in ``task.judge``.
        phi: of the first state.

    Yields:
        What is known, each time that there is more: first the null, then other thresholds, the interval and the curve.
    """
    asked, known = task.judge, Judgement()
    if asked is None:
        return
    if asked.surrogates:
        drawn = surrogates(task.counts, asked.null, number=asked.surrogates, seed=task.seed, prior=task.prior)  # type: ignore[arg-type]
        null = judge(phi, _phis(task, _estimated(task, drawn)), name=asked.null, seed=task.seed)  # type: ignore[arg-type]
        yield (known := known._replace(null=null))
    if asked.thresholds:
        yield (known := known._replace(sensitivity=_sensitivity(task, asked.thresholds)))
    if asked.interval_draws:
        posterior = posterior_draws(task.counts, draws=asked.interval_draws, seed=task.seed)
        interval = phi_interval(phi, _phis(task, posterior), counts=task.counts, kind=task.kind, null=known.null, seed=task.seed)
        yield (known := known._replace(interval=interval))
    if asked.curve:
        yield known._replace(curve=_curve(task))


def _curve(task: PhiTask) -> tuple[CurvePoint, ...]:
    points = []
    for size in subsample_sizes(task.counts.transitions):
        parts = subsamples(task.counts, size, number=CURVE_PARTS, seed=task.seed)
        points.append(curve_point(size, _phis(task, _estimated(task, parts))))
    return tuple(point for point in points if point is not None)


def _sensitivity(task: PhiTask, asked: Sequence[ThresholdCounts]) -> tuple[ThresholdPoint, ...]:
    """Φ of the same state with other thresholds."""
    tpms = [tpm_from_counts(other.counts, task.prior) for other in asked]
    results = _results(task, [tpm.state_by_node for tpm in tpms])
    return tuple(
        ThresholdPoint(
            quantile=other.quantile,
            thresholds=other.thresholds,
            transitions=other.counts.transitions,
            visited=int(tpm.visited.sum()),
            phi=result.phi if isinstance(result, Computed) else None,
            reason=result.reason,
        )
        for other, tpm, result in zip(asked, tpms, results, strict=True)
    )


def _estimated(task: PhiTask, drawn: Sequence[Counts]) -> list[np.ndarray]:
    return [tpm_from_counts(counts, task.prior).state_by_node for counts in drawn]


def _phis(task: PhiTask, tpms: Iterable[np.ndarray]) -> list[float | None]:
    """Φ for each state-by-node TPM; None where the state cannot be reached under it."""
    return [result.phi if isinstance(result, Computed) else None for result in _results(task, tpms)]


def _results(task: PhiTask, tpms: Iterable[np.ndarray]) -> list[PhiResult]:
    """The result of the task's first state for each state-by-node TPM."""
    engine = choose_engine(task.engine, task.options)
    systems = [System(tpm=tpm, state=task.states[0], cm=task.cm) for tpm in tpms]  # type: ignore[arg-type]
    return [next(iter(engine.analyse([system], task.options))) for system in systems]


def group_scalars(results: Sequence[PhiResult]) -> dict[str, float]:
    """Mean, spread (standard deviation) and maximum of Φ over the groups where it was computed, and how many these are."""
    phis = [result.phi for result in results if isinstance(result, Computed)]
    if not phis:
        return {}
    return {
        "phi_groups_mean": float(np.mean(phis)),
        "phi_groups_std": float(np.std(phis)),
        "phi_groups_max": max(phis),
        "groups": float(len(phis)),
    }
