"""The turns of layers and epochs, where all analyses together would take more than their share of the training time.

The clock decides only which records have a Φ, never which Φ: an epoch that is left out still adds to its window, and what is drawn
at random for an epoch depends on the seed and the epoch alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import Skipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records import PhiResult

LEFT_OUT = "budget"
"""The code of a record that was left out."""


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Holds what a run that goes on must know of its budget.

    Args:
        left: how many seconds are left of the budget; negative where more were spent.
        costs: by layer, the seconds of each part of its latest analysis.
        served: by layer, how many turns it had.
    """

    left: float = 0.0
    costs: dict[str, dict[str, float]] = msgspec.field(default_factory=dict)
    served: dict[str, int] = msgspec.field(default_factory=dict)


class Turns:
    """Chooses the layers that are analysed at an epoch's end, so that each layer has as many analyses as any other.

    Args:
        spent: what an earlier part of the run has spent.

    Example:
        >>> turns = Turns()
        >>> turns.choose(["a", "b"], left=0.0)  # what they cost is not known yet
        ['a', 'b']
        >>> turns.cost("a", "phi", 2.0), turns.cost("b", "phi", 3.0)
        (2.0, 3.0)
        >>> turns.choose(["a", "b"], left=2.5), turns.choose(["a", "b"], left=2.5), turns.choose(["a", "b"], left=5.5)
        (['a'], [], ['b', 'a'])
    """

    def __init__(self, spent: Spent | None = None) -> None:
        spent = spent or Spent()
        self._costs = {layer: dict(parts) for layer, parts in spent.costs.items()}
        self._served = dict(spent.served)

    def spent(self, left: float) -> Spent:
        """Returns what a run that goes on must know, given the seconds that are left."""
        return Spent(left=left, costs={layer: dict(parts) for layer, parts in self._costs.items()}, served=dict(self._served))

    def cost(self, layer: str, part: str, seconds: float) -> float:
        """Takes the seconds of one part of a layer's latest analysis, and returns them."""
        self._costs.setdefault(layer, {})[part] = seconds
        return seconds

    def choose(self, layers: Sequence[str], left: float) -> list[str]:
        """Chooses the layers whose analyses fit into the seconds that are left.

        Those with the fewest analyses come first. The first one that does not fit ends the choice, so that a costly layer is not
        put off for ever by cheaper ones. A layer that had no turn yet always fits, since later epochs go on
        with the units that its first one chose.

        Args:
            layers: the layers, in the order of the model.
            left: how many seconds are left.

        Returns:
            The chosen layers, those with the fewest analyses first.
        """
        chosen = []
        for layer in sorted(layers, key=lambda name: self._served.get(name, 0)):
            left -= sum(self._costs.get(layer, {}).values())
            if left < 0 and self._served.get(layer):
                break
            chosen.append(layer)
            self._served[layer] = self._served.get(layer, 0) + 1
        return chosen


def is_left_out(result: PhiResult) -> bool:
    """Returns whether a result is that of an epoch which was left out to stay within the budget."""
    return isinstance(result, Skipped) and result.code == LEFT_OUT


def left_out_words(budget: float) -> str:
    """Returns the reason of a record that was left out, the same for all of a run."""
    return (
        f"Left out, so that all analyses together stay within budget={budget:g} of the training time; layers and epochs take "
        "turns. The epoch's transitions are in its window all the same. For more, raise budget, or lower groups, units or states."
    )
