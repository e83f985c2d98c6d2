"""What is recorded of one layer: from the first output seen, over units and thresholds, to the counts of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.capture.binarize import encode, needs_data, threshold_tensor, threshold_values
from lightning_iit.capture.epoch import state_of
from lightning_iit.capture.hooks import Reader, Recorder, reader, unwrapper
from lightning_iit.capture.outputs import Activations, Layout, activations_of, layout_of, parse_layout, sequences_of
from lightning_iit.capture.transitions import NO_STATE, TransitionCounts
from lightning_iit.capture.units import Moments, auto_units, choose
from lightning_iit.errors import UnsupportedOutputError
from lightning_iit.records import Axis, State, Thresholds, Units

if TYPE_CHECKING:
    from lightning_iit.capture.layers import Layer
    from lightning_iit.capture.options import CaptureOptions

_UNKNOWN_LENGTH_UNITS = 4


@dataclass(frozen=True)
class FirstData:
    """What one rank saw of a layer before its units were chosen."""

    moments: Moments
    rows: int
    transitions: int


class LayerTap:
    """Records one layer.

    Attributes:
        units: the units, once they are chosen.
        thresholds: theirs for the current epoch, once they are known.
        counts: the transitions of the current epoch on this rank.
        called: whether anything was recorded in this epoch.
        notes: on the choice of units.
        last_code: the code of the last state, or ``NO_STATE``.
    """

    def __init__(self, layer: Layer, options: CaptureOptions) -> None:
        self.layer = layer
        self.units: Units | None = None
        self.thresholds: Thresholds | None = None
        self.frozen: Thresholds | None = None
        self.counts: TransitionCounts | None = None
        self.layout: Layout | None = None
        self.called = False
        self.notes: tuple[str, ...] = ()
        self.last_code: Tensor | int = NO_STATE
        self.recorder = Recorder(self._read_first)
        self._options = options
        self._unwrap: Callable[[Any], Any] | None = None
        self._cut: Tensor | None = None
        self._tails: dict[int, Tensor] = {}

    # --- an epoch ---

    def begin_epoch(self) -> None:
        """Starts at no counts and, unless they are fixed, no thresholds."""
        self.recorder.clear()
        self.recorder.read = self._read_first
        self.called = False
        self.last_code = NO_STATE
        self._tails.clear()
        self.thresholds, self._cut = self.frozen, None
        if self.units is not None:
            self._start_counting(len(self.units.indices))

    def _start_counting(self, n: int) -> None:
        self.counts = TransitionCounts(n)
        if not needs_data(self._options.threshold):
            values = threshold_values(self._options.threshold, np.empty((0, n)))
            self.thresholds = Thresholds(values=values, strategy=str(self._options.threshold), frozen=True)

    # --- the first output ---

    def _read_first(self, output: Any) -> Activations:
        """Finds out how outputs are read, and has the next ones read so."""
        self._unwrap = unwrapper(output, self._options.unit_fn)
        activations = output if self._unwrap is None else self._unwrap(output)
        self.layout = self._told_layout() or layout_of(activations, self.layer.module, ancestors=self.layer.ancestors)
        self._check(activations)
        device = activations.data.device
        self.recorder.read = self._reader(device)
        return self.recorder.read(output)

    def _reader(self, device: torch.device) -> Reader:
        assert self.layout is not None
        index = None if self.units is None else torch.tensor(self.units.indices, device=device)
        return reader(self.layout, index, self._unwrap)

    def _told_layout(self) -> Layout | None:
        told = self._options.layout
        if isinstance(told, Mapping):
            told = next((layout for pattern, layout in told.items() if fnmatchcase(self.layer.name, pattern)), None)
        return None if told is None else parse_layout(told)

    def _check(self, activations: Activations) -> None:
        assert self.layout is not None
        axes = self.layout.axes
        if isinstance(activations, Tensor) and activations.dim() != len(axes):
            msg = f"the output has shape {list(activations.shape)}, but its layout {axes!r} has {len(axes)} axes"
            raise UnsupportedOutputError(msg)
        if self._options.transitions == "time" and self.layout.sequence is None:
            shape = list(activations.data.shape)
            msg = f"transitions='time': the output, of shape {shape}, has no time axis; use 'stream' or 'auto', or give its layout"
            raise UnsupportedOutputError(msg)

    @property
    def axis(self) -> Axis:
        """Along what transitions go."""
        if self.layout is None or self._options.transitions == "stream":
            return "stream"
        return self.layout.sequence or "stream"

    # --- units and thresholds ---

    def first_data(self) -> FirstData | None:
        """What was kept before the units were chosen."""
        kept = [values for values, _ in self._kept()]
        if not kept:
            return None
        rows = sum(values.shape[:-1].numel() for values in kept)
        sequences = sum(len(values) for values in kept)
        transitions = rows if self.axis == "stream" else rows - sequences
        return FirstData(Moments.merged(Moments.of(values) for values in kept), rows, transitions)

    def settle(self, parts: Sequence[FirstData], *, steps: int, expected_batches: int | None) -> None:
        """Chooses the units from what each rank saw in the first ``steps`` steps."""
        wanted = self._options.units
        if wanted == "auto" and expected_batches is None:
            wanted = min(_UNKNOWN_LENGTH_UNITS, self._options.max_units)
        elif wanted == "auto":
            rate = sum(part.transitions for part in parts) / steps
            assert expected_batches is not None
            wanted = auto_units(rate * expected_batches * self._options.window, most=min(6, self._options.max_units))
        moments = Moments.merged(part.moments for part in parts)
        self.units = choose(wanted, selection=self._options.selection, seed=self._options.seed, moments=moments)
        self._narrow(self.units)
        self._start_counting(len(self.units.indices))

    def _narrow(self, units: Units) -> None:
        """Of what was kept of all units keeps the chosen ones, and reads only these from now on."""
        if self.layout is None:
            return
        narrow = reader(Layout(self.layout.reduced), None, None)
        device = None
        for stream in self.recorder.streams:
            for position, item in enumerate(stream):
                device = item.data.device
                narrow = reader(Layout(self.layout.reduced), torch.tensor(units.indices, device=device), activations_of)
                stream[position] = narrow(item)
        if device is not None:
            self.recorder.read = self._reader(device)

    def samples(self) -> np.ndarray | None:
        """The finite rows ``[row, unit]`` that were kept so far, float64."""
        kept = [_rows(values, lengths) for values, lengths in self._kept()]
        if not kept:
            return None
        rows = torch.cat(kept).cpu().double()
        return rows[torch.isfinite(rows).all(-1)].numpy()

    def calibrate(self, parts: Sequence[np.ndarray], *, initial: bool) -> None:
        """Sets the thresholds of this epoch from the rows of each rank, if there are any."""
        rows = np.concatenate(parts)
        if not len(rows):
            return
        frozen = self._options.freeze_threshold and not initial
        values = threshold_values(self._options.threshold, rows)
        self.thresholds = Thresholds(values=values, strategy=str(self._options.threshold), frozen=frozen, samples=len(rows))
        if frozen:
            self.frozen = self.thresholds

    # --- counts ---

    def _kept(self) -> list[tuple[Tensor, Tensor | None]]:
        return [pair for number in range(len(self.recorder.streams)) for pair in self._kept_of(number)]

    def _kept_of(self, number: int) -> list[tuple[Tensor, Tensor | None]]:
        stream = self.recorder.streams[number]
        if not stream:
            return []
        self.called = True
        assert self.layout is not None
        pairs = list(sequences_of(stream, self.layout))
        if self.axis != "stream":
            return pairs
        return [(values if values.dim() == 2 else _last_rows(values, lengths), None) for values, lengths in pairs]

    def flush(self) -> int:
        """Counts what was kept, and forgets it.

        Returns:
            How many numbers it was.
        """
        assert self.thresholds is not None
        assert self.counts is not None
        numbers = 0
        for number in range(len(self.recorder.streams)):
            for values, lengths in self._kept_of(number):
                numbers += values.numel()
                self._count(values, lengths, number)
            self.recorder.streams[number].clear()
        return numbers

    def _count(self, values: Tensor, lengths: Tensor | None, number: int) -> None:
        assert self.thresholds is not None
        assert self.counts is not None
        if self._cut is None:
            self._cut = threshold_tensor(self.thresholds.values, like=values)
            self.counts.to(values.device)
        codes, left_out = encode(values, self._cut)
        if lengths is not None:
            beyond = _beyond(codes, lengths)
            left_out = ((codes == NO_STATE) & ~beyond).sum()
            codes = codes.masked_fill(beyond, NO_STATE)
        if codes.dim() == 1:
            tail = self._tails.get(number, codes[:0])
            codes = torch.cat((tail, codes)).unsqueeze(0)
            self._tails[number] = codes[0, -1:]
        self.counts.update(codes, left_out)
        if number == 0:
            self._note_last(codes.flatten())

    def _note_last(self, codes: Tensor) -> None:
        """Remembers the last state of the first pass, without waiting for the device."""
        positions = torch.where(codes >= 0, torch.arange(len(codes), device=codes.device), -1)
        if not len(codes):
            return
        last = positions.max()
        self.last_code = torch.where(last >= 0, codes[last], torch.as_tensor(self.last_code, device=codes.device))

    # --- results ---

    def summed(self) -> tuple[Tensor | None, int]:
        """The counts ``[4**n]`` and the number of rows left out, over all ranks; every rank must call this."""
        if self.counts is None:
            return None, 0
        if self._cut is None:
            # Ranks that saw nothing take part in the sum, on the device on which the others have it.
            self.counts.to(_device_of(self.layer.module))
        self.counts.update(torch.empty((0, 0), dtype=torch.int64, device=self.counts.device))
        with self.counts.sync_context(should_unsync=False):
            return self.counts.joint, int(self.counts.left_out)

    def last_state(self) -> State | None:
        """The last state that was recorded on this rank, in the first forward pass of a step."""
        code = int(self.last_code)
        return None if code < 0 or self.units is None else state_of(code, len(self.units.indices))


def _device_of(module: nn.Module) -> torch.device:
    tensor = next(chain(module.parameters(), module.buffers()), None)
    return torch.device("cpu") if tensor is None else tensor.device


def _beyond(codes: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(codes.shape[1], device=codes.device) >= lengths.to(codes.device).unsqueeze(1)


def _rows(values: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return values.reshape(-1, values.shape[-1])
    return values[~_beyond(values[..., 0], lengths)]


def _last_rows(values: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return values[:, -1]
    return values[torch.arange(len(values), device=values.device), lengths.to(values.device) - 1]
