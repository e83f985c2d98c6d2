"""Nulls: the values of measures where parts do not act on each other.

Each surrogate has random numbers of its own, by the seed and its number, so that surrogates can be computed apart from each other.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.records.whole.measures import WholeNull
from lightning_iit.whole.sampling.draws import drawn_until_measured
from lightning_iit.whole.sampling.surrogates import surrogate
from lightning_iit.whole.search.minimum import minimum_bipartition
from lightning_iit.whole.values.measures import OF_DETERMINANTS, values_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float

    from lightning_iit.records.whole.measures import MeasureName, NullMethod, WholeLayer, WholeMeasure, WholeValue
    from lightning_iit.whole.prepared import Prepared
    from lightning_iit.whole.sampling.series import Series
    from lightning_iit.whole.sampling.surrogates import Plan
    from lightning_iit.whole.values.covariances import Covariances
    from lightning_iit.whole.values.partitions import Part, Partition

MOST_SEARCHED = 12
"""Up to how many elements a null searches the partition anew in each surrogate, where the caller does not say."""
_STARTS = 2
"""From how many places Φ_G of a surrogate is computed; a value that is a little too large makes p larger."""


class Compared(NamedTuple):
    """Holds measures that are taken of the same surrogates.

    Args:
        partition: the parts that are shifted against each other, as units of the layer.
        names: the measures.
        searched: whether each surrogate's smallest bipartition is searched anew; else the partition is held.
    """

    partition: Partition
    names: tuple[MeasureName, ...]
    searched: bool


def compared(found: WholeLayer, searched: bool | None) -> list[Compared]:
    """Returns which measures of a layer have their nulls from the same surrogates, always in the same order.

    Args:
        found: the measures.
        searched: whether partitions are searched anew in each surrogate; None where there are few elements. The partition between
            all elements, one that was given, and those of Φ* and Φ_G are held in any case.
    """
    again = len(found.elements) <= MOST_SEARCHED if searched is None else searched
    some: dict[tuple[Partition, bool], list[MeasureName]] = defaultdict(list)
    for one in found.measures:
        if set(one.partition) != set(found.elements):
            search = again and one.name in OF_DETERMINANTS and one.search != "given"
            some[one.partition, search].append(one.name)
        some[found.elements, False].append(one.name)
    return [Compared(partition, tuple(names), search) for (partition, search), names in some.items()]


def null_values(
    layer: Prepared, asked: Sequence[Compared], *, first: int, stop: int, seed: int
) -> Float[np.ndarray, "value surrogate"]:
    """Computes measures of surrogates, whose parts are shifted against each other.

    A surrogate of which a measure is not defined is drawn again.

    Args:
        layer: the series, its elements, and how surrogates are drawn.
        asked: the measures, and their partitions.
        first: the number of the first surrogate.
        stop: the number after that of the last one.
        seed: the seed of the draws.

    Returns:
        A row for each measure of each of ``asked``, in this order.

    Raises:
        UnusableSeriesError: a measure is not defined of 20 draws of one surrogate.
    """
    places = [layer.elements.positions(one.partition) for one in asked]
    drawn = [
        [
            value
            for one, parts in zip(asked, places, strict=True)
            for value in _of_surrogate(layer, one, parts, np.random.default_rng((seed, number)))
        ]
        for number in range(first, stop)
    ]
    values = np.array(drawn, dtype=np.float64).reshape(stop - first, sum(len(one.names) for one in asked))
    return np.asarray(values.T)


def _of_surrogate(layer: Prepared, asked: Compared, parts: Partition, rng: np.random.Generator) -> list[float]:
    """Returns the measures of one surrogate."""
    elements = layer.elements.parts if asked.searched else ()
    return drawn_until_measured(
        lambda: _statistics(_drawn(layer.series, parts, layer.plan, rng), parts, asked.names, elements), "surrogates"
    )


def _drawn(series: Series, parts: Partition, plan: Plan, rng: np.random.Generator) -> Covariances:
    return surrogate(series, parts, plan, rng).covariances()


def _statistics(given: Covariances, parts: Partition, names: Sequence[MeasureName], searched: Sequence[Part]) -> list[float]:
    """Returns the measures of a surrogate; at its own smallest bipartition of the elements where there are some to search among."""
    if not searched:
        found = values_at(given, parts, names, starts=_STARTS)
        return [found[name].value for name in names]
    return [
        values_at(given, minimum_bipartition(given, searched, name).partition, [name], starts=_STARTS)[name].value for name in names
    ]


def judged(found: WholeLayer, layer: Prepared, searched: bool | None, *, surrogates: int, seed: int) -> WholeLayer:
    """Computes the nulls of a layer's measures; without them, and with a note, where they cannot be computed.

    Args:
        found: the measures.
        layer: the series, its elements, and how surrogates are drawn.
        searched: whether partitions are searched anew in each surrogate; None where there are few elements.
        surrogates: how many surrogates are drawn; 0 for no null.
        seed: the seed of the draws.
    """
    if not surrogates or layer.plan.method is None:
        return found
    asked = compared(found, searched)
    try:
        values = null_values(layer, asked, first=0, stop=surrogates, seed=seed)
    except UnusableSeriesError as error:
        return without_nulls(found, str(error))
    return with_nulls(found, asked, values, layer.plan.method)


def with_nulls(
    found: WholeLayer, asked: Sequence[Compared], values: Float[np.ndarray, "value surrogate"], method: NullMethod
) -> WholeLayer:
    """Returns measures with their nulls.

    ``p = (1 + #{null >= observed}) / (surrogates + 1)``, of one side: integration makes values larger.

    Args:
        found: the measures.
        asked: what :func:`compared` returned of them.
        values: what :func:`null_values` returned of these.
        method: how surrogates were drawn.
    """
    rows = iter(values)
    drawn = {(name, one.partition): (next(rows), one.searched) for one in asked for name in one.names}

    def with_null(name: MeasureName, partition: Partition, value: WholeValue) -> WholeValue:
        of_surrogates, searched = drawn[name, partition]
        return msgspec.structs.replace(value, null=_null(value.value, of_surrogates, method, searched=searched))

    return with_each(found, with_null)


def with_each(found: WholeLayer, made: Callable[[MeasureName, Partition, WholeValue], WholeValue]) -> WholeLayer:
    """Returns measures with another record of each value, made of its measure and its partition as :func:`compared` has it."""

    def of_measure(one: WholeMeasure) -> WholeMeasure:
        same = set(one.partition) == set(found.elements)
        minimum = made(one.name, found.elements if same else one.partition, one.minimum)
        return msgspec.structs.replace(one, minimum=minimum, atomic=made(one.name, found.elements, one.atomic))

    return msgspec.structs.replace(found, measures=tuple(map(of_measure, found.measures)))


def without_nulls(found: WholeLayer, why: str) -> WholeLayer:
    """Returns measures whose nulls could not be computed, with a note that says why."""
    return msgspec.structs.replace(found, notes=(*found.notes, f"No null: {why}"))


def _null(observed: float, drawn: Float[np.ndarray, " surrogate"], method: NullMethod, *, searched: bool) -> WholeNull:
    """Compares a value with those of surrogates; values that differ by rounding only are equal."""
    reached = int((drawn >= observed - 1e-12 * max(1.0, abs(observed))).sum())
    return WholeNull(
        mean=float(drawn.mean()),
        upper=float(np.quantile(drawn, 0.95)),
        p=(1 + reached) / (len(drawn) + 1),
        surrogates=len(drawn),
        method=method,
        searched=searched,
    )
