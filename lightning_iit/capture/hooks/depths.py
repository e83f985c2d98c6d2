"""Calls of one layer that go on from each other within a step: a block with shared weights that is called at several depths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from lightning_iit.capture.hooks.outputs import Activations
from lightning_iit.capture.hooks.sequences import hidden_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Size, UntypedStorage

_MOST_NODES = 1000
"""So many nodes of autograd's graph are looked through between two calls of a layer."""


class Deep(NamedTuple):
    """Holds the activations of several calls of a layer, each of which was given what came out of the one before."""

    parts: list[Activations]


Recorded: TypeAlias = Activations | Deep
"""What is kept of a source in one step."""


class _Last(NamedTuple):
    """Holds what is known of the output of the last call of a source; nothing of it is kept alive."""

    shape: Size
    memory: StorageWeakRef | None
    node: int | None
    """The number that autograd gave to the function that made the output; later functions have larger ones."""


class Depths:
    """Tells which calls of a layer in a step go on from its earlier calls.

    A call goes on from an earlier one if its input shares memory with the output of that call, or, where gradients are recorded,
    was computed from it. Known without gradients are direct feeding and views. A call whose input is given by keyword is not
    recognised, nor one that was given a copy which autograd does not see.

    Example:
        >>> import torch
        >>> depths, x = Depths(), torch.ones(2, 3, requires_grad=True)
        >>> depths.note(0, y := x.exp())
        >>> depths.source_before([y + x], y), depths.source_before([x], y)
        (0, None)
    """

    def __init__(self) -> None:
        self._last: dict[int, _Last] = {}

    def end_step(self) -> None:
        """Forgets the calls of a step."""
        self._last.clear()

    def note(self, source: int, output: Any) -> None:
        """Notes the output of a call of a source."""
        made = hidden_of(output)
        if isinstance(made, Tensor):
            memory = memory_of(made)
            kept = None if memory is None else StorageWeakRef(memory)  # type: ignore[no-untyped-call]
            self._last[source] = _Last(made.shape, kept, _number_of(made.grad_fn))

    def source_before(self, inputs: Sequence[Any], output: Any) -> int | None:
        """Returns the source from whose last call a call goes on; None where it goes on from none.

        Args:
            inputs: the positional arguments of the call.
            output: its output, which has the shape of the earlier one where the layer is one block of a stream.
        """
        given = next((value for value in inputs if isinstance(value, Tensor)), None)
        made = hidden_of(output)
        if given is None or not isinstance(made, Tensor):
            return None
        same = ((source, last) for source, last in self._last.items() if last.shape == made.shape)
        return next((source for source, last in same if _is_made_from(given, last)), None)


def _is_made_from(given: Tensor, last: _Last) -> bool:
    """Returns whether a tensor shares memory with an output, or was computed from it as far as autograd knows."""
    memory = memory_of(given)
    if memory is not None and last.memory is not None and not last.memory.expired() and memory._cdata == last.memory.cdata:  # type: ignore[no-untyped-call]
        return True
    if last.node is None or given.grad_fn is None:
        return False
    seen, waiting = {given.grad_fn}, [given.grad_fn]
    while waiting and len(seen) < _MOST_NODES:
        node = waiting.pop()
        number = _number_of(node)
        if number == last.node:
            return True
        if number is None or number > last.node:  # what was made before the output was not made from it
            further = [before for before, _ in node.next_functions if before is not None and before not in seen]
            seen.update(further)
            waiting.extend(further)
    return False


def _number_of(node: Any) -> int | None:
    """Returns the number that autograd gave to a function, in the order in which functions are called; None for none."""
    return None if node is None else node._sequence_nr()


def memory_of(tensor: Tensor) -> UntypedStorage | None:
    """Returns the memory of a tensor; None for one that has none of its own, such as a sparse tensor."""
    try:
        return tensor.untyped_storage()
    except NotImplementedError:  # torch's word for sparse tensors, and for those inside of torch.func
        return None
