"""Recording from within graphs that ``torch.compile`` made.

Where the graph may be broken, it is: the recording then runs as it does without a compiler. Where the user forbade that
(``fullgraph=True``), the recording is an operator of the graph.
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
    """What is told of each output."""

    def record(self, output: Any) -> None:
        """Keeps what is to be kept of an output."""


# An operator takes tensors and numbers only, so a recorder is passed by its number.
_recorders: WeakValueDictionary[int, RecordsOutputs] = WeakValueDictionary()

# The operator claims to change this tensor: one that changes nothing and returns nothing would be optimised away.
_touched = torch.zeros(())


@torch.library.custom_op("lightning_iit::record", mutates_args=("touched",))
def _record(activations: Tensor, touched: Tensor, recorder: int) -> None:  # noqa: ARG001
    known = _recorders.get(recorder)
    if known is not None:
        known.record(activations)


@_record.register_fake
def _(activations: Tensor, touched: Tensor, recorder: int) -> None:  # noqa: ARG001
    return None


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def is_unbreakable() -> bool:
    """Whether the graph that is being traced must not be broken; asked while it is traced."""
    try:
        from torch._dynamo.symbolic_convert import InstructionTranslator

        return bool(InstructionTranslator.current_tx().one_graph)
    except (ImportError, AttributeError):
        return False


def recording_in_graphs(recorder: RecordsOutputs) -> Callable[[Any], None]:
    """What a hook calls with an output while a compiler traces it."""
    number = id(recorder)
    _recorders[number] = recorder
    eager: Callable[[Any], None] = torch.compiler.disable(recorder.record)  # type: ignore[no-untyped-call]

    def record(output: Any) -> None:
        if is_unbreakable():
            activations = activations_of(output)
            if isinstance(activations, Tensor):
                _record(activations.detach(), _touched, number)
        else:
            eager(output)

    return record
