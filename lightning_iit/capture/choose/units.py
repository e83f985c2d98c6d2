"""The choice of the units of a wide layer that are analysed, made once from the first activations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.cost import MOST_UNITS, units_for
from lightning_iit.records import Units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

SCORED = ("entropy", "weight_norm")
"""The selections that take the units with the highest scores."""


@dataclass(frozen=True)
class Moments:
    """Holds the number, the mean and the sum of squared deviations of each unit's finite activations, each ``[unit]``."""

    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, activations: Tensor) -> Moments:
        """Computes the moments of activations ``[..., unit]``."""
        values = activations.detach().cpu().double().reshape(-1, activations.shape[-1]).numpy()
        finite = np.isfinite(values)
        values = np.where(finite, values, 0.0)
        count = finite.sum(axis=0)
        mean = values.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(finite, values - mean, 0.0) ** 2).sum(axis=0)
        return cls(count, mean, squares)

    def __add__(self, other: Moments) -> Moments:
        """Returns the moments of both sets of activations together (Chan, Golub and LeVeque 1979, equation 2.1)."""
        total = self.count + other.count
        apart = other.mean - self.mean
        weight = other.count / np.maximum(total, 1)
        return Moments(total, self.mean + apart * weight, self.squares + other.squares + apart**2 * self.count * weight)

    @property
    def variance(self) -> np.ndarray:
        """Returns the variance of each unit; -1 for a unit that was never finite, so that such a unit is chosen last."""
        return np.where(self.count > 0, self.squares / np.maximum(self.count, 1), -1.0)

    @staticmethod
    def merged(parts: Iterable[Moments]) -> Moments:
        """Returns the moments of all parts together, added in their order."""
        return reduce(Moments.__add__, parts)


def auto_units(transitions: float, *, most: int = MOST_UNITS, bits: int = 1) -> int:
    """Computes how many units a layer's transitions are enough for: see :func:`~lightning_iit.phi.cost.units_for`.

    Args:
        transitions: the expected number of transitions.
        most: the most elements.
        bits: how many elements code a unit.

    Returns:
        How many units: so many that their elements are as few as the transitions ask for, but at least two units where ``most``
        allows two, and else one.

    Example:
        >>> auto_units(5000), auto_units(5000, bits=2), auto_units(5000, most=3, bits=2)
        (5, 2, 1)
    """
    return max(min(units_for(transitions), most) // bits, min(2, most // bits), 1)


def choose(
    units: int | Sequence[int],
    *,
    selection: str,
    seed: int,
    moments: Moments,
    scores: np.ndarray | None = None,
    among: Sequence[int] | None = None,
    bits: int = 1,
) -> Units:
    """Chooses the units of a layer that are analysed, and returns their record.

    Args:
        units: how many units, or a list of unit indices (kept in this order).
        selection: ``"variance"`` takes the units that vary most, ``"entropy"`` and ``"weight_norm"`` take the units with the
            highest scores, ``"random"`` draws units, ``"first"`` takes the first units. Not used where ``units`` is a list.
        seed: the seed of the random draw.
        moments: the moments of the first activations, over all ranks.
        scores: a score for each unit ``[unit]``, for the selections by score.
        among: the units that may be chosen; None for all.
        bits: how many elements code a unit.

    Returns:
        The record of the units, ascending unless given as a list. All units of ``among`` where there are fewer than asked for.

    Raises:
        InvalidArgumentError: the layer has no unit of a given index, or a selection by score was asked for without scores.
    """
    width = len(moments.mean)
    if not isinstance(units, int):
        return units_record([(unit,) for unit in checked_indices(units, width)], width, "given", bits=bits)
    allowed = np.arange(width) if among is None else np.array(among)
    n = min(units, len(allowed))
    if selection == "variance":
        indices = _highest(moments.variance, n, allowed)
    elif selection in SCORED and scores is not None:
        indices = _highest(scores, n, allowed)
    elif selection in SCORED:
        msg = f"selection={selection!r}: not known for these units. Select by 'variance', 'random' or 'first', or give indices."
        raise InvalidArgumentError(msg)
    elif selection == "random":
        indices = np.sort(np.random.default_rng(seed).choice(allowed, size=n, replace=False))
    else:
        indices = allowed[:n]
    chosen = [(unit,) for unit in indices.tolist()]
    return units_record(chosen, width, selection, seed=seed if selection == "random" else None, bits=bits)


def further_groups(first: Units, groups: int, *, among: Sequence[int], seed: int) -> list[Units]:
    """Draws random groups of as many units as a first one has, each different from it and from each other.

    The seeds count up from ``seed``; a seed that draws a group again is passed over.

    Args:
        first: the first group.
        groups: how many groups there are with the first one.
        among: the units that may be drawn.
        seed: the seed of the first draw.

    Returns:
        A record of units for each further group; fewer where there are not so many different groups.
    """
    width, bits = first.width, first.bits
    own = first.indices[::bits]
    n = len(own)
    found: dict[tuple[int, ...], Units] = {tuple(sorted(own)): first}
    possible = math.comb(len(among), n) + (not set(own) <= set(among)) if n <= len(among) else 1
    while len(found) < min(groups, possible):
        indices = np.sort(np.random.default_rng(seed).choice(among, size=n, replace=False)).tolist()
        members = [(unit,) for unit in indices]
        found.setdefault(tuple(indices), units_record(members, width, "random", seed=seed, bits=bits))
        seed += 1
    return list(found.values())[1:]


def units_record(
    members: Sequence[tuple[int, ...]], width: int, selection: str, *, seed: int | None = None, bits: int = 1
) -> Units:
    """Builds the record of analysed units.

    Args:
        members: the unit indices of each analysed unit: one index, or several for a macro unit, which is their mean.
        width: the number of units of the layer.
        selection: how the units were chosen.
        seed: the seed of the random draw; None where nothing was drawn.
        bits: how many elements code a unit; the record has each unit once for each element.
    """
    each = [unit for unit in members for _ in range(bits)]
    clusters = tuple(each) if any(len(unit) > 1 for unit in each) else ()
    return Units(indices=tuple(unit[0] for unit in each), width=width, selection=selection, seed=seed, bits=bits, clusters=clusters)


def _highest(scores: np.ndarray, n: int, allowed: np.ndarray) -> np.ndarray:
    """Returns the n allowed units with the highest scores, ascending; of equal scores the earlier unit."""
    return np.sort(allowed[np.argsort(-scores[allowed], kind="stable")[:n]])


def checked_indices(indices: Sequence[int], width: int, layer: str = "") -> tuple[int, ...]:
    """Returns the unit indices, after a check that a layer (of this name) of ``width`` units has them all.

    Raises:
        InvalidArgumentError: an index is outside the layer.
    """
    outside = [index for index in indices if not 0 <= index < width]
    if outside:
        which = f"layer {layer!r}" if layer else "the layer"
        msg = f"units={list(indices)}: {which} has {width} units and no unit {outside[0]}. Give indices from 0 to {width - 1}."
        raise InvalidArgumentError(msg)
    return tuple(int(index) for index in indices)
