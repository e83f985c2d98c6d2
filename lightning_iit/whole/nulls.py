"""Nulls: the values of measures where parts do not act on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.records.whole.measures import WholeNull
from lightning_iit.whole.sampling.surrogates import surrogate
from lightning_iit.whole.search.minimum import minimum_bipartition
from lightning_iit.whole.values.measures import values_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records.whole.measures import MeasureName
    from lightning_iit.whole.sampling.series import Series
    from lightning_iit.whole.sampling.surrogates import Plan
    from lightning_iit.whole.values.covariances import Covariances
    from lightning_iit.whole.values.partitions import Part, Partition

_STARTS = 2
"""From how many places Φ_G of a surrogate is computed; a value that is a little too large makes p larger."""


def nulls_at(
    series: Series,
    partition: Partition,
    observed: dict[MeasureName, float],
    plan: Plan,
    *,
    searched: Sequence[Part] = (),
    surrogates: int,
    seed: int,
) -> dict[MeasureName, WholeNull]:
    """Computes the null of measures at a partition, whose parts are shifted against each other.

    A surrogate of which a measure is not defined is drawn again. ``p = (1 + #{null >= observed}) / (surrogates + 1)``, of one side:
    integration makes values larger.

    Args:
        series: the series.
        partition: the parts.
        observed: the measures, and their values.
        plan: how surrogates are drawn.
        searched: the elements among which each surrogate's smallest bipartition is searched anew; none to hold the partition.
        surrogates: how many surrogates are drawn.
        seed: the seed of the draws.
    """
    rng = np.random.default_rng(seed)
    drawn: dict[MeasureName, list[float]] = {name: [] for name in observed}
    failed = 0
    while len(next(iter(drawn.values()))) < surrogates:
        given = surrogate(series, partition, plan, rng).covariances()
        try:
            found = _statistics(given, partition, list(observed), searched)
        except UnusableSeriesError:  # shifts that put a unit beside its own delayed copy
            failed += 1
            if failed > surrogates:
                raise
            continue
        for name, value in found.items():
            drawn[name].append(value)
    return {name: _null(value, np.array(drawn[name]), plan, searched=bool(searched)) for name, value in observed.items()}


def _statistics(
    given: Covariances, partition: Partition, names: list[MeasureName], searched: Sequence[Part]
) -> dict[MeasureName, float]:
    """Returns the measures of a surrogate."""
    if not searched:
        return {name: one.value for name, one in values_at(given, partition, names, starts=_STARTS).items()}
    return {
        name: values_at(given, minimum_bipartition(given, searched, name).partition, [name], starts=_STARTS)[name].value
        for name in names
    }


def _null(observed: float, drawn: np.ndarray, plan: Plan, *, searched: bool) -> WholeNull:
    """Compares a value with those of surrogates; values that differ by rounding only are equal."""
    reached = int((drawn >= observed - 1e-12 * max(1.0, abs(observed))).sum())
    return WholeNull(
        mean=float(drawn.mean()),
        upper=float(np.quantile(drawn, 0.95)),
        p=(1 + reached) / (len(drawn) + 1),
        surrogates=len(drawn),
        method=plan.method or "shifts",
        searched=searched,
    )
