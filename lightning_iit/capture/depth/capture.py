"""Capture with depth as the axis: transitions from before a block of a stack to after the block, for the same token.

A unit is the same coordinate of the residual stream at every depth. A stack is feed-forward: no state of a token ever comes back to
a block, so by structure the Φ of its units is 0 (Oizumi, Albantakis and Tononi 2014, figure 20). The computed Φ is that of the map
from one depth to the next, as if this map were iterated, and the records say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.choose.scores import state_entropy
from lightning_iit.capture.choose.stacks import common_name, find_stack
from lightning_iit.capture.choose.units import Moments, auto_units, choose
from lightning_iit.capture.count.binarize import encode, threshold_tensor, threshold_values
from lightning_iit.capture.count.epoch import LayerEpoch, notes_on, problem_of
from lightning_iit.capture.count.given_units import check_indices
from lightning_iit.capture.count.layer import other_units_asked, unreadable_units
from lightning_iit.capture.count.ranks import gather
from lightning_iit.capture.depth.block import Block
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.layout import parse_layout
from lightning_iit.records import Counts, Thresholds, Units
from lightning_iit.tpm.counts import counts_from_codes, merge
from lightning_iit.tpm.states import state_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.records import State

DEPTH_NOTE = (
    "Transitions go from one block to the next for the same token: depth is not time. The stack is feed-forward, so this is "
    "the Φ of the map from one depth to the next, as if it were iterated."
)
"""The note on every Φ along depth."""
STRUCTURAL_REASON = "A stack of blocks is feed-forward: no unit acts on itself again, so by structure the Φ of its units is 0."
"""The reason for the structural Φ of 0."""
_BEFORE = "Thresholds before the block"
_MOST_ROWS = 4096
"""About how many rows of each rank are used to calibrate thresholds (fewer than twice this number)."""


@dataclass(frozen=True)
class DepthEpoch(LayerEpoch):
    """Holds the capture of one block in an epoch, or of all blocks pooled.

    Args:
        blocks: of a pooled capture, the counts of each block, to test whether the blocks are alike; else empty.
    """

    blocks: tuple[Counts, ...] = ()


@dataclass(frozen=True)
class BlockThresholds:
    """Holds the thresholds of a block's units before and after the block, each ``[unit]``."""

    before: tuple[float, ...]
    after: tuple[float, ...]


