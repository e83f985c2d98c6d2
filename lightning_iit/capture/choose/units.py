"""Which units of a wide layer are analysed: chosen once, from the first data seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

SCORED = ("entropy", "weight_norm")
AUTO_MOST = 6
TRANSITIONS_PER_STATE = 100


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of each unit's finite activations, each ``[unit]``."""

    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, activations: Tensor) -> Moments:
        """The moments of activations ``[..., unit]``."""
        values = activations.detach().cpu().double().reshape(-1, activations.shape[-1]).numpy()
        finite = np.isfinite(values)
        values = np.where(finite, values, 0.0)
        count = finite.sum(axis=0)
        mean = values.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(finite, values - mean, 0.0) ** 2).sum(axis=0)
        return cls(count, mean, squares)

    def __add__(self, other: Moments) -> Moments:
        """The moments of both together (Chan, Golub and LeVeque 1979, equation 2.1)."""
        total = self.count + other.count
        apart = other.mean - self.mean
        weight = other.count / np.maximum(total, 1)
        return Moments(total, self.mean + apart * weight, self.squares + other.squares + apart**2 * self.count * weight)

    @property
    def variance(self) -> np.ndarray:
        """The variance of each unit; -1 where it was never finite, so that such a unit comes last."""
        return np.where(self.count > 0, self.squares / np.maximum(self.count, 1), -1.0)

    @staticmethod
    def merged(parts: Iterable[Moments]) -> Moments:
        """The moments of all parts together, in their order."""
        return reduce(Moments.__add__, parts)


def auto_units(transitions: float, *, most: int = AUTO_MOST, bits: int = 1) -> int:
    """The most units, 2 at least, for which each state can expect 100 of the transitions; with ``most`` elements at most."""
    enough = [n for n in range(3, most + 1) if transitions >= TRANSITIONS_PER_STATE * 2**n]
    return max(max(enough, default=min(2, most)) // bits, min(2, most))


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
    """Chooses units.

    Args:
        units: how many, or which (then in this order).
        selection: ``"variance"`` takes those that vary most, ``"random"`` draws them, ``"first"`` takes the first ones,
            ``"entropy"`` and ``"weight_norm"`` take those with the highest scores.
        seed: of the draw.
        moments: of the first data seen, over all ranks.
        scores: ``[unit]``, for a selection that goes by them.
        among: the units that may be chosen; None for all.
        bits: how many elements code a unit.

    Raises:
        InvalidArgumentError: a unit that the layer does not have, or a selection that cannot be made here.
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


def random_groups(n: int, groups: int, *, width: int, among: Sequence[int], seed: int, bits: int = 1) -> list[Units]:
    """Different random groups of n units each, in the order of their seeds, which count up from ``seed``.

    The first is the one that ``selection="random"`` draws with that seed. Fewer where there are not so many different ones.
    """
    n = min(n, len(among))
    found: dict[tuple[int, ...], Units] = {}
    possible = math.comb(len(among), n)
    while len(found) < min(groups, possible):
        indices = np.sort(np.random.default_rng(seed).choice(among, size=n, replace=False)).tolist()
        members = [(unit,) for unit in indices]
        found.setdefault(tuple(indices), units_record(members, width, "random", seed=seed, bits=bits))
        seed += 1
    return list(found.values())


def units_record(
    members: Sequence[tuple[int, ...]], width: int, selection: str, *, seed: int | None = None, bits: int = 1
) -> Units:
    """The record of units, each the mean of its members, with as many elements for each as it has bits."""
    each = [unit for unit in members for _ in range(bits)]
    clusters = tuple(each) if any(len(unit) > 1 for unit in each) else ()
    return Units(indices=tuple(unit[0] for unit in each), width=width, selection=selection, seed=seed, bits=bits, clusters=clusters)


def _highest(scores: np.ndarray, n: int, allowed: np.ndarray) -> np.ndarray:
    return np.sort(allowed[np.argsort(-scores[allowed], kind="stable")[:n]])


def checked_indices(indices: Sequence[int], width: int) -> tuple[int, ...]:
    """The indices, if a layer of ``width`` units has them all.

    Raises:
        InvalidArgumentError: it has not.
    """
    outside = [index for index in indices if not 0 <= index < width]
    if outside:
        msg = f"units={list(indices)}: the layer has {width} units and no unit {outside[0]}. Give indices from 0 to {width - 1}."
        raise InvalidArgumentError(msg)
    return tuple(int(index) for index in indices)
