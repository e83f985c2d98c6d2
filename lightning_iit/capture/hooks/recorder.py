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
from lightning_iit.capture.hooks.calls import StepCalls
from lightning_iit.capture.hooks.compiled import is_unbreakable, recording_in_graphs
from lightning_iit.capture.hooks.depths import Deep, Depths
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.hooks.outputs import Activations, Padded, activations_of, averaged_over, pick
from lightning_iit.capture.hooks.padding import lengths_argument
from lightning_iit.capture.hooks.sequences import begins_sequence, hidden_of

if TYPE_CHECKING:
    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.depths import Recorded
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.hooks.padding import FindLengths
    from lightning_iit.capture.layout import Layout

Reader = Callable[[Any], Activations]
"""Takes a layer's output and returns a copy of the activations that are kept."""

_in_backward = torch._C._current_graph_task_id


MOST_SOURCES = 16
"""The most sources of a layer that are kept apart."""


class Recorder:
    """Records the activations that the hook of one layer copies.

    Args:
        read: takes an output and returns the activations to keep.

    Attributes:
        gate: decides whether a call counts; nothing is recorded while the gate is closed.
        calls: tells repeated calls within a step from calls with other data.
        first: the first source that is recorded (0 is the first call of a step); the calls of those before it are only counted.
        most: how many sources are recorded from there on; the calls of further ones are only counted.
        sources: how many sources were seen in one step, at most.
        streams: the recorded activations: one list for each recorded source. The first call of the layer in each step is the first
            source, the next call with other data the second, and so on.
        read: takes an output and returns the activations to keep.
        may_be_deep: whether calls that go on from each other are recorded as one, each as a depth; looked at in the first step with
            calls since the last :meth:`clear`, and in later ones where there were such calls.
        deep: whether there were such calls.
        error: the first exception; after an exception nothing more is recorded until :meth:`clear`.
    """

    def __init__(self, read: Reader) -> None:
        self.read = read
        self.gate: Gate = Switch()
        self.calls: StepCalls = StepCalls()
        self.first: int = 0
        self.most: int = 1
        self.may_be_deep: bool = False
        self.clear()

    def clear(self) -> None:
        """Forgets all recorded activations and the exception."""
        self.calls.clear()
        self.sources: int = 0
        self.streams: list[list[Recorded]] = [[]]
        self.deep: bool = False
        self._depths: Depths | None = Depths() if self.may_be_deep else None
        self._further = 0
        self.error: Exception | None = None

    def end_step(self) -> None:
        """Ends a step: the next call is the first of a new step."""
        self.calls.end_step()
        self._further = 0
        if self._depths is not None:
            self._depths.end_step()
            if self.sources and not self.deep:
                self._depths = None  # a step then pays nothing for it

    def is_not_deep(self) -> None:
        """Says that calls that go on from each other are no depths of one block; each is then a source of its own."""
        self.may_be_deep, self._depths = False, None

    def record(self, output: Any, inputs: Sequence[Any] = (), lengths: Tensor | None = None) -> None:
        """Records the activations in an output while the gate is open. An exception ends the recording, never the training.

        Args:
            output: the output of the layer.
            inputs: the positional arguments of the call; empty where they are not known.
            lengths: the lengths ``[sequence]`` of padded sequences, where the call was given them.
        """
        # A forward pass within a backward pass is a repetition: activation checkpointing computes counted calls again.
        if not self.gate.open or self.error is not None or _in_backward() != -1:
            return
        try:
            number = self.calls.number(inputs)
            if number is None:
                return
            before = None if self._depths is None else self._depths.source_before(inputs, output)
            source = number - self._further if before is None else before
            if (place := self._place(source)) is not None:
                kept = _with_lengths(self.read(output), lengths)
                if before is None:
                    self.streams[place].append(kept)
                else:
                    self._deepen(self.streams[place], kept)
            if before is not None:
                self.deep, self._further = True, self._further + 1
            if self._depths is not None:
                self._depths.note(source, output)
        except Exception as error:  # noqa: BLE001
            self.fail(error)

    @staticmethod
    def _deepen(stream: list[Recorded], kept: Activations) -> None:
        """Adds the activations of a call to those of the call from which it goes on, the last that was recorded."""
        last = stream[-1]
        stream[-1] = Deep([*(last.parts if isinstance(last, Deep) else [last]), kept])

    def _place(self, number: int) -> int | None:
        """Notes that a source was seen, and returns its place among the recorded ones; None where it is not recorded."""
        self.sources = max(self.sources, number + 1)
        place = number - self.first
        if not 0 <= place < self.most:
            return None
        while place >= len(self.streams):
            self.streams.append([])
        return place

    def fail(self, error: Exception) -> None:
        """Ends the recording: forgets the recorded activations and keeps the first exception."""
        self.error = self.error or error
        self.streams = [[]]