class DepthCapture:
    """Records the states of coordinates of a residual stream at every depth while a model trains, and counts their transitions.

    Takes the place of :class:`~lightning_iit.capture.count.session.Capture` where depth is the axis. A bounded, seeded sample of
    the calls is kept, the same for each block. Under ``torch.distributed`` every rank makes the same calls; units, thresholds and
    counts are those of all ranks together, but each rank keeps a sample of its own calls.

    Args:
        model: the model that has the blocks.
        options: used are ``layers`` (the blocks, in order of depth; None finds the longest stack), ``units``, ``selection``,
            ``threshold``, ``layout``, ``seed`` and ``max_units``.
        pooled: make one TPM for all blocks together instead of one for each.

    Raises:
        UnknownLayerError: the model has no such blocks, or no stack where ``layers`` is None.
    """

    def __init__(self, model: nn.Module, options: CaptureOptions, *, pooled: bool = False) -> None:
        self.options = options
        self._pooled = pooled
        self._model = model
        found = find_layers(model, options.layers if options.layers is not None else find_stack(model))
        check_indices(found, options)
        layout = parse_layout(options.layout) if isinstance(options.layout, str) else None
        self._blocks = [Block(layer, layout=layout, seed=options.seed) for layer in found]
        self._switch = Switch()
        self._handles: list[AttachedHook] = []
        self._units: Units | None = None
        self._thresholds: list[BlockThresholds] = []

    @property
    def blocks(self) -> tuple[str, ...]:
        """Returns the names of the blocks, in order of depth."""
        return tuple(block.layer.name for block in self._blocks)

    @property
    def layers(self) -> tuple[str, ...]:
        """Returns the names under which records are made: each block's, or the one name for all blocks where they are pooled."""
        return (common_name(self.blocks),) if self._pooled else self.blocks

    # --- the life of a capture ---

    def attach(self, model: nn.Module | None = None, gate: Gate | None = None) -> None:
        """Hooks the blocks of the model, or of a copy of the model that is watched in its place. Earlier hooks are removed.

        Args:
            model: the copy; None for the model that this capture was made for.
            gate: decides which calls count; None for a gate that :meth:`begin_step` opens and :meth:`end_step` closes.
        """
        self.detach()
        for block, layer in zip(self._blocks, find_layers(model or self._model, self.blocks), strict=True):
            block.layer = layer
            self._handles.append(block.attach(gate or self._switch))

    def detach(self) -> None:
        """Removes all hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def begin_epoch(self, expected_batches: float | None = None, *, initial: bool = False) -> None:
        """Starts an epoch: forgets the calls kept so far.

        Args:
            expected_batches: how many training batches an epoch has on each rank, if known (for ``units="auto"``).
            initial: not used; along depth no threshold is kept from one epoch to the next.
        """
        del initial
        self._expected_batches = expected_batches
        for block in self._blocks:
            block.clear()

    def begin_step(self) -> None:
        """Starts keeping calls, at the start of a training step. Not needed where ``attach`` was given a gate."""
        self._switch.open = True

    def end_step(self) -> None:
        """Stops keeping calls, at the end of a training step.

        After the first step in which the blocks were called, the units are chosen.
        """
        self._switch.open = False
        for block in self._blocks:
            block.step_calls.end_step()
        if self._units is None:
            self._choose_units()

    def end_stretch(self) -> None:
        """Does nothing: no transition along depth goes from one sample to another."""

    def fail(self, error: Exception) -> None:
        """Ends the recording of this epoch; the result of each block then has the exception as its problem."""
        for block in self._blocks:
            block.error = block.error or error

    def _choose_units(self) -> None:
        """Chooses the units from the coordinates after the last block, on all ranks together."""
        step = self._blocks[-1].step
        mine = None if step is None else (Moments.of(step.after), len(step.after), _sample(step.after))
        parts = [part for part in gather(mine) if part is not None]
        if not parts:
            return
        wanted, selection = self.options.units, self.options.selection
        if wanted == "auto":
            rows = sum(count for _, count, _ in parts) * min(self._expected_batches or 1, 64)
            wanted = auto_units(rows, most=self.options.max_units)
        moments = Moments.merged(moments for moments, _, _ in parts)
        samples = np.concatenate([sample for _, _, sample in parts])
        scores = state_entropy(samples, partial(threshold_values, self.options.threshold)) if selection == "entropy" else None
        self._units = choose(wanted, selection=selection, seed=self.options.seed, moments=moments, scores=scores)
        self._narrow()

    def _narrow(self) -> None:
        """Limits all blocks to the chosen units."""
        if self._units is not None:
            for block in self._blocks:
                block.narrow(self._units.indices)

    def end_epoch(self) -> tuple[DepthEpoch, ...]:
        """Ends the epoch: calibrates thresholds, and counts the kept tokens' transitions over all ranks.

        Returns:
            One result for each block, in order of depth; a single one where the blocks are pooled.
        """
        self._thresholds = [self._calibrated(block) for block in self._blocks] if self._units is not None else []
        epochs = [self._counted(number) for number in range(len(self._blocks))]
        return (self._pool(epochs),) if self._pooled else tuple(epochs)

    def so_far(self) -> tuple[DepthEpoch, ...]:
        """Returns what was captured so far in this epoch, which goes on; nothing while the units are not chosen yet.

        Every rank must call it.
        """
        return () if self._units is None else self.end_epoch()

    # --- states and counts ---

    def _calibrated(self, block: Block) -> BlockThresholds:
        """Computes the thresholds of a block from the coordinates of all ranks; 0 where no rank kept any."""
        step, n = block.step, len(self._units.indices) if self._units else 0
        mine = None if step is None else tuple(_sample(rows) for rows in (step.before, step.after))
        parts = [part for part in gather(mine) if part is not None]
        if not parts:
            return BlockThresholds((0.0,) * n, (0.0,) * n)
        before, after = (np.concatenate(side) for side in zip(*parts, strict=True))
        return BlockThresholds(*(threshold_values(self.options.threshold, rows) for rows in (before, after)))

    def _counted(self, number: int) -> DepthEpoch:
        """Builds the result of one block, with the transition counts of all ranks."""
        block, units = self._blocks[number], self._units
        step, thresholds = block.step, self._thresholds[number] if self._thresholds else None
        counts, last, lost = _count(step, thresholds) if step is not None and thresholds is not None else (None, None, 0)
        ranks = gather((counts, lost, "" if block.error is None else f"{block.error}"))
        found = [part for part, _, _ in ranks if part is not None]
        total = merge(found) if found else None
        left_out = sum(lost for _, lost, _ in ranks)
        error = next((error for _, _, error in ranks if error), "")
        name = block.layer.name
        notes = (DEPTH_NOTE,) if thresholds is None else (DEPTH_NOTE, _thresholds_note(thresholds))
        return DepthEpoch(
            layer=name,
            axis="depth",
            kind="observational",
            units=units,
            thresholds=None if thresholds is None else _thresholds_after(thresholds.after, self.options, total),
            counts=total,
            last_state=last,
            left_out=left_out,
            notes=(*notes, *notes_on("depth", units, total, left_out)),
            structural_phi=0.0,
            structural_reason=STRUCTURAL_REASON,
            problem=problem_of(name, called=bool(found), error=error, counts=total, left_out=left_out),
        )

    def _pool(self, epochs: list[DepthEpoch]) -> DepthEpoch:
        """Joins the results of all blocks into one; its ``thresholds`` are those after the last block."""
        name = self.layers[0]
        broken = next((epoch for epoch in epochs if epoch.problem is not None), None)
        counts = tuple(epoch.counts for epoch in epochs if epoch.counts is not None)
        notes = dict.fromkeys(note for epoch in epochs for note in epoch.notes if not note.startswith(_BEFORE))
        each = f"The TPM is that of {len(epochs)} blocks together; at each depth a unit has the threshold of that depth."
        return replace(
            epochs[-1],
            layer=name,
            counts=merge(counts) if counts and broken is None else None,
            left_out=sum(epoch.left_out for epoch in epochs),
            notes=(*notes, each),
            problem=None if broken is None else broken.problem,
            blocks=counts if broken is None else (),
        )

    def blocks_of(self, captured: LayerEpoch) -> tuple[tuple[Block, BlockThresholds], ...]:
        """Returns the blocks that a captured epoch is of, each with its thresholds in this epoch; none before units are chosen."""
        mine = zip(self._blocks, self._thresholds, strict=False)
        return tuple((block, thresholds) for block, thresholds in mine if self._pooled or block.layer.name == captured.layer)

    # --- resuming ---

    def take_units(self, other: DepthCapture, *, frozen: bool = False) -> None:
        """Continues with the units that another capture of the same blocks has chosen; along depth no threshold is ``frozen``."""
        del frozen
        self._units = other._units
        self._narrow()

    def state_dict(self) -> dict[str, Any]:
        """Returns the units as plain data under the name of each layer, for a resumed run."""
        return {"layers": {name: {"units": msgspec.to_builtins(self._units), "thresholds": None} for name in self.layers}}

    def load_state_dict(self, state: dict[str, Any]) -> dict[str, str]:
        """Restores the units that :meth:`state_dict` returned.

        Returns:
            By layer, what is to be said: that other units are asked for now, or that the units could not be restored.
        """
        try:
            stored = next(iter(state["layers"].values()), {"units": None})
            self._units = msgspec.convert(stored["units"], Units | None)
        except Exception as error:  # noqa: BLE001  a damaged state may raise anything
            return {self.layers[0]: unreadable_units(error)}
        self._narrow()
        asked = "" if self._units is None else other_units_asked(self.options, self._units)
        return {self.layers[0]: asked} if asked else {}


def _count(step: Any, thresholds: BlockThresholds) -> tuple[Counts, State | None, int]:
    """Counts the transitions of the kept tokens.

    Returns:
        The counts, the state of the last token after the block (None without tokens), and how many tokens were left out because a
        value was NaN or infinite.
    """
    n = len(thresholds.before)
    before, _ = encode(step.before, threshold_tensor(thresholds.before, like=step.before))
    after, _ = encode(step.after, threshold_tensor(thresholds.after, like=step.after))
    finite = (before >= 0) & (after >= 0)
    first, then = before[finite].cpu().numpy(), after[finite].cpu().numpy()
    counts = counts_from_codes(first, then, units=n)
    return counts, state_of(int(first[-1]), n) if len(first) else None, int((~finite).sum())


def _sample(rows: Tensor) -> np.ndarray:
    """Returns a regular sample of the finite rows, float64."""
    kept = rows[:: max(1, len(rows) // _MOST_ROWS)].cpu().double()
    return kept[torch.isfinite(kept).all(-1)].numpy()


def _thresholds_after(values: tuple[float, ...], options: CaptureOptions, counts: Counts | None) -> Thresholds:
    """Builds the record of the thresholds after a block."""
    samples = 0 if counts is None else min(counts.transitions, _MOST_ROWS)
    return Thresholds(values=values, strategy=f"{options.threshold} after the block", frozen=False, samples=samples)


def _thresholds_note(thresholds: BlockThresholds) -> str:
    """Returns the sentence that gives the thresholds before a block."""
    return f"{_BEFORE}: {', '.join(f'{value:.4g}' for value in thresholds.before)}; those after it are in the record."
