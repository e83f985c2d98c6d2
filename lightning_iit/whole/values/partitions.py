"""Partitions of a layer's units into parts."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Part: TypeAlias = "tuple[int, ...]"
"""The units of a part, ascending."""
Partition: TypeAlias = "tuple[Part, ...]"
"""Parts that hold each unit once, in the order of their first units."""


def partition_of(parts: Iterable[Iterable[int]], units: int, *, name: str = "partition") -> Partition:
    """Returns parts in their order, after a check that they hold each of the units once.

    Raises:
        InvalidArgumentError: fewer than two parts, an empty part, or a unit that is in no part or in two.

    Example:
        >>> partition_of([[2], [1, 0]], 3)
        ((0, 1), (2,))
    """
    ordered = sorted(tuple(sorted(int(unit) for unit in part)) for part in parts)
    if len(ordered) < 2 or sorted(unit for part in ordered for unit in part) != list(range(units)) or not all(ordered):
        msg = (
            f"{name}={[list(part) for part in ordered]}: a partition has two or more parts, none of them empty, that hold each of "
            f"the units 0 to {units - 1} once."
        )
        raise InvalidArgumentError(msg)
    return tuple(ordered)


def atomic(elements: Sequence[Part]) -> Partition:
    """Returns the partition of which each element is a part."""
    return tuple(sorted(elements))


def cut(part: Iterable[int], units: int) -> Partition:
    """Returns the bipartition into some units and all others.

    Example:
        >>> cut([2, 1], 4)
        ((0, 3), (1, 2))
    """
    inside = set(part)
    return tuple(sorted((tuple(sorted(inside)), tuple(unit for unit in range(units) if unit not in inside))))


def bipartitions(elements: Sequence[Part]) -> Iterator[Part]:
    """Yields the smaller side of each bipartition of elements, ``2**(elements - 1) - 1`` in all.

    Example:
        >>> list(bipartitions([(0,), (1,), (2, 3)]))
        [(0,), (1,), (2, 3)]
    """
    number = len(elements)
    for size in range(1, number // 2 + 1):
        for chosen in combinations(range(number), size):
            if 2 * size < number or 0 in chosen:
                yield tuple(sorted(unit for one in chosen for unit in elements[one]))
