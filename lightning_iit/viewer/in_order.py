"""Rows that stay in order while one after the other comes."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Row = TypeVar("Row")


class InOrder(Generic[Row]):
    """Keeps rows in order; to put one more among thousands sorts nothing.

    Args:
        order: returns what a row is sorted by; of equal rows, the one that came first is the first.

    Example:
        >>> rows = InOrder[str](order=len)
        >>> for row in ("ccc", "a", "dd"):
        ...     rows.put(row)
        >>> rows.put("bbbb", instead_of="a")
        >>> rows.all()
        ('dd', 'ccc', 'bbbb')
    """

    def __init__(self, order: Callable[[Row], Any]) -> None:
        self._order = order
        self._rows: list[Row] = []

    def put(self, row: Row, *, instead_of: Row | None = None) -> None:
        """Adds a row, and takes out the one that it replaces, if any; that one must be among the rows."""
        if instead_of is not None:
            start = bisect_left(self._rows, self._order(instead_of), key=self._order)
            del self._rows[self._rows.index(instead_of, start)]
        insort(self._rows, row, key=self._order)

    def all(self) -> tuple[Row, ...]:
        """Returns the rows in order."""
        return tuple(self._rows)
