"""What is not divided by a partition: single units or groups of them, without the units that cannot be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lightning_iit.errors import InvalidArgumentError, UnusableSeriesError
from lightning_iit.whole.values.partitions import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.whole.values.partitions import Part, Partition


class Elements(NamedTuple):
    """Holds the measured units, and the elements as positions among them.

    Args:
        units: the units, as indices of the layer.
        parts: the elements, as positions in ``units``.
    """

    units: tuple[int, ...]
    parts: tuple[Part, ...]

    def named(self, parts: Iterable[Part]) -> Partition:
        """Returns parts of positions as parts of the layer's units."""
        return tuple(tuple(self.units[position] for position in part) for part in parts)

    def positions(self, parts: Iterable[Iterable[int]]) -> Partition:
        """Returns parts of the layer's units as parts of positions, without the units that were left out.

        Raises:
            UnusableSeriesError: of all parts but one no unit is left.
            InvalidArgumentError: the parts do not hold each unit once, or divide an element.
        """
        place = {unit: position for position, unit in enumerate(self.units)}
        left = [[place[unit] for unit in part if unit in place] for part in parts]
        left = [part for part in left if part]
        if len(left) < 2:
            msg = f"partition: {len(left)} of its parts has units that can be measured; two are needed. Give other parts."
            raise UnusableSeriesError(msg)
        found = partition_of(left, len(self.units))
        if any(not set(one) <= set(part) for one in self.parts for part in found if one[0] in part):
            msg = f"partition={self.named(found)}: it divides one of the groups {self.named(self.parts)}; no group may be divided."
            raise InvalidArgumentError(msg)
        return found


def elements_of(groups: Iterable[Iterable[int]] | None, width: int, usable: Sequence[int]) -> Elements:
    """Returns the elements of a layer.

    Args:
        groups: groups of units; None for single units. Units of no group are not measured.
        width: how many units the layer has.
        usable: the units that can be measured.

    Raises:
        InvalidArgumentError: groups that are empty, overlap, or have units that the layer has not.
    """
    given = [(unit,) for unit in range(width)] if groups is None else [tuple(sorted(int(unit) for unit in one)) for one in groups]
    flat = [unit for one in given for unit in one]
    if not all(given) or len(set(flat)) != len(flat) or not set(flat) <= set(range(width)):
        msg = f"groups={[list(one) for one in given]}: give groups of the units 0 to {width - 1}, none empty and no unit twice."
        raise InvalidArgumentError(msg)
    allowed = set(usable)
    kept = sorted(one for one in (tuple(unit for unit in group if unit in allowed) for group in given) if one)
    units = tuple(sorted(unit for one in kept for unit in one))
    place = {unit: position for position, unit in enumerate(units)}
    if len(kept) < 2:
        msg = (
            f"{len(kept)} of {len(given)} elements can be measured; a partition needs two. The others never vary or repeat others."
        )
        raise UnusableSeriesError(msg)
    return Elements(units, tuple(tuple(place[unit] for unit in one) for one in kept))
