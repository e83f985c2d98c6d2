"""A series before anything is measured: which of its units can be measured, and how surrogates are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lightning_iit.whole.elements import elements_of
from lightning_iit.whole.sampling.autocorrelation import Autocorrelation, autocorrelation
from lightning_iit.whole.sampling.series import Series
from lightning_iit.whole.sampling.surrogates import Plan, plan_surrogates
from lightning_iit.whole.sampling.usable import check_condition, check_samples, usable_units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records.whole.measures import DroppedUnit
    from lightning_iit.whole.elements import Elements
    from lightning_iit.whole.values.covariances import Covariances


class Prepared(NamedTuple):
    """Holds a series that can be measured.

    Args:
        series: the series of the measured units, each scaled.
        elements: what no partition divides.
        covariances: of the series.
        dropped: the units that were left out.
        few: a sentence where there are few samples; else empty.
        condition: the condition number of the correlations.
        auto: the autocorrelation; None where rows have no order.
        plan: how surrogates are drawn.
    """

    series: Series
    elements: Elements
    covariances: Covariances
    dropped: tuple[DroppedUnit, ...]
    few: str
    condition: float
    auto: Autocorrelation | None
    plan: Plan


def prepared(activations: Any, groups: Iterable[Iterable[int]] | None, lag: int, *, ordered: bool, both: bool) -> Prepared:
    """Reads a series and checks whether it can be measured.

    Args:
        activations: an array ``[time, unit]``, or a list of them.
        groups: groups of units; None takes each unit by itself.
        lag: how many steps lie between a past and its present.
        ordered: whether rows have an order.
        both: whether anything of a past and a present is measured.

    Raises:
        InvalidArgumentError: groups that cannot be.
        UnusableSeriesError: too few samples, or units that depend on each other.
    """
    series = Series.read(activations, lag if ordered else 0)
    usable = usable_units(series)
    elements = elements_of(groups, series.units, usable.units)
    few = check_samples(series.samples, len(elements.units), ordered=both)
    series = series.of(elements.units).scaled()
    given = series.covariances()
    condition = check_condition(given, ordered=both)
    auto = autocorrelation(series) if ordered else None
    plan = Plan("samples", 0) if auto is None else plan_surrogates(series, auto.times)
    return Prepared(series, elements, given, usable.dropped, few, condition, auto, plan)
