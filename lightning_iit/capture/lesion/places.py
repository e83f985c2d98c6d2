"""The places at which a layer has values in a pass (each step of each call), and what units are set to there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records.lesions.record import SetTo


class Places:
    """Observes the values of a layer in one pass, and sets some of its units in further passes over the same data.

    Args:
        to: what units are set to.
        seed: of the choice of other samples.

    Attributes:
        width: the number of units of the layer; 0 before the layer was called.
    """

    def __init__(self, to: SetTo, seed: int) -> None:
        self.width: int = 0
        self._to, self._seed = to, seed
        self._units: Sequence[int] | None = None
        self._sums: dict[tuple[str, int], tuple[Tensor, int]] = {}
        self._kept: list[Tensor] = []
        self._next = 0

    def begin(self, units: Sequence[int] | None) -> None:
        """Begins a pass in which these units are set; None observes, and has to be the first pass."""
        self._units, self._next = units, 0

    def at(
        self, values: Tensor, *, unit: int = 1, batch: int | None = 0, rows: Tensor | None = None, part: str = "", offset: int = 0
    ) -> Tensor:
        """Observes the values at the next place, or sets units in a copy of them.

        Args:
            values: the layer's values there, of any shape.
            unit: the axis of the units.
            batch: the axis of the samples; None where there is none.
            rows: which samples have this place, ``[sample]``, boolean; None for all.
            part: which part of a layer's state this is, of several that have the same units.
            offset: the index, in the layer, of the first unit here.

        Returns:
            The values with which the layer goes on.
        """
        key = part, offset
        if self._units is None:
            self._observe(key, values, unit, rows)
            return values
        place, self._next = self._next, self._next + 1
        local = [index - offset for index in self._units if 0 <= index - offset < values.shape[unit]]
        if not local:
            return values
        changed = values.clone()
        changed.movedim(unit, -1)[..., local] = self._other(key, place, values, unit, batch, rows)[..., local]
        return changed

    def _observe(self, key: tuple[str, int], values: Tensor, unit: int, rows: Tensor | None) -> None:
        """Adds values to their means, and keeps them where other samples' values are wanted."""
        self.width = max(self.width, key[1] + values.shape[unit])
        last = values.detach().movedim(unit, -1)
        flat = (last if rows is None else last[rows]).reshape(-1, values.shape[unit]).double()
        total, count = self._sums.get(key, (torch.zeros_like(flat[:0].sum(0)), 0))
        self._sums[key] = total + flat.sum(0), count + len(flat)
        if self._to == "resample":
            self._kept.append(values.detach().clone())

    def _other(self, key: tuple[str, int], place: int, values: Tensor, unit: int, batch: int | None, rows: Tensor | None) -> Tensor:
        """Returns what all units would be set to, with their axis last."""
        if self._to == "zero":
            return torch.zeros_like(values).movedim(unit, -1)
        total, count = self._sums[key]
        mean = (total / max(count, 1)).to(values.dtype).expand(values.movedim(unit, -1).shape)
        if self._to == "mean":
            return mean
        size = 1 if batch is None else values.shape[0 if batch is None else batch]
        if size < 2:
            msg = "to='resample': a batch has one sample, and no other one to take values of; give batches of 2 samples or more."
            raise InvalidArgumentError(msg)
        partners, there = _partners(size, rows, self._seed)
        if not len(there):
            return mean  # no other sample has this place
        of_others = self._kept[place].index_select(batch or 0, partners.to(values.device))
        return of_others.movedim(unit, -1)


def _partners(size: int, rows: Tensor | None, seed: int) -> tuple[Tensor, Tensor]:
    """Returns for each sample another one that has the place too: the next one in a random circle; and the samples in the circle.

    The circle is empty where fewer than two samples have the place; samples that do not have it stay with themselves.
    """
    circle = torch.from_numpy(np.random.default_rng(seed).permutation(size))
    if rows is not None:
        circle = circle[rows.cpu()[circle]]
    partners = torch.arange(size)
    partners[circle] = circle.roll(1)
    return partners, circle if len(circle) > 1 else circle[:0]
