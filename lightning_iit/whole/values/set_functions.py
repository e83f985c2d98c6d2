"""The measures that are sums of logarithms of determinants, as functions of one side of a bipartition.

With ``h(S)`` the logarithm of the determinant of the rows and columns of the units S in a matrix, each measure of a bipartition is
a sum over some matrices of ``sign / 2 * (h(S) + h(all others) - h(all))``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.whole.values.covariances import log_det, log_dets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int

    from lightning_iit.whole.values.partitions import Part, Partition

_NUMBERS = 2_000_000
"""How many numbers of small matrices are held in memory at a time."""


class LogDetTerm(NamedTuple):
    """Holds a matrix of which determinants are taken.

    Args:
        matrix: a covariance, with the rows of a unit side by side.
        width: how many rows a unit has.
        sign: with which sign its logarithms count.
    """

    matrix: np.ndarray
    width: int
    sign: int

    def rows(self, units: Sequence[int] | Int[np.ndarray, " unit"]) -> Int[np.ndarray, " row"]:
        """Returns the rows of some units."""
        return (np.asarray(units, dtype=np.int64)[:, None] * self.width + np.arange(self.width)).ravel()

    def log_det_of(self, units: Sequence[int]) -> float:
        """Returns the logarithm of the determinant of some units' rows and columns."""
        rows = self.rows(units)
        return log_det(self.matrix[np.ix_(rows, rows)])


@dataclass(frozen=True, eq=False)
class LogDetFunction:
    """Computes a measure of partitions from determinants.

    Args:
        terms: the matrices.
        units: how many units there are.
    """

    terms: tuple[LogDetTerm, ...]
    units: int

    @cached_property
    def _whole(self) -> float:
        return sum(term.sign * log_det(term.matrix) for term in self.terms)

    def at(self, partition: Partition) -> float:
        """Returns the measure of a partition, in nats."""
        parts = sum(term.sign * term.log_det_of(part) for term in self.terms for part in partition)
        return (parts - self._whole) / 2

    def at_cuts(self, sides: Sequence[Part]) -> Float[np.ndarray, " cut"]:
        """Returns the measure of several bipartitions, each given by one side, in nats."""
        found = np.full(len(sides), -self._whole)
        by_size = defaultdict(list)
        for index, side in enumerate(sides):
            by_size[len(side)].append(index)
        for size, indices in by_size.items():
            inside = np.array([sides[index] for index in indices])
            others = np.ones((len(indices), self.units), dtype=bool)
            others[np.arange(len(indices))[:, None], inside] = False
            outside = np.broadcast_to(np.arange(self.units), others.shape)[others].reshape(len(indices), self.units - size)
            for term in self.terms:
                found[indices] += term.sign * (_many(term, inside) + _many(term, outside))
        return found / 2


def _many(term: LogDetTerm, sets: Int[np.ndarray, "set unit"]) -> Float[np.ndarray, " set"]:
    """Returns the logarithm of the determinant of many sets of equally many units."""
    rows = (sets[:, :, None] * term.width + np.arange(term.width)).reshape(len(sets), -1)
    step = max(1, _NUMBERS // rows.shape[1] ** 2)
    chunks = [rows[start : start + step] for start in range(0, len(rows), step)]
    return np.concatenate([log_dets(term.matrix[chunk[:, :, None], chunk[:, None, :]]) for chunk in chunks])
