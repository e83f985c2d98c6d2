"""The forward hook of a layer: it copies the activations of a few units, and leaves everything else for later.

The training step pays for an index and a store. Checks, thresholds, codes and counts are made for many steps at once, by
:mod:`lightning_iit.capture.count.layer`, without waiting for a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_iit.capture.hooks.compiled import is_unbreakable, recording_in_graphs
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.hooks.outputs import Activations, activations_of, pick

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.layout import Layout

Reader = Callable[[Any], Activations]
"""From a layer's output to a copy of what is kept of it."""

_in_backward = torch._C._current_graph_task_id


class Recorder:
    """What the hooks of one layer write to.

    Attributes:
        gate: open while a training step is running; outside of one nothing is kept.
        passes: how often the layer was called in this step.
        streams: what was kept, by the number of the pass within its step.
        read: from an output to what is kept of it.
        error: the first exception; after it nothing more is kept until :meth:`clear`.
    """

    def __init__(self, read: Reader) -> None:
        self.read = read
        self.gate: Gate = Switch()
        self.clear()

    def clear(self) -> None:
        """Forgets what was kept."""
        self.passes = 0
        self.streams: list[list[Activations]] = [[]]
        self.error: Exception | None = None

    def record(self, output: Any) -> None:
        """Keeps what is to be kept of an output; an exception ends the keeping, never the training."""
        # Within a backward pass a forward is a repetition: activation checkpointing recomputes what was counted before.
        if not self.gate.open or self.error is not None or _in_backward() != -1:
            return
        try:
            number = self.passes
            if number == len(self.streams):
                self.streams.append([])
            self.streams[number].append(self.read(output))
            self.passes = number + 1
        except Exception as error:  # noqa: BLE001
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Ends the keeping."""
        self.error = self.error or error
        self.streams = [[]]


class CellRecorder(Recorder):
    """What the hooks of a recurrent cell write to: its calls within a step are the time of a sequence."""

    def clear(self) -> None:
        """Forgets what was kept."""
        super().clear()
        self._sequence: list[Tensor] = []
        self._last: Any = None

    def end_sequence(self) -> None:
        """Puts the calls of a sequence together; none goes on in another step."""
        if self._sequence:
            self.streams[0].append(torch.stack(self._sequence, -2))
        self._sequence, self._last = [], None

    def record_call(self, output: Any, state: Any) -> None:
        """Keeps one step of a sequence, which is new where the state that the cell was given is none of its own."""
        if not self.gate.open or self.error is not None or _in_backward() != -1:
            return
        try:
            if self._is_new(state):
                self.end_sequence()
            kept = self.read(output)
            assert isinstance(kept, Tensor)
            if self._sequence and kept.shape != self._sequence[-1].shape:
                self.end_sequence()
            self._sequence.append(kept)
            self._last = _hidden(output)
        except Exception as error:  # noqa: BLE001
            self.fail(error)

    def _is_new(self, state: Any) -> bool:
        hidden = _hidden(state)
        if hidden is None or self._last is None:
            return True
        if hidden is self._last:
            return False
        # A state that comes out of a computation is taken for the previous one, masked or normalised on its way.
        if torch.is_grad_enabled():
            return not hidden.requires_grad
        # Without gradients nothing tells that: only what looks like a beginning is one. To look waits for a GPU: not in training.
        return hidden.shape != self._last.shape or not bool(hidden.any())


def _hidden(state: Any) -> Any:
    return state[0] if isinstance(state, (tuple, list)) else state


def attach_hook(module: nn.Module, recorder: Recorder) -> RemovableHandle:
    """Has every forward pass of the module recorded, in eager mode and in graphs that are compiled from now on."""
    if isinstance(recorder, CellRecorder):
        return module.register_forward_hook(_cell_hook(recorder), with_kwargs=True)
    record = recorder.record
    compiling = torch.compiler.is_compiling
    # Leaving a graph costs more than the recording itself, so that is only paid where a compiler traces the call.
    record_in_graph = recording_in_graphs(recorder)

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if compiling():
            record_in_graph(output)
        else:
            record(output)

    return module.register_forward_hook(hook)


def _cell_hook(recorder: CellRecorder) -> Callable[[nn.Module, Sequence[Any], Mapping[str, Any], Any], None]:
    record: Callable[[Any, Any], None] = torch.compiler.disable(recorder.record_call)  # type: ignore[no-untyped-call]

    def hook(_module: nn.Module, inputs: Sequence[Any], named: Mapping[str, Any], output: Any) -> None:
        if torch.compiler.is_compiling() and is_unbreakable():
            return
        record(output, inputs[1] if len(inputs) > 1 else named.get("hx", named.get("state")))

    return hook


def reader(layout: Layout, index: Tensor | None, unwrap: Callable[[Any], Any] | None) -> Reader:
    """How an output of this layout is read.

    Args:
        layout: of the output's tensor.
        index: the units to keep, on the output's device; None keeps all.
        unwrap: from the output to its tensor; None where the output is the tensor.
    """
    axis = layout.axes.index("U")
    if index is not None and unwrap is None and not layout.averaged:
        return lambda output: output.detach().index_select(axis, index)
    if index is not None and unwrap is _hidden and not layout.averaged:
        return lambda output: output[0].detach().index_select(axis, index)

    def read(output: Any) -> Activations:
        return pick(output if unwrap is None else unwrap(output), layout, index)

    return read


def unwrapper(output: Any, unit_fn: Callable[[Any], Tensor] | None) -> Callable[[Any], Any] | None:
    """How the tensor is taken out of outputs like this one: the quickest way that serves."""
    if unit_fn is not None:
        return unit_fn
    if isinstance(output, Tensor):
        return None
    if type(output) is tuple and output and isinstance(output[0], Tensor):
        return _hidden
    return activations_of
