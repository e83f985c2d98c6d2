"""Dead units: elements that were always ON or always OFF, and the sentences on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.records import Counts, Units


def dead_units(units: Units, counts: Counts, during: str = "in this epoch") -> Iterator[str]:
    """Yields a sentence for each element that was always ON or always OFF in the counted transitions.

    Args:
        units: the units.
        counts: the transitions.
        during: the words for what was counted.
    """
    labels = units.labels
    seen = {state for first, then, _ in counts.joint for state in (first, then)}
    for position, label in enumerate(labels):
        values = {state >> position & 1 for state in seen}
        if len(values) == 1:
            where = f"Unit {label} (number {position} of the {len(labels)})"
            yield f"{where} was never {'OFF' if values == {1} else 'ON'} {during}: it takes no part in any integration."
