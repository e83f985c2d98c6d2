"""The units of a record without which a network is measured: all of them, and those of each side of their partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records.iit4 import SystemPhi
from lightning_iit.records.results import Computed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records.captured import Units
    from lightning_iit.records.results import PhiResult

ALL_UNITS = "the analysed units"
"""What is set where all units of a record are."""


def parts_of(result: PhiResult, n: int) -> tuple[tuple[int, ...], ...]:
    """Returns the sides of the minimum partition, as positions among the units; none where the result has no partition.

    Args:
        result: how an analysis ended.
        n: how many units were analysed.

    Of IIT 4.0 two units are on one side where neither connection between them is severed; there may be more than two sides.
    """
    if isinstance(result, Computed):
        return () if result.cut is None else (tuple(result.cut.from_nodes), tuple(result.cut.to_nodes))
    if not isinstance(result, SystemPhi) or not result.partition:
        return ()
    apart = {frozenset(pair) for pair in result.partition}
    sides: list[list[int]] = []
    for node in (node for node in result.nodes if node < n):
        side = next((one for one in sides if all(frozenset((node, other)) not in apart for other in one)), None)
        if side is None:
            sides.append([node])
        else:
            side.append(node)
    return tuple(map(tuple, sides)) if len(sides) > 1 else ()


def lesioned_units(units: Units, result: PhiResult) -> dict[str, tuple[int, ...]]:
    """Returns which of a layer's units are set: by what they are, their indices in the layer.

    Args:
        units: the analysed units.
        result: how their analysis ended.

    Example:
        >>> from lightning_iit.records import Computed, Cut, EngineInfo, Units
        >>> cut = Cut(from_nodes=(0, 2), to_nodes=(1,))
        >>> result = Computed(phi=0.1, cut=cut, engine=EngineInfo(name="fast", version="1"), seconds=0.0)
        >>> lesioned_units(Units(indices=(3, 8, 21), width=32, selection="given"), result)
        {'the analysed units': (3, 8, 21), 'side 1 of the partition': (3, 21), 'side 2 of the partition': (8,)}
    """
    members = units.clusters or tuple((index,) for index in units.indices)

    def layer_units(positions: Iterable[int]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(unit for position in positions for unit in members[position]))

    found = {ALL_UNITS: layer_units(range(len(members)))}
    sides = [layer_units(part) for part in parts_of(result, len(members))]
    if sum(map(len, sides)) == len(
        found[ALL_UNITS]
    ):  # else two elements of one unit are on both sides, and it cannot be set by half
        found |= {f"side {number} of the partition": units for number, units in enumerate(sides, start=1)}
    return found