class CellRecorder(Recorder):
    """Records a module that is called once for each time step: successive calls within a step of training become a sequence.

    Further sequences of a step are further sources, unless they have one row each: these are the samples of one batch.

    Attributes:
        joins: whether calls are joined; False where the module turned out to be called with whole sequences.
    """

    def clear(self) -> None:
        """Forgets all recorded activations and the exception."""
        super().clear()
        self.joins: bool = True
        self._sequence: list[Tensor] = []
        self._last: Any = None
        self._source = -1

    def end_step(self) -> None:
        """Ends a step, and the current sequence with it: no sequence spans two steps."""
        super().end_step()
        self.end_sequence()
        self._last, self._source = None, -1

    def end_sequence(self) -> None:
        """Joins the calls since the last sequence into one sequence ``[..., time, unit]``."""
        if self._sequence:
            self.streams[self._source - self.first].append(torch.stack(self._sequence, -2))
        self._sequence = []

    def fail(self, error: Exception) -> None:
        """Ends the recording, and the current sequence with it."""
        super().fail(error)
        self._sequence = []

    def record_call(self, output: Any, inputs: Sequence[Any], state: Any, lengths: Tensor | None = None) -> None:
        """Records one call of the cell, as the next time step of the current sequence or as the first of a new sequence.

        A new sequence begins where the given hidden state does not come from the cell's last call, or where the output's shape
        changes.

        Args:
            output: the output of the cell.
            inputs: the positional arguments of the call.
            state: the hidden state (or hidden and cell state) that the cell was called with; None for none.
            lengths: the lengths ``[sequence]`` of padded sequences, for a call with whole sequences that was given them.
        """
        if not self.joins:
            self.record(output, inputs, lengths)
            return
        if not self.gate.open or self.error is not None or _in_backward() != -1:
            return
        try:
            if self.calls.is_evaluated_again():
                return
            kept = self.read(output)
            if self.joins:
                assert isinstance(kept, Tensor)
                self._join(kept, is_new=begins_sequence(state, self._last))
                self._last = hidden_of(output)
            else:  # the first output that was read told that calls are not joined
                self.calls.note(inputs)
                if (place := self._place(0)) is not None:
                    self.streams[place].append(_with_lengths(kept, lengths))
        except Exception as error:  # noqa: BLE001
            self.fail(error)

    def _join(self, kept: Tensor, *, is_new: bool) -> None:
        """Adds a time step to the current sequence, or begins a new sequence with it."""
        if is_new:
            self.end_sequence()
            alone = kept.shape[:-1].numel() == 1
            self._source = max(self._source, 0) if alone else self._source + 1
        elif self._sequence and kept.shape != self._sequence[-1].shape:
            self.end_sequence()
        if self._place(self._source) is not None:
            self._sequence.append(kept)


def _with_lengths(kept: Activations, lengths: Tensor | None) -> Activations:
    """Returns activations with the lengths of their sequences, where there are lengths and an axis for them."""
    return kept if lengths is None or not isinstance(kept, Tensor) or kept.ndim != 3 else Padded(kept, lengths)


def attach_hook(module: nn.Module, recorder: Recorder) -> AttachedHook:
    """Hooks a module so that the recorder gets each output, in eager mode and in graphs that are compiled from now on.

    Returns:
        A handle whose ``remove()`` removes the hook.
    """
    lengths = lengths_argument(module)
    if isinstance(recorder, CellRecorder):
        return attach(module, _cell_hook(recorder, lengths), with_kwargs=True)
    record = recorder.record
    compiling = torch.compiler.is_compiling
    # To leave a graph costs more than the recording itself, so the graph is left only where a compiler traces the call.
    record_in_graph = recording_in_graphs(recorder)

    def hook(_module: nn.Module, inputs: Sequence[Any], output: Any) -> None:
        if compiling():
            record_in_graph(output)
        else:
            record(output, inputs)

    if lengths is None:
        return attach(module, hook)

    def padded_hook(_module: nn.Module, inputs: Sequence[Any], named: Mapping[str, Any], output: Any) -> None:
        if compiling():
            record_in_graph(output, lengths(inputs, named))
        else:
            record(output, inputs, lengths(inputs, named))

    return attach(module, padded_hook, with_kwargs=True)


def _cell_hook(
    recorder: CellRecorder, lengths: FindLengths | None
) -> Callable[[nn.Module, Sequence[Any], Mapping[str, Any], Any], None]:
    """Builds the hook of a recurrent cell. A graph that must stay in one piece (``fullgraph=True``) records nothing."""
    record: Callable[[Any, Any, Any, Any], None] = torch.compiler.disable(recorder.record_call)  # type: ignore[no-untyped-call]

    def hook(_module: nn.Module, inputs: Sequence[Any], named: Mapping[str, Any], output: Any) -> None:
        if torch.compiler.is_compiling() and is_unbreakable():
            return
        state = inputs[1] if len(inputs) > 1 else named.get("hx", named.get("state"))
        record(output, inputs, state, None if lengths is None else lengths(inputs, named))

    return hook


def reader(layout: Layout, index: Tensor | None, unwrap: Callable[[Any], Any] | None) -> Reader:
    """Builds the function that copies the activations of the wanted units from an output of this layout.

    Args:
        layout: the axes of the output's tensor.
        index: the units to keep, on the output's device; None keeps all.
        unwrap: takes an output and returns its tensor; None where the output is the tensor.
    """
    axis, averaged = layout.axes.index("U"), layout.averaged
    if index is not None and unwrap in {None, hidden_of}:
        is_tuple = unwrap is hidden_of

        def read_quickly(output: Any) -> Tensor:
            picked: Tensor = (output[0] if is_tuple else output).detach().index_select(axis, index)
            return averaged_over(picked, averaged) if averaged else picked

        return read_quickly

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
        return hidden_of
    return activations_of
