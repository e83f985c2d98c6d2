"""Results come late and out of order; this hands each layer's on in the order in which they were captured."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Key: TypeAlias = tuple[str, int]
"""Layer and epoch."""

Item = TypeVar("Item")


class CaptureOrder(Generic[Item]):
    """Holds what came early until all that the same layer captured before it has come, or was given up.

    A key that nobody announced counts as captured when its item comes.
    """

    def __init__(self) -> None:
        self._expected: dict[str, deque[int]] = {}
        self._come: dict[Key, Item | None] = {}

    def expect(self, key: Key) -> None:
        """Announces an item; called in the order of capture."""
        layer, epoch = key
        epochs = self._expected.setdefault(layer, deque())
        if epoch not in epochs:
            epochs.append(epoch)

    def put(self, key: Key, item: Item) -> list[Item]:
        """Takes an item in and returns what may now be handed on, in order."""
        self.expect(key)
        self._come[key] = item
        return list(self._released(key[0]))

    def drain(self) -> list[Item]:
        """Gives up all that has not come and returns what waited, in order."""
        for layer, epochs in self._expected.items():
            for epoch in epochs:
                self._come.setdefault((layer, epoch), None)
        return [item for layer in self._expected for item in self._released(layer)]

    def _released(self, layer: str) -> Iterator[Item]:
        epochs = self._expected.get(layer, deque())
        while epochs and (layer, epochs[0]) in self._come:
            item = self._come.pop((layer, epochs.popleft()))
            if item is not None:
                yield item
