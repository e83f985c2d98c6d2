"""The search for the bipartition with the smallest value of a measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.whole.search.queyranne import LogDetOrdering, ordering_by_values, queyranne
from lightning_iit.whole.values.measures import OF_DETERMINANTS, values_at
from lightning_iit.whole.values.partitions import bipartitions, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records.whole.measures import MeasureName, Search
    from lightning_iit.whole.values.covariances import Covariances
    from lightning_iit.whole.values.partitions import Part, Partition

_TRIED: dict[MeasureName, int] = {
    "total_correlation": 12,
    "total_correlation_pairs": 12,
    "stochastic_interaction": 12,
    "phi_star": 11,
    "phi_g": 8,
}
"""Up to how many elements all bipartitions are tried."""
_SEARCHED = 15
"""Up to how many elements Φ* and Φ_G are searched by themselves."""
_SEARCH_STARTS = 3
"""From how many places Φ_G is computed during a search; its value at the end is computed from more."""


class Found(NamedTuple):
    """Holds the bipartition that a search found.

    Args:
        partition: the bipartition.
        search: how it was found.
        gap: by how much the second smallest value is larger; None where not all were tried, or there is only one.
    """

    partition: Partition
    search: Search
    gap: float | None = None


def minimum_bipartition(given: Covariances, elements: Sequence[Part], name: MeasureName) -> Found:
    """Finds the bipartition of elements at which a measure is smallest.

    All bipartitions are tried of few elements. Of more, Queyranne's algorithm is exact for total correlation and a heuristic for
    the other measures; Φ* and Φ_G of more than 15 elements are taken at the partition of stochastic interaction.

    Args:
        given: the covariances.
        elements: what is not divided, at least two.
        name: the measure.
    """
    if len(elements) <= _TRIED[name]:
        sides = list(bipartitions(elements))
        return _smallest(sides, _values(given, sides, name), given.units)
    if name in OF_DETERMINANTS:
        function = OF_DETERMINANTS[name](given)
        _, side = queyranne(elements, lambda one: function.at(cut(one, given.units)), LogDetOrdering(function))
        return Found(cut(side, given.units), "heuristic" if name == "stochastic_interaction" else "queyranne")
    if len(elements) > _SEARCHED:
        found = minimum_bipartition(given, elements, "stochastic_interaction")
        return Found(found.partition, "as_stochastic_interaction")

    def value(side: Part) -> float:
        return values_at(given, cut(side, given.units), [name], starts=_SEARCH_STARTS)[name].value

    _, side = queyranne(elements, value, ordering_by_values(value, given.units))
    return Found(cut(side, given.units), "heuristic")


def _values(given: Covariances, sides: list[Part], name: MeasureName) -> np.ndarray:
    """Returns the measure of each bipartition."""
    if name in OF_DETERMINANTS:
        return OF_DETERMINANTS[name](given).at_cuts(sides)
    return np.array([values_at(given, cut(side, given.units), [name], starts=_SEARCH_STARTS)[name].value for side in sides])


def _smallest(sides: list[Part], values: np.ndarray, units: int) -> Found:
    """Returns the smallest of all bipartitions."""
    order = np.argsort(values, kind="stable")
    gap = float(values[order[1]] - values[order[0]]) if len(order) > 1 else None
    return Found(cut(sides[order[0]], units), "exhaustive", gap)
