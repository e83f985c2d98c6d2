"""Which units of a wide layer are analysed: chosen once, from the first data seen."""

from __future__ import annotations

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
SELECTIONS = ("variance", "random", "first", *SCORED)
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


def auto_units(transitions: float, *, most: int = AUTO_MOST) -> int:
    """The most units, from 2 up to ``most``, for which each state can expect 100 of the transitions."""
    enough = [n for n in range(3, most + 1) if transitions >= TRANSITIONS_PER_STATE * 2**n]
    return max(enough, default=min(2, most))


def choose(units: int | Sequence[int], *, selection: str, seed: int, moments: Moments, scores: np.ndarray | None = None) -> Units:
    """Chooses units.

    Args:
        units: how many, or which (then in this order).
        selection: ``"variance"`` takes those that vary most, ``"random"`` draws them, ``"first"`` takes the first ones,
            ``"entropy"`` and ``"weight_norm"`` take those with the highest scores.
        seed: of the draw.
        moments: of the first data seen, over all ranks.
        scores: ``[unit]``, for a selection that goes by them.

    Raises:
        InvalidArgumentError: a unit that the layer does not have, or a selection that cannot be made here.
    """
    width = len(moments.mean)
    if not isinstance(units, int):
        return Units(indices=checked_indices(units, width), width=width, selection="given")
    n = min(units, width)
    if selection == "variance":
        indices = _highest(moments.variance, n)
    elif selection in SCORED and scores is not None:
        indices = _highest(scores, n)
    elif selection in SCORED:
        msg = f"selection={selection!r}: not known for these units. Select by 'variance', 'random' or 'first', or give indices."
        raise InvalidArgumentError(msg)
    elif selection == "random":
        indices = np.sort(np.random.default_rng(seed).choice(width, size=n, replace=False))
    else:
        indices = np.arange(n)
    return Units(indices=tuple(indices.tolist()), width=width, selection=selection, seed=seed if selection == "random" else None)


def _highest(scores: np.ndarray, n: int) -> np.ndarray:
    return np.sort(np.argsort(-scores, kind="stable")[:n])


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
