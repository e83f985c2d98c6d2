"""The coding of a layer's units as the binary elements of a state.

Most often an element is one unit, ON above its threshold. A macro unit is the mean of several units. With two bits a unit is coded
by the Gray code of its quartiles: the first element is ON above the median, the second between the first and the third quartile, so
that neighbouring quartiles (00, 01, 11, 10) differ in one element.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lightning_iit.capture.count.binarize import ThresholdStrategy, encode, is_on, needs_data, threshold_tensor, threshold_values
from lightning_iit.records import Thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records import Units

_QUARTILES = (0.25, 0.5, 0.75)
"""The quantiles between the four quartiles."""
TWO_BITS = (
    "Each unit is coded as two binary elements (12a is unit 12 above its median, 12b between its first and third quartile). The "
    "two are not separate causal elements but two readings of one unit, so a part of Φ may only say that they belong together; "
    "and n units cost as much as 2n."
)
"""The note for every Φ of units that are coded by two bits each."""


@dataclass(frozen=True)
class Coding:
    """Holds which of a layer's units make up each binary element, and with how many bits a unit is coded.

    A "column" is one of the layer's units whose activation is needed; a "unit" of the coding is one column or the mean of several
    columns (a macro unit); an "element" is one bit of the state.

    Args:
        members: for each unit, the positions in the layer's unit axis whose mean the unit is; most often one position.
        bits: how many elements code a unit: 1 or 2.
    """

    members: tuple[tuple[int, ...], ...]
    bits: int = 1

    @classmethod
    def of(cls, units: Units) -> Coding:
        """Builds the coding that a record of units describes."""
        each = units.clusters or tuple((index,) for index in units.indices)
        return cls(each[:: units.bits], units.bits)

    @property
    def names(self) -> tuple[str, ...]:
        """Returns a name for each unit: ``12``, or ``12+3`` for the mean of unit 12 and 3 others."""
        return tuple(f"{members[0]}+{len(members) - 1}" if len(members) > 1 else f"{members[0]}" for members in self.members)

    @property
    def elements(self) -> int:
        """Returns the number of binary elements."""
        return len(self.members) * self.bits

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Returns the layer's units that are needed, in the order in which :meth:`values` takes their activations."""
        return tuple(chain.from_iterable(self.members))

    @cached_property
    def owners(self) -> tuple[int, ...]:
        """Returns, for each column, the position of the unit that the column belongs to."""
        return tuple(unit for unit, members in enumerate(self.members) for _ in members)

    def values(self, activations: Tensor) -> Tensor:
        """Computes the value of each element that is compared with the element's threshold.

        Args:
            activations: ``[..., column]``.

        Returns:
            Values ``[..., element]``: the mean of each unit's columns, repeated for each element of the unit; the activations
            themselves where each column is an element.
        """
        units = activations
        if len(self.columns) > len(self.members):
            # Added one after the other, so that a mean does not depend on how many rows are taken at once.
            exact = activations if activations.dtype == torch.float64 else activations.float()
            parts = torch.split(exact, [len(members) for members in self.members], dim=-1)
            units = torch.stack([reduce(torch.add, part.unbind(-1)) / part.shape[-1] for part in parts], dim=-1)
        return units if self.bits == 1 else units.repeat_interleave(self.bits, dim=-1)

    def thresholds(self, strategy: ThresholdStrategy, samples: np.ndarray, *, frozen: bool) -> Thresholds:
        """Computes the thresholds of the elements. With two bits these are quartiles, whatever the strategy.

        Args:
            strategy: "median", "mean", "zero" or a number.
            samples: values ``[row, element]``, float64 and finite. At least one row is needed for the quartiles and where the
                strategy needs data.
            frozen: whether the thresholds are kept for all epochs.
        """
        if self.bits == 1:
            seen = len(samples) if needs_data(strategy) else 0
            return Thresholds(values=threshold_values(strategy, samples), strategy=str(strategy), frozen=frozen, samples=seen)
        low, middle, high = np.quantile(samples[:, ::2], _QUARTILES, axis=0).tolist()
        return Thresholds(
            values=tuple(chain.from_iterable(zip(middle, low, strict=True))),
            upper=tuple(chain.from_iterable((None, value) for value in high)),
            strategy="quartiles",
            frozen=frozen,
            samples=len(samples),
        )

    def connected(self, columns: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
        """Computes the connectivity matrix of the elements ``[element, element]`` from that of the columns ``[column, column]``.

        A unit is connected to another unit where any of its columns is connected to any column of the other unit.
        """
        units = np.zeros((len(self.members), len(self.members)), dtype=np.int64)
        owners = np.array(self.owners)
        np.maximum.at(units, (owners[:, None], owners[None, :]), np.array(columns))
        return tuple(map(tuple, units.repeat(self.bits, axis=0).repeat(self.bits, axis=1).tolist()))

    def levels(self, bits: Tensor) -> Tensor:
        """Computes the level of each unit, from 0 (lowest) to ``2**bits - 1``, from the bits of its elements.

        Args:
            bits: ``[..., element]``.

        Returns:
            Levels ``[..., unit]``, int64: OFF and ON as 0 and 1, or the quartile from 0 to 3.

        Example:
            >>> Coding(members=((0,),), bits=2).levels(torch.tensor([[0, 0], [0, 1], [1, 1], [1, 0]])).flatten()
            tensor([0, 1, 2, 3])
        """
        whole = bits.to(torch.int64)
        if self.bits == 1:
            return whole
        first, second = whole[..., ::2], whole[..., 1::2]
        return 2 * first + (first ^ second)


@dataclass(frozen=True)
class ThresholdTensors:
    """Holds thresholds as tensors ``[element]`` to compare activations with; ``upper`` is None if no element has an upper one."""

    lower: Tensor
    upper: Tensor | None = None

    @classmethod
    def of(cls, thresholds: Thresholds, *, like: Tensor) -> ThresholdTensors:
        """Converts thresholds to tensors with a dtype and on the device that fit these activations."""
        upper = tuple(float("inf") if value is None else value for value in thresholds.upper)
        return cls(threshold_tensor(thresholds.values, like=like), threshold_tensor(upper, like=like) if upper else None)

    def bits(self, values: Tensor) -> Tensor:
        """Returns which elements are ON: a boolean tensor ``[..., element]`` from values ``[..., element]``."""
        return is_on(values, self.lower, self.upper)

    def codes(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the state code of each row of values ``[..., element]``.

        Returns:
            The codes ``[...]`` (``NO_STATE`` where a value is NaN or infinite), and how many rows have no state.
        """
        return encode(values, self.lower, self.upper)
