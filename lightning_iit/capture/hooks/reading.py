"""Reading of one layer's outputs: the first output determines how, and all later outputs are read in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lightning_iit.capture.choose.layers import is_match
from lightning_iit.capture.hooks.calls import weight_of
from lightning_iit.capture.hooks.depths import Deep
from lightning_iit.capture.hooks.outputs import Activations, activations_of, layout_of, sequences_of
from lightning_iit.capture.hooks.recorder import MOST_SOURCES, CellRecorder, Reader, Recorder, reader, unwrapper
from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.layout import Layout, parse_layout
from lightning_iit.errors import UnsupportedOutputError

if TYPE_CHECKING:
    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.hooks.depths import Recorded
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.records import Axis


class OutputReader:
    """Reads the activations of a layer's units from its outputs: of all units, until :meth:`narrow` limits the reading to some.

    Args:
        layer: the layer.
        options: the options of the capture; used are ``layout``, ``unit_fn``, ``transitions`` and ``sources``.
        stepped: whether the user gave a step for the layer, so that the layer may be called once for each time step.

    Attributes:
        recorder: the recorder that the layer's hook writes to.
        called: whether :meth:`kept` returned anything since the last :meth:`restart`.
    """

    def __init__(self, layer: Layer, options: CaptureOptions, *, stepped: bool = False) -> None:
        self.called: bool = False
        self.recorder: Recorder = (CellRecorder if stepped or kind_of(layer.module).cell else Recorder)(self._read_first)
        self.recorder.most = MOST_SOURCES if options.sources == "pooled" else 1
        self.recorder.first = options.source
        self._options = options
        self._layer = layer
        self._indices: Sequence[int] | None = None
        self._output: Layout | None = None
        self._kept: Layout | None = None
        self._unwrap: Callable[[Any], Any] | None = None
        self._device: torch.device | None = None

    def restart(self, layer: Layer) -> None:
        """Forgets the recorded activations; the next output determines again how outputs are read.

        Args:
            layer: the layer that is read from now on (the same layer, maybe in a copy of the model).
        """
        self._layer = layer
        self.called = False
        self.recorder.calls.weight = weight_of(layer.module, layer.ancestors)
        # Calls of an activation function go on from each other too, where layers of different weights share it.
        self.recorder.may_be_deep = any(True for _ in layer.module.parameters())
        self.recorder.clear()
        self._device = None
        self.recorder.read = self._read_first

    @property
    def axis(self) -> Axis:
        """Returns the axis along which transitions go; "stream" (from sample to sample) while no output was seen."""
        if self._kept is None or self._options.transitions == "stream":
            return "stream"
        if self.recorder.deep and self._options.transitions == "auto":
            return "depth"
        return self._kept.sequence or "stream"

    # --- the first output ---

    def _read_first(self, output: Any) -> Activations:
        """Determines from the first output how all outputs are read, and returns the activations in the first output."""
        self._unwrap = unwrapper(output, self._options.unit_fn)
        activations = output if self._unwrap is None else self._unwrap(output)
        self._output = self._told_layout() or layout_of(activations, self._layer.module, ancestors=self._layer.ancestors)
        self._kept = Layout(self._output.reduced, self._output.sequence)
        if isinstance(self.recorder, CellRecorder):
            self.recorder.joins = kind_of(self._layer.module).cell or self._kept.sequence is None
        if isinstance(self.recorder, CellRecorder) and self.recorder.joins:
            self._kept = Layout(self._kept.axes.replace("U", "TU"), "time")
        if self._kept.sequence == "time":
            self.recorder.is_not_deep()
        self._check(activations, self._output, self._kept)
        self._device = activations.data.device
        self.recorder.read = self._reader(self._device)
        return self.recorder.read(output)

    def _told_layout(self) -> Layout | None:
        """Returns the layout that the user gave for this layer, or None."""
        told = self._options.layout
        if isinstance(told, Mapping):
            told = next((layout for pattern, layout in told.items() if is_match(self._layer.name, pattern)), None)
        return None if told is None else parse_layout(told)

    def _check(self, activations: Activations, output: Layout, kept: Layout) -> None:
        """Checks the output against its layout, and that the layout has a sequence axis where ``transitions="time"``."""
        rank = activations.dim() if isinstance(activations, Tensor) else len(output.axes)
        if rank != len(output.axes):
            shape = list(activations.data.shape)
            msg = f"the output has shape {shape}, but its layout {output.axes!r} has {len(output.axes)} axes"
            raise UnsupportedOutputError(msg)
        if self._options.transitions == "time" and kept.sequence is None:
            shape = list(activations.data.shape)
            msg = f"transitions='time': the output, of shape {shape}, has no time axis; use 'stream' or 'auto', or give its layout"
            raise UnsupportedOutputError(msg)

    def _reader(self, device: torch.device) -> Reader:
        """Builds the function that copies the activations of the wanted units from an output on this device."""
        assert self._output is not None
        index = None if self._indices is None else torch.tensor(self._indices, device=device)
        return reader(self._output, index, self._unwrap)

    # --- the recorded activations ---

    def narrow(self, indices: Sequence[int]) -> None:
        """Limits the reading to the units at ``indices``, and drops all other units from the activations recorded so far."""
        self._indices = indices
        if self._kept is None:
            return
        for stream in self.recorder.streams:
            for position, item in enumerate(stream):
                stream[position] = self._narrowed(item, indices)
        if self._device is not None:
            self.recorder.read = self._reader(self._device)

    def _narrowed(self, item: Recorded, indices: Sequence[int]) -> Recorded:
        """Returns the activations of the units at ``indices`` only."""
        if isinstance(item, Deep):
            return Deep([narrowed for part in item.parts if not isinstance(narrowed := self._narrowed(part, indices), Deep)])
        assert self._kept is not None
        return reader(self._kept, torch.tensor(indices, device=item.data.device), activations_of)(item)

    def kept(self, number: int = 0) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yields the recorded activations, in the order of the data.

        Args:
            number: the source among those that are recorded (0 is the first of these).

        Yields:
            Activations ``[sequence, time, unit]`` with the lengths ``[sequence]`` of the sequences, or None where no sequence is
            padded. Where transitions go from sample to sample: activations ``[sample, unit]`` and None; a sample that is a sequence
            is represented by its last time step. Where transitions go from depth to depth: ``[row, depth, unit]``, each sample or
            token being a row.
        """
        stream = self.recorder.streams[number] if number < len(self.recorder.streams) else []
        if not stream:
            return
        self.called = True
        assert self._kept is not None
        if self.axis == "depth":
            yield from _deep_rows(stream, self._kept)
            return
        shown = [item.parts[-1] if isinstance(item, Deep) else item for item in stream]
        for values, lengths in sequences_of(shown, self._kept):
            if self.axis == "stream" and values.dim() == 3:
                yield _last_rows(values, lengths), None
            else:
                yield values, lengths

    def rows(self, number: int = 0) -> Tensor | None:
        """Returns the recorded activations ``[row, unit]`` of a source without padding, or None where nothing was recorded."""
        kept = [rows_of(values, lengths) for values, lengths in self.kept(number)]
        return torch.cat(kept) if kept else None


