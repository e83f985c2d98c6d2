"""Finds the layers from which a tensor was computed: by autograd's graph in the forward pass, or else by shared memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch.multiprocessing.reductions import StorageWeakRef

from lightning_iit.capture.hooks.depths import memory_of

if TYPE_CHECKING:
    from torch import Tensor

LEFT_OUT = -1
"""The index under which :meth:`Dataflow.made` notes layers that are not in the picture: a search ends there, and names none."""

_MIXING = ("Bmm", "Mm", "Addmm", "Baddbmm", "Linear", "Convolution", "Fft")
"""Operations, by how their nodes begin, after which units of a result are not the units of what it was computed from."""


@dataclass(frozen=True)
class Source:
    """Says from where (a part of) a tensor came.

    Attributes:
        layer: the index of the layer; None for values that no layer made, such as a part of the model's input.
        start: where the units of the layer begin among ``units``.
        width: how many units that came from it, if the tensor was joined of several.
        units: how many units it was joined to; 0 if it was not joined.
        mixed: whether the units are not those of the layer, as after a product with another tensor.
    """

    layer: int | None
    start: int = 0
    width: int = 0
    units: int = 0
    mixed: bool = False


class Dataflow:
    """Remembers which layer made which node of autograd's graph; keeps the graph in memory until :meth:`clear`.

    Args:
        limit: the largest number of graph nodes that one search visits.
    """

    def __init__(self, *, limit: int = 2_000) -> None:
        self._made: dict[Any, int] = {}
        self._memory: dict[int, tuple[StorageWeakRef, tuple[Source, ...]]] = {}
        self._limit = limit

    def made(self, tensor: Tensor, layer: int) -> None:
        """Notes that the tensor is the output of the layer with this index."""
        if tensor.grad_fn is not None:
            self._made[tensor.grad_fn] = layer
        self._keep(tensor, (Source(layer),))

    def passed(self, given: Tensor, made: Tensor) -> None:
        """Notes that a module that is no layer made the one tensor of the other; only needed where autograd does not see it."""
        if made.grad_fn is None and (sources := self.sources(given)):
            self._keep(made, tuple(sources))

    def sources(self, tensor: Tensor) -> list[Source] | None:
        """Returns the layers whose outputs reach this tensor with no other layer between, nearest first; each layer once.

        Of a tensor that autograd does not track they are found if it shares its memory with the output of a layer. Layers beyond
        ``limit`` graph nodes are not found. None is returned for a tensor of which nothing is known.
        """
        if tensor.grad_fn is None:
            memory = memory_of(tensor)
            kept = None if memory is None else self._memory.get(memory._cdata)
            return None if kept is None or _is_gone(kept[0]) else [one for one in kept[1] if one.layer != LEFT_OUT]
        found: dict[int | None, Source] = {}
        seen = {tensor.grad_fn}
        waiting: deque[tuple[Any, Source]] = deque([(tensor.grad_fn, Source(None))])
        while waiting and len(seen) < self._limit:
            node, way = waiting.popleft()
            layer = self._made.get(node)
            if layer is not None:
                found.setdefault(layer, replace(way, layer=layer))
                continue
            for (before, _), further in zip(node.next_functions, _ways(node, way), strict=True):
                if before is None:
                    if further.units and node.name().startswith("CatBackward"):  # elsewhere it is a mask or a constant
                        found.setdefault(None, further)
                elif before not in seen:
                    seen.add(before)
                    waiting.append((before, further))
        return [source for source in found.values() if source.layer != LEFT_OUT]

    def clear(self) -> None:
        """Forgets all layers, so that autograd's graph can be freed."""
        self._made.clear()
        self._memory.clear()

    def _keep(self, tensor: Tensor, sources: tuple[Source, ...]) -> None:
        """Notes from where the memory of a tensor was filled, without keeping the memory."""
        memory = memory_of(tensor)
        if memory is not None:
            self._memory[memory._cdata] = (StorageWeakRef(memory), sources)  # type: ignore[no-untyped-call]


def _is_gone(storage: StorageWeakRef) -> bool:
    """Returns whether the memory is free; another tensor never has the same key, since the reference holds it."""
    return bool(storage.expired())  # type: ignore[no-untyped-call]


def _ways(node: Any, way: Source) -> list[Source]:
    """Returns for each input of a graph node which units of the searched tensor it came to."""
    inputs = node.next_functions
    name = node.name()
    if name.startswith("ScaledDotProduct"):  # queries, keys, values: the result has the units of the values
        return [replace(way, mixed=way.mixed or at != 2) for at in range(len(inputs))]
    if name.startswith(_MIXING):
        return [replace(way, mixed=True)] * len(inputs)
    parts = _joined(node) if name.startswith("CatBackward") else None
    if parts is None:
        return [way] * len(inputs)
    units = way.units or sum(parts)
    return [replace(way, start=way.start + sum(parts[:at]), width=part, units=units) for at, part in enumerate(parts)]


def _joined(node: Any) -> list[int] | None:
    """Returns how many units each input of a concatenation has; None if it joins no units, or this cannot be told."""
    try:
        shape = node._input_metadata[0].shape
        axis = node._saved_dim
        axis = axis - 2**64 if axis >= 2**63 else axis  # torch shows a negative number as an unsigned one
        axis %= len(shape)
        if axis != (1 if len(shape) > 3 else len(shape) - 1):
            return None
        parts = [None if one is None else int(one._input_metadata[at].shape[axis]) for one, at in node.next_functions]
    except (AttributeError, IndexError, RuntimeError):
        return None
    known = [part for part in parts if part is not None]
    if len(parts) - len(known) > 1:
        return None
    rest = int(shape[axis]) - sum(known)
    return [rest if part is None else part for part in parts]
