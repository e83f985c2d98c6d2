"""What pairs of a layer's units tell of their own future: atoms of integrated information decomposition (ΦID)."""

from __future__ import annotations

from typing import Literal, TypeAlias

from lightning_iit.records.schema import Count, Index, Record, Share

Redundancy: TypeAlias = Literal["mmi", "ccs"]
"""The measure of redundancy: "mmi" (minimum mutual information) or "ccs" (common change in surprisal)."""
PairName: TypeAlias = Literal["redundancy", "synergy", "transfer"]
"""What is shown of a pair: the atoms rtr and sts, and both atoms of transfer together."""


class PairNumbers(Record, frozen=True, kw_only=True):
    """Holds one number of each pair of elements.

    Args:
        name: the number: "redundancy" (rtr), "synergy" (sts) or "transfer" (xty + ytx).
        values: the number of each pair, in nats, in the order (0, 1), (0, 2), ..., (1, 2), ...
        null_means: the mean over surrogates of each pair; empty without a null.
        p: the p-value of each pair; empty without a null.
    """

    name: PairName
    values: tuple[float, ...]
    null_means: tuple[float, ...] = ()
    p: tuple[Share, ...] = ()

    @property
    def mean(self) -> float:
        """Returns the mean over pairs."""
        return sum(self.values) / len(self.values)

    @property
    def excess(self) -> float | None:
        """Returns the mean over pairs less that of the surrogates; None without a null."""
        return self.mean - sum(self.null_means) / len(self.null_means) if self.null_means else None


class PairsOfUnits(Record, frozen=True, kw_only=True):
    """Holds ΦID of the pairs of a layer's elements.

    Args:
        elements: the elements: single units, or groups of units, whose mean activity is one variable.
        redundancy: the measure of redundancy.
        numbers: redundancy, synergy and transfer of each pair.
        surrogates: how many surrogates the null has.
        notes: what a reader should know, in sentences.
    """

    elements: tuple[tuple[Index, ...], ...]
    redundancy: Redundancy
    numbers: tuple[PairNumbers, ...]
    surrogates: Count = 0
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> PairNumbers:
        """Returns one of the numbers by its name.

        Raises:
            KeyError: there is no such number.
        """
        for one in self.numbers:
            if one.name == name:
                return one
        msg = f"{name!r} is no number of a pair; there are {', '.join(repr(one.name) for one in self.numbers)}."
        raise KeyError(msg)

    def matrix(self, name: str, *, excess: bool = False) -> tuple[tuple[float, ...], ...]:
        """Returns one of the numbers as a symmetric matrix, 0 on its diagonal.

        Args:
            name: the number.
            excess: whether the mean of the null is subtracted.
        """
        one, n = self[name], len(self.elements)
        rows = [[0.0] * n for _ in range(n)]
        less = one.null_means if excess and one.null_means else (0.0,) * len(one.values)
        found = iter(zip(one.values, less, strict=True))
        for first in range(n):
            for second in range(first + 1, n):
                value, null = next(found)
                rows[first][second] = rows[second][first] = value - null
        return tuple(map(tuple, rows))
