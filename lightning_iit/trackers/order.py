"""Restores the order of capture: results arrive late and in any order, and leave layer by layer in the order of capture."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.records.schema import Key

Item = TypeVar("Item")


class CaptureOrder(Generic[Item]):
    """Holds back each item until all items that the same layer captured earlier have arrived or were given up.

    An item that was not announced counts as captured when the item arrives.

    Example:
        >>> order = CaptureOrder[str]()
        >>> order.expect(("fc1", 0))
        >>> order.put(("fc1", 1), "second")
        []
        >>> order.put(("fc1", 0), "first")
        ['first', 'second']
    """

    def __init__(self) -> None:
        self._expected: dict[str, deque[Key]] = {}
        self._come: dict[Key, Item | None] = {}

    def expect(self, key: Key) -> None:
        """Announces an item that will arrive later. Call this in the order of capture."""
        keys = self._expected.setdefault(key[0], deque())
        if key not in keys:
            keys.append(key)

    def put(self, key: Key, item: Item) -> list[Item]:
        """Takes an item in and returns the items that may now leave, in the order of capture."""
        self.expect(key)
        self._come[key] = item
        return list(self._released(key[0]))

    def drain(self) -> list[Item]:
        """Gives up all items that have not arrived and returns all held items, layer by layer in the order of capture."""
        for keys in self._expected.values():
            for key in keys:
                self._come.setdefault(key, None)
        return [item for layer in self._expected for item in self._released(layer)]

    def _released(self, layer: str) -> Iterator[Item]:
        """Yields, and forgets, the items of a layer that wait for no earlier item."""
        keys = self._expected.get(layer, deque())
        while keys and keys[0] in self._come:
            item = self._come.pop(keys.popleft())
            if item is not None:
                yield item