def beyond(lengths: Tensor, time: int) -> Tensor:
    """Returns which places of padded sequences are padding: a boolean mask ``[sequence, time]``.

    Args:
        lengths: the lengths ``[sequence]`` of the sequences.
        time: the length to which all sequences are padded.

    Example:
        >>> beyond(torch.tensor([1, 3]), 3)
        tensor([[False,  True,  True],
                [False, False, False]])
    """
    return torch.arange(time, device=lengths.device) >= lengths.unsqueeze(1)


def rows_of(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Returns the activations of sequences as rows ``[row, unit]``, without padding.

    Args:
        values: activations ``[sequence, time, unit]`` or ``[sample, unit]``.
        lengths: the lengths ``[sequence]`` of the sequences; None where no sequence is padded.
    """
    if lengths is None:
        return values.reshape(-1, values.shape[-1])
    return values[~beyond(lengths.to(values.device), values.shape[1])]


def _deep_rows(items: Sequence[Recorded], layout: Layout) -> Iterator[tuple[Tensor, None]]:
    """Yields the activations ``[row, depth, unit]`` of calls that go on from each other; a row is a sample, or a token of one."""
    parts = (item.parts if isinstance(item, Deep) else [item] for item in items)
    rows = (torch.stack([rows_of(*next(sequences_of([part], layout))) for part in one], 1) for one in parts)
    for _, group in groupby(rows, key=lambda one: one.shape[1]):
        yield torch.cat(list(group)), None


def _last_rows(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Returns the last time step of each sequence, ``[sequence, unit]``."""
    if lengths is None:
        # A view would keep the whole sequences in memory for as long as these rows are kept.
        return values[:, -1].clone()
    lengths = lengths.to(values.device)
    return values[torch.arange(len(values), device=values.device), lengths - 1][lengths > 0]
