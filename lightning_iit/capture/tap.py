"""What is captured of one layer: units once, thresholds and counts for each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.capture.binarize import encode, needs_data, threshold_tensor, threshold_values
from lightning_iit.capture.reading import LayerReading, beyond
from lightning_iit.capture.scores import state_entropy, weight_norm
from lightning_iit.capture.transitions import NO_STATE, TransitionCounts
from lightning_iit.capture.units import AUTO_MOST, Moments, auto_units, choose
from lightning_iit.records import State, Thresholds, Units
from lightning_iit.tpm.states import state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.layers import Layer
    from lightning_iit.capture.options import CaptureOptions

_UNITS_OF_UNKNOWN_LENGTH = 4


@dataclass(frozen=True)
class FirstData:
    """What one rank saw of a layer before its units were chosen."""

    moments: Moments
    rows: int
    transitions: int
    activations: np.ndarray | None = None


class LayerTap:
    """Captures one layer.

    Attributes:
        layer: which.
        reading: of its outputs.
        units: the units, once they are chosen.
        thresholds: theirs for the current epoch, once they are known.
        frozen: thresholds that are kept for all epochs.
        notes: on the choice of units.
    """

    def __init__(self, layer: Layer, options: CaptureOptions) -> None:
        self.layer = layer
        self.reading = LayerReading(layer, options)
        self.units: Units | None = None
        self.thresholds: Thresholds | None = None
        self.frozen: Thresholds | None = None
        self.notes: tuple[str, ...] = ()
        self._options = options
        self._counts: TransitionCounts | None = None
        self._cut: Tensor | None = None
        self._tails: dict[int, Tensor] = {}
        self._last_code: Tensor | int = NO_STATE

    def begin_epoch(self) -> None:
        """Starts at no counts and, unless they are fixed, no thresholds."""
        self.reading.restart(self.layer)
        self.thresholds, self._cut, self._counts = self.frozen, None, None
        self._last_code = NO_STATE
        self._tails.clear()
        if self.units is not None:
            self._start_counting(self.units)

    def _start_counting(self, units: Units) -> None:
        n = len(units.indices)
        self.reading.narrow(units.indices)
        self._counts = TransitionCounts(n, lag=self._options.lag)
        if not needs_data(self._options.threshold):
            values = threshold_values(self._options.threshold, np.empty((0, n)))
            self.thresholds = Thresholds(values=values, strategy=str(self._options.threshold), frozen=True)

    def resume(self, units: Units | None, frozen: Thresholds | None) -> None:
        """Goes on with the units and frozen thresholds of an earlier part of the run, whatever the options say now."""
        self.units, self.frozen = units, frozen
        asked = self._options.units
        n = len(units.indices) if units is not None else 0
        differs = asked != n if isinstance(asked, int) else asked != "auto" and units is not None and tuple(asked) != units.indices
        if units is not None and differs and n < units.width:
            self.notes = (f"units={asked!r} was asked for; the run was resumed with the units that it began with.",)

    # --- units ---

    def first_data(self) -> FirstData | None:
        """What was kept before the units were chosen."""
        rows = self.reading.rows()
        if rows is None:
            return None
        transitions = len(rows)
        if self.reading.axis != "stream":
            transitions -= self._options.lag * sum(len(values) for values, _ in self.reading.kept())
        activations = rows.cpu().double().numpy() if self._options.selection == "entropy" else None
        return FirstData(Moments.of(rows), len(rows), max(transitions, 0), activations)

    def settle(self, parts: Sequence[FirstData], *, steps: int, expected_batches: int | None) -> None:
        """Chooses the units from what each rank saw in the first ``steps`` steps."""
        moments = Moments.merged(part.moments for part in parts)
        wanted = self._options.units
        if wanted == "auto":
            wanted = self._auto_units(sum(part.transitions for part in parts) / steps, expected_batches)
        selection, seed = self._options.selection, self._options.seed
        self.units = choose(wanted, selection=selection, seed=seed, moments=moments, scores=self._scores(parts))
        if isinstance(wanted, int) and wanted > self.units.width:
            self.notes = (f"{wanted} units were asked for; the layer has {self.units.width}, and all of them are analysed.",)
        self._start_counting(self.units)

    def _scores(self, parts: Sequence[FirstData]) -> np.ndarray | None:
        if self._options.selection == "weight_norm":
            return weight_norm(self.layer.module, len(parts[0].moments.mean))
        seen = [part.activations for part in parts if part.activations is not None]
        return state_entropy(np.concatenate(seen), self._options.threshold) if seen else None

    def _auto_units(self, transitions_per_step: float, expected_batches: int | None) -> int:
        most = min(AUTO_MOST, self._options.max_units)
        if expected_batches is None:
            return min(_UNITS_OF_UNKNOWN_LENGTH, most)
        return auto_units(transitions_per_step * expected_batches * self._options.window, most=most)

    # --- thresholds ---

    def samples(self) -> np.ndarray | None:
        """The finite rows ``[row, unit]`` that were kept so far, float64."""
        kept = self.reading.rows()
        if kept is None:
            return None
        rows = kept.cpu().double()
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

    def flush(self) -> int:
        """Counts what was kept, and forgets it.

        Returns:
            How many numbers it was.
        """
        numbers = 0
        for number, stream in enumerate(self.reading.recorder.streams):
            for values, lengths in self.reading.kept(number):
                numbers += values.numel()
                self._count(values, lengths, number)
            stream.clear()
        return numbers

    def _count(self, values: Tensor, lengths: Tensor | None, number: int) -> None:
        assert self.thresholds is not None
        assert self._counts is not None
        if self._cut is None:
            self._cut = threshold_tensor(self.thresholds.values, like=values)
            self._counts.to(values.device)
        codes, left_out = encode(values, self._cut)
        if lengths is not None:
            padding = beyond(lengths.to(codes.device), codes.shape[1])
            left_out = ((codes == NO_STATE) & ~padding).sum()
            codes = codes.masked_fill(padding, NO_STATE)
        if codes.dim() == 1:
            codes = torch.cat((self._tails.get(number, codes[:0]), codes)).unsqueeze(0)
            self._tails[number] = codes[0, -self._options.lag :]
        self._counts.update(codes, left_out)
        if number == 0 and codes.numel():
            self._note_last(codes.flatten())

    def _note_last(self, codes: Tensor) -> None:
        """Remembers the last state, without waiting for the device."""
        last = torch.where(codes >= 0, torch.arange(len(codes), device=codes.device), -1).max()
        self._last_code = torch.where(last >= 0, codes[last], torch.as_tensor(self._last_code, device=codes.device))

    def summed(self) -> tuple[Tensor | None, int]:
        """The counts ``[4**n]`` and the number of rows left out, over all ranks; every rank must call this."""
        if self._counts is None:
            return None, 0
        if self.thresholds is None:
            self._leave_out_all(self._counts)
        if self._cut is None:
            # A rank that saw nothing takes part in the sum, on the device where the others have theirs.
            self._counts.to(_device_of(self.layer.ancestors[0]))
        with self._counts.sync_context(should_unsync=False):
            return self._counts.joint, int(self._counts.left_out)

    def _leave_out_all(self, counts: TransitionCounts) -> None:
        """Without one finite row there were no thresholds: every row is left out."""
        rows = self.reading.rows()
        if rows is not None:
            counts.update(torch.empty((0, 0), dtype=torch.int64, device=counts.device), len(rows))

    def last_state(self) -> State | None:
        """The last state that was recorded on this rank, in the first forward pass of a step."""
        code = int(self._last_code)
        return None if code < 0 or self.units is None else state_of(code, len(self.units.indices))


def _device_of(model: nn.Module) -> torch.device:
    tensor = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if tensor is None else tensor.device
