"""The forward hook of a layer, which copies the activations of a few units and does nothing else.

A training step pays only for an index and a store. :mod:`lightning_iit.capture.count.layer` does the checks, thresholds, state
codes and counts later for many steps at once, without waiting for a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_iit.capture.hooks.attached import attach
from lightning_iit.capture.hooks.compiled import is_unbreakable, recording_in_graphs
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.hooks.outputs import Activations, activations_of, pick

if TYPE_CHECKING:
    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.layout import Layout

Reader = Callable[[Any], Activations]
"""Takes a layer's output and returns a copy of the activations that are kept."""

_in_backward = torch._C._current_graph_task_id


class Recorder:
    """Records the activations that the hook of one layer copies.

    Args:
        read: takes an output and returns the activations to keep.

    Attributes:
        gate: decides whether a call counts; nothing is recorded while the gate is closed.
        passes: how many calls of the layer were recorded in this step.
        streams: the recorded activations: one list for the first call of the layer in each step, one for the second call, and so
            on.
        read: takes an output and returns the activations to keep.
        error: the first exception; after an exception nothing more is recorded until :meth:`clear`.
    """

    def __init__(self, read: Reader) -> None:
        self.read = read
        self.gate: Gate = Switch()
        self.clear()

    def clear(self) -> None:
        """Forgets all recorded activations and the exception."""
        self.passes: int = 0
        self.streams: list[list[Activations]] = [[]]
        self.error: Exception | None = None

    def record(self, output: Any) -> None:
        """Records the activations in an output while the gate is open. An exception ends the recording, never the training."""
        # A forward pass within a backward pass is a repetition: activation checkpointing computes counted calls again.
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
        """Ends the recording: forgets the recorded activations and keeps the first exception."""
        self.error = self.error or error
        self.streams = [[]]


class CellRecorder(Recorder):
    """Records the calls of a recurrent cell: successive calls within a step become the time steps of a sequence."""

    def clear(self) -> None:
        """Forgets all recorded activations and the exception."""
        super().clear()
        self._sequence: list[Tensor] = []
        self._last: Any = None

    def end_sequence(self) -> None:
        """Joins the calls since the last sequence into one sequence ``[..., time, unit]``.

        Also called at the end of each step, so that no sequence spans two steps.
        """
        if self._sequence:
            self.streams[0].append(torch.stack(self._sequence, -2))
        self._sequence, self._last = [], None

    def record_call(self, output: Any, state: Any) -> None:
        """Records one call of the cell, as the next time step of the current sequence or as the first of a new sequence.

        A new sequence begins where the given hidden state does not come from the cell's last call, or where the output's shape
        changes.

        Args:
            output: the output of the cell.
            state: the hidden state (or hidden and cell state) that the cell was called with; None for none.
        """
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
        """Returns whether a call with this state begins a new sequence."""
        hidden = _hidden(state)
        if hidden is None or self._last is None:
            return True
        if hidden is self._last:
            return False
        # A state with a gradient was computed, so it is taken to be the cell's last state, masked or normalised on the way.
        if torch.is_grad_enabled():
            return not hidden.requires_grad
        # Without gradients only zeros or another shape show a start. The test for zeros waits for a GPU, but never in training.
        return hidden.shape != self._last.shape or not bool(hidden.any())


def _hidden(state: Any) -> Any:
    """Returns the hidden state: the first of a tuple or list, or the value itself."""
    return state[0] if isinstance(state, (tuple, list)) else state


def attach_hook(module: nn.Module, recorder: Recorder) -> AttachedHook:
    """Hooks a module so that the recorder gets each output, in eager mode and in graphs that are compiled from now on.

    Returns:
        A handle whose ``remove()`` removes the hook.
    """
    if isinstance(recorder, CellRecorder):
        return attach(module, _cell_hook(recorder), with_kwargs=True)
    record = recorder.record
    compiling = torch.compiler.is_compiling
    # To leave a graph costs more than the recording itself, so the graph is left only where a compiler traces the call.
    record_in_graph = recording_in_graphs(recorder)

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if compiling():
            record_in_graph(output)
        else:
            record(output)

    return attach(module, hook)


def _cell_hook(recorder: CellRecorder) -> Callable[[nn.Module, Sequence[Any], Mapping[str, Any], Any], None]:
    """Builds the hook of a recurrent cell. A graph that must stay in one piece (``fullgraph=True``) records nothing."""
    record: Callable[[Any, Any], None] = torch.compiler.disable(recorder.record_call)  # type: ignore[no-untyped-call]

    def hook(_module: nn.Module, inputs: Sequence[Any], named: Mapping[str, Any], output: Any) -> None:
        if torch.compiler.is_compiling() and is_unbreakable():
            return
        record(output, inputs[1] if len(inputs) > 1 else named.get("hx", named.get("state")))

    return hook


def reader(layout: Layout, index: Tensor | None, unwrap: Callable[[Any], Any] | None) -> Reader:
    """Builds the function that copies the activations of the wanted units from an output of this layout.

    Args:
        layout: the axes of the output's tensor.
        index: the units to keep, on the output's device; None keeps all.
        unwrap: takes an output and returns its tensor; None where the output is the tensor.
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
    """Returns the quickest function that takes the tensor out of outputs like this one, or None where the output is the tensor.

    Args:
        output: an output of the layer.
        unit_fn: the user's own function, which goes before all others.
    """
    if unit_fn is not None:
        return unit_fn
    if isinstance(output, Tensor):
        return None
    if type(output) is tuple and output and isinstance(output[0], Tensor):
        return _hidden
    return activations_of
