"""From which layers a tensor was computed, read from autograd's graph while it is being built."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class Dataflow:
    """Remembers which layer made which node of the graph; holds the graph's nodes until :meth:`clear`."""

    def __init__(self, *, limit: int = 2_000) -> None:
        self._made: dict[Any, int] = {}
        self._limit = limit

    def made(self, tensor: Tensor, layer: int) -> None:
        """Notes that this tensor is the output of a layer."""
        if tensor.grad_fn is not None:
            self._made[tensor.grad_fn] = layer

    def sources(self, tensor: Tensor) -> list[int]:
        """The layers whose outputs reach this tensor with no other layer between; empty where no gradient is tracked."""
        if tensor.grad_fn is None:
            return []
        found: list[int] = []
        seen = {tensor.grad_fn}
        waiting: deque[Any] = deque([tensor.grad_fn])
        while waiting and len(seen) < self._limit:
            node = waiting.popleft()
            layer = self._made.get(node)
            if layer is not None:
                if layer not in found:
                    found.append(layer)
                continue
            for before, _ in node.next_functions:
                if before is not None and before not in seen:
                    seen.add(before)
                    waiting.append(before)
        return found

    def clear(self) -> None:
        """Lets go of the graph."""
        self._made.clear()
