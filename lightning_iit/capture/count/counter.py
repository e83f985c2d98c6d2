"""The thresholds and the transition counts of one group of units of a layer in an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lightning_iit.capture.count.binarize import needs_data
from lightning_iit.capture.count.coding import Coding, ThresholdTensors
from lightning_iit.capture.count.recent import RecentActivations
from lightning_iit.capture.count.transitions import NO_STATE, TransitionCounts
from lightning_iit.capture.hooks.reading import beyond
from lightning_iit.tpm.states import state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.count.first_rows import FirstRows
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.records import State, Thresholds, Units


class GroupCounter:
    """Counts the transitions of one group of units, in one source of data.

    Args:
        units: the units, and how they are coded.
        options: the options of the capture.
        frozen: thresholds that are kept for all epochs; None where none are.
        first_rows: for a further group, the rows of an epoch that are counted at its end; None where rows are counted as they come.

    Attributes:
        thresholds: the thresholds of the current epoch; None until they are known.
        counts: the transition counts of the current epoch.
        recent: the last activations of the current epoch.
    """

    def __init__(
        self, units: Units, options: CaptureOptions, frozen: Thresholds | None = None, *, first_rows: FirstRows | None = None
    ) -> None:
        self.units = units
        self.frozen = frozen
        self.first_rows = first_rows
        self.coding: Coding = Coding.of(units)
        self._options = options
        self._kept: tuple[int, ...] = self.coding.columns
        self._index: Tensor | None = None
        further = first_rows is not None
        self.counts: TransitionCounts = TransitionCounts(self.coding.elements, lag=options.lag, pairs_only=further)
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Resets the counts, and also the thresholds unless the thresholds are frozen or need no data."""
        strategy = self._options.threshold
        self.thresholds: Thresholds | None = self.frozen
        if not needs_data(strategy):
            self.thresholds = self.coding.thresholds(strategy, np.empty((0, self.coding.elements)), frozen=True)
        self.counts.reset()
        self.recent: RecentActivations = RecentActivations(lag=self._options.lag)
        self._limits: ThresholdTensors | None = None
        self._tail: Tensor | None = None
        self._last_code: Tensor | int = NO_STATE
        self._without: Tensor | int = 0

    def read_from(self, kept: tuple[int, ...]) -> None:
        """Sets which units of the layer the columns of later activations belong to.

        Args:
            kept: the layer's unit index of each column of the activations.
        """
        self._kept = kept
        self._index = None

    def _values(self, activations: Tensor) -> Tensor:
        """Picks this group's columns from the activations and computes the values ``[..., element]``."""
        if self._kept != self.coding.columns:
            if self._index is None or self._index.device != activations.device:
                places = {unit: place for place, unit in enumerate(self._kept)}
                self._index = torch.tensor([places[unit] for unit in self.coding.columns], device=activations.device)
            activations = activations.index_select(-1, self._index)
        return self.coding.values(activations)

    # --- thresholds ---

    def samples(self, rows: Tensor) -> np.ndarray:
        """Computes the element values ``[row, element]`` (float64) of activations ``[row, column]``, for the finite rows only."""
        values = self._values(rows).cpu().double()
        return values[torch.isfinite(values).all(-1)].numpy()

    def calibrate(self, parts: Sequence[np.ndarray], *, initial: bool) -> None:
        """Computes the thresholds of this epoch from the samples of all ranks; without any sample the thresholds stay unknown.

        Args:
            parts: values ``[row, element]`` of each rank.
            initial: whether the network is untrained; its thresholds are never frozen.
        """
        rows = np.concatenate(parts)
        if not len(rows):
            return
        frozen = self._options.freeze_threshold and not initial
        self.thresholds = self.coding.thresholds(self._options.threshold, rows, frozen=frozen)
        if frozen:
            self.frozen = self.thresholds

    # --- counts ---

    def count(self, activations: Tensor, lengths: Tensor | None) -> None:
        """Counts the transitions in activations; without thresholds no row has a state, and all are left out.

        Args:
            activations: ``[sequence, time, column]``, or ``[sample, column]`` where transitions go from sample to sample.
            lengths: the lengths ``[sequence]`` of the sequences; None where no sequence is padded.
        """
        if self.thresholds is None:
            self._without = self._without + (activations.shape[:-1].numel() if lengths is None else lengths.sum())
            return
        if self._limits is None:
            self._limits = ThresholdTensors.of(self.thresholds, like=activations)
        values = self._values(activations)
        if self.first_rows is None:  # the last activations are counted again for the first group only
            self.recent.add(values, lengths)
        codes, left_out = self._limits.codes(values)
        if lengths is not None:
            padding = beyond(lengths.to(codes.device), codes.shape[1])
            left_out = ((codes == NO_STATE) & ~padding).sum()
            codes = codes.masked_fill(padding, NO_STATE)
        seen, stream = 0, codes.dim() == 1
        if stream:
            tail = codes[:0] if self._tail is None else self._tail
            seen, codes = len(tail), torch.cat((tail, codes)).unsqueeze(0)
            self._tail = codes[0, -2 * self._options.lag :]
        self.counts.update(codes, left_out, seen=seen, stream=stream)
        if codes.numel():
            self._note_last(codes.flatten())

    def end_stretch(self) -> None:
        """Ends a stretch of the data: no transition goes from the last sample that was counted to the next one."""
        self._tail = None

    def _note_last(self, codes: Tensor) -> None:
        """Stores the last state code without waiting for the device."""
        last = torch.where(codes >= 0, torch.arange(len(codes), device=codes.device), -1).max()
        code = codes.index_select(0, last.clamp(min=0).reshape(1)).squeeze(0)  # codes[last] would wait
        self._last_code = torch.where(last >= 0, code, self._last_code)

    def summed(self, rows: Tensor | None, device: torch.device) -> TransitionCounts:
        """Closes the counts of the epoch and sums the counts over all ranks; every rank must call this method.

        Args:
            rows: activations ``[row, column]`` that are still kept; counted as left out where the group has no thresholds.
            device: the device on which a rank without any count takes part in the sum.
        """
        for stretch in () if self.first_rows is None else self.first_rows.stretches():
            for values, lengths in stretch:
                self.count(values, lengths)
            self.end_stretch()
        if self._limits is None:
            self.counts.to(device)
        if self.thresholds is None:
            # Without one finite row there were no thresholds: every row is left out.
            left_out = int(self._without) + (0 if rows is None else len(rows))
            self.counts.update(torch.empty((0, 0), dtype=torch.int64, device=self.counts.device), left_out)
        self.counts.close()
        self.counts.sync()
        return self.counts

    def last_state(self) -> State | None:
        """Returns the last state on this rank; None where there is no state."""
        code = int(self._last_code)
        return None if code < 0 else state_of(code, self.coding.elements)
