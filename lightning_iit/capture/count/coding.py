"""How the binary elements of a state are made from a layer's units.

Most often an element is a unit, ON above its threshold. A macro unit is the mean of several units. With two bits a unit is coded by
the Gray code of its quartiles: the first element is ON above the median, the second between the first and the third quartile, so
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
    from collections.abc import Iterable, Sequence

    from lightning_iit.records import Units

_QUARTILES = (0.25, 0.5, 0.75)
TWO_BITS = (
    "Each unit is coded as two binary elements (12a is unit 12 above its median, 12b between its first and third quartile). The "
    "two are not separate causal elements but two readings of one unit, so a part of Φ may only say that they belong together; "
    "and n units cost as much as 2n."
)
"""What a reader of a Φ of two bits for each unit must know."""


@dataclass(frozen=True)
class Coding:
    """From the activations of some columns of a layer to the values of its elements.

    Args:
        members: of each unit, the positions in the layer's unit axis whose mean it is; most often one.
        bits: how many elements code a unit: 1 or 2.
    """

    members: tuple[tuple[int, ...], ...]
    bits: int = 1

    @classmethod
    def of(cls, units: Units) -> Coding:
        """The coding that a record of units describes."""
        each = units.clusters or tuple((index,) for index in units.indices)
        return cls(each[:: units.bits], units.bits)

    @classmethod
    def single(cls, units: Iterable[int]) -> Coding:
        """Each of these units is an element."""
        return cls(tuple((unit,) for unit in units))

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each unit."""
        return tuple(f"{members[0]}+{len(members) - 1}" if len(members) > 1 else f"{members[0]}" for members in self.members)

    @property
    def elements(self) -> int:
        """How many binary elements there are."""
        return len(self.members) * self.bits

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Which of the layer's units are needed, in the order in which they are given to :meth:`values`."""
        return tuple(chain.from_iterable(self.members))

    @cached_property
    def owners(self) -> tuple[int, ...]:
        """The unit that each column belongs to."""
        return tuple(unit for unit, members in enumerate(self.members) for _ in members)

    def values(self, activations: Tensor) -> Tensor:
        """What each element is compared by.

        Args:
            activations: ``[..., column]``.

        Returns:
            ``[..., element]``, the activations themselves where each column is an element.
        """
        units = activations
        if len(self.columns) > len(self.members):
            # Added one after the other, so that a mean does not depend on how many rows are taken at once.
            exact = activations if activations.dtype == torch.float64 else activations.float()
            parts = torch.split(exact, [len(members) for members in self.members], dim=-1)
            units = torch.stack([reduce(torch.add, part.unbind(-1)) / part.shape[-1] for part in parts], dim=-1)
        return units if self.bits == 1 else units.repeat_interleave(self.bits, dim=-1)

    def thresholds(self, strategy: ThresholdStrategy, samples: np.ndarray, *, frozen: bool) -> Thresholds:
        """The thresholds of the elements.

        Args:
            strategy: "median", "mean", "zero" or a number; quartiles in place of the median where a unit has two elements.
            samples: values ``[row, element]``, float64 and finite; looked at where the strategy needs data, and then not empty.
            frozen: whether they are kept for all epochs.
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
        """The connectivity matrix of the elements, ``[element, element]``, of that of the columns.

        A unit is connected to another where any of its members is to any of the other's.
        """
        units = np.zeros((len(self.members), len(self.members)), dtype=np.int64)
        owners = np.array(self.owners)
        np.maximum.at(units, (owners[:, None], owners[None, :]), np.array(columns))
        return tuple(map(tuple, units.repeat(self.bits, axis=0).repeat(self.bits, axis=1).tolist()))

    def levels(self, bits: Tensor) -> Tensor:
        """The level of each unit, from 0 (lowest) to ``2**bits - 1``, ``[..., unit]``, of elements ``[..., element]``."""
        whole = bits.to(torch.int64)
        if self.bits == 1:
            return whole
        first, second = whole[..., ::2], whole[..., 1::2]
        return 2 * first + (first ^ second)


@dataclass(frozen=True)
class ThresholdTensors:
    """Thresholds as tensors ``[element]``, to be compared with activations; ``upper`` is None where no element has one."""

    lower: Tensor
    upper: Tensor | None = None

    @classmethod
    def of(cls, thresholds: Thresholds, *, like: Tensor) -> ThresholdTensors:
        """The thresholds for activations like these."""
        upper = tuple(float("inf") if value is None else value for value in thresholds.upper)
        return cls(threshold_tensor(thresholds.values, like=like), threshold_tensor(upper, like=like) if upper else None)

    def bits(self, values: Tensor) -> Tensor:
        """Which elements are ON, boolean, of values ``[..., element]``."""
        return is_on(values, self.lower, self.upper)

    def codes(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The states' codes ``[...]`` (``NO_STATE`` where a value is not finite), and how many rows have none."""
        return encode(values, self.lower, self.upper)
