"""Finds the layers from which a tensor was computed, by reading autograd's graph during the forward pass."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class Dataflow:
    """Remembers which layer made which node of autograd's graph; keeps the graph in memory until :meth:`clear`.

    Args:
        limit: the largest number of graph nodes that one search visits.
    """

    def __init__(self, *, limit: int = 2_000) -> None:
        self._made: dict[Any, int] = {}
        self._limit = limit

    def made(self, tensor: Tensor, layer: int) -> None:
        """Notes that the tensor is the output of the layer with this index; a tensor without gradient is passed over."""
        if tensor.grad_fn is not None:
            self._made[tensor.grad_fn] = layer

    def sources(self, tensor: Tensor) -> list[int]:
        """Returns the indices of the layers whose outputs reach this tensor with no other layer between, nearest first.

        The list is empty if autograd does not track the tensor. Layers beyond ``limit`` graph nodes are not found.
        """
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
        """Forgets all layers, so that autograd's graph can be freed."""
        self._made.clear()
