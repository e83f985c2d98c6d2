"""The measures of one layer in the making: at their partitions."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lightning_iit.records.whole.measures import WholeMeasure, WholeValue
from lightning_iit.whole.search.minimum import Found, minimum_bipartition
from lightning_iit.whole.values.measures import expected_bias, values_at
from lightning_iit.whole.values.partitions import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.records.whole.measures import MeasureName
    from lightning_iit.whole.elements import Elements
    from lightning_iit.whole.values.covariances import Covariances
    from lightning_iit.whole.values.measures import Value
    from lightning_iit.whole.values.partitions import Partition


class Measured:
    """Holds the values of measures at the minimum bipartition of each, and between all elements.

    Args:
        given: the covariances of the measured units.
        elements: the elements.
        names: the measures.
        partition: the partition of all measures; None to search each one's minimum.
        seed: the seed of all draws.
    """

    def __init__(
        self, given: Covariances, elements: Elements, names: Sequence[MeasureName], *, partition: Partition | None, seed: int
    ) -> None:
        self._elements, self._seed, self._samples = elements, seed, given.samples
        self._atomic: Partition = atomic(elements.parts)
        self._found: dict[MeasureName, Found] = {
            name: minimum_bipartition(given, elements.parts, name) if partition is None else Found(partition, "given")
            for name in names
        }
        self._values: dict[tuple[MeasureName, Partition], Value] = {}
        for partition_of_some, some in self._by_partition():
            for name, value in values_at(given, partition_of_some, some, seed=seed).items():
                self._values[name, partition_of_some] = value

    def _by_partition(self) -> Iterator[tuple[Partition, list[MeasureName]]]:
        """Yields each partition with the measures that are taken at it."""
        some = defaultdict(list)
        for name, found in self._found.items():
            some[found.partition].append(name)
            if found.partition != self._atomic:
                some[self._atomic].append(name)
        yield from some.items()

    def measures(self) -> Iterator[WholeMeasure]:
        """Yields the record of each measure."""
        for name, found in self._found.items():
            yield WholeMeasure(
                name=name,
                minimum=self._value(name, found.partition),
                partition=self._elements.named(found.partition),
                search=found.search,
                gap=None if found.gap is None else max(found.gap, 0.0),
                atomic=self._value(name, self._atomic),
            )

    def _value(self, name: MeasureName, partition: Partition) -> WholeValue:
        """Returns the record of one value."""
        value = self._values[name, partition]
        return WholeValue(
            value=value.value,
            expected_bias=expected_bias(name, partition, self._samples),
            spread=value.spread,
            beta=value.beta,
        )
