"""Recording of layer outputs inside graphs made by ``torch.compile``.

Where the compiler may split the graph, the graph is split and the recording runs outside of the graph, as without a compiler. Where
the user forbids this (``fullgraph=True``), the recording becomes an operator inside the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from lightning_iit.capture.hooks.outputs import activations_of

if TYPE_CHECKING:
    from collections.abc import Callable


class RecordsOutputs(Protocol):
    """Describes an object that records the outputs of a layer."""

    def record(self, output: Any, *, lengths: Tensor | None = None) -> None:
        """Records one output of the layer, with the lengths ``[sequence]`` of padded sequences where they are known."""


# An operator takes tensors and numbers only, so a recorder is passed by its number.
_recorders: WeakValueDictionary[int, RecordsOutputs] = WeakValueDictionary()

# The operator claims to change this tensor: one that changes nothing and returns nothing would be optimised away.
_touched = torch.zeros(())


@torch.library.custom_op("lightning_iit::record", mutates_args=("touched",))
def _record(activations: Tensor, lengths: Tensor | None, touched: Tensor, recorder: int) -> None:  # noqa: ARG001
    """Passes activations, with the lengths of padded sequences, from inside a compiled graph to the recorder of this number."""
    known = _recorders.get(recorder)
    if known is not None:
        known.record(activations, lengths=lengths)


@_record.register_fake
def _(activations: Tensor, lengths: Tensor | None, touched: Tensor, recorder: int) -> None:  # noqa: ARG001
    return None


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def is_unbreakable() -> bool:
    """Returns whether the graph that torch is tracing must stay in one piece (``fullgraph=True``).

    Called while torch traces the graph; the answer becomes a constant of the graph. False where torch does not tell.
    """
    try:
        from torch._dynamo.symbolic_convert import InstructionTranslator

        return bool(InstructionTranslator.current_tx().one_graph)
    except (ImportError, AttributeError):
        return False


def recording_in_graphs(recorder: RecordsOutputs) -> Callable[..., None]:
    """Builds the function that a hook calls with each output while a compiler traces the call.

    In a graph that must stay in one piece the function records tensors only, and no packed sequences.
    """
    number = id(recorder)
    _recorders[number] = recorder
    eager: Callable[..., None] = torch.compiler.disable(recorder.record)  # type: ignore[no-untyped-call]

    def record(output: Any, lengths: Tensor | None = None) -> None:
        if is_unbreakable():
            activations = activations_of(output)
            if isinstance(activations, Tensor):
                _record(activations.detach(), lengths, _touched, number)
        else:
            eager(output, lengths=lengths)

    return record
