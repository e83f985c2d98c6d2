"""The causal TPMs of a stack of blocks: coordinates of a token are set before a block and read after the block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lightning_iit.capture.count.binarize import threshold_tensor
from lightning_iit.capture.count.transitions import pack
from lightning_iit.capture.perturb.setting import never_in_a_level, representatives
from lightning_iit.capture.perturb.tpm import PerturbedTpm
from lightning_iit.capture.preserved import preserved
from lightning_iit.capture.sharded import is_spread, spread_words
from lightning_iit.errors import StepError
from lightning_iit.records import Perturbation, Skipped
from lightning_iit.tpm.counts import counts_from_codes, merge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.depth.block import Block
    from lightning_iit.capture.depth.capture import DepthCapture
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.perturb.options import PerturbOptions
    from lightning_iit.records import Counts, State


TOKENS = 128
"""So many tokens are backgrounds where ``draws`` is not given: each state of each needs a run of the block over whole sequences."""


class DepthPerturber:
    """Perturbs the blocks of a :class:`~lightning_iit.capture.depth.capture.DepthCapture`.

    Takes the place of a :class:`~lightning_iit.capture.perturb.perturber.Perturber`, which perturbs the layers of a network in
    time. The capture itself keeps the calls that are repeated, so the perturber has no hooks of its own.

    Args:
        capture: the capture whose blocks are perturbed, in the calls that the capture kept.
        options: whether and how blocks are perturbed.

    Attributes:
        limited: whether the work at an epoch's end is limited. To be set False where nothing is trained.
    """

    def __init__(self, capture: DepthCapture, options: PerturbOptions) -> None:
        self._capture = capture
        self._options = options
        self.limited: bool = True

    @property
    def layers(self) -> tuple[str, ...]:
        """Returns the names of the layers that are perturbed."""
        return self._capture.layers

    def attach(self, model: nn.Module, gate: Gate | None = None) -> None:
        """Does nothing: the capture sets the hooks."""

    def detach(self) -> None:
        """Does nothing: the capture removes the hooks."""

    def end_step(self) -> None:
        """Does nothing: the capture ends the step of the blocks."""

    def begin_epoch(self, batches: float = 0) -> None:
        """Does nothing: the capture forgets the last epoch."""

    def state_dict(self) -> dict[str, int]:
        """Returns nothing: a resumed run has nothing to keep."""
        return {}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Does nothing."""

    def job(self, layer: str) -> None:
        """Returns None: blocks are perturbed by :meth:`perturb`, on the thread that trains."""

    def observed(self, captured: LayerEpoch) -> LayerEpoch:
        """Returns the capture unchanged: along depth thresholds are already calibrated at the end of an epoch."""
        return captured

    def perturb(self, captured: LayerEpoch, state: State | None) -> tuple[Counts, Perturbation] | Skipped | None:
        """Makes the causal counts of a block or of all blocks pooled: sets coordinates before a block and reads them after it.

        Args:
            captured: the capture of the epoch that ends.
            state: the analysed state, at which a "fixed" background is held.

        Returns:
            The counts and how they were made; Skipped with the reason where a block cannot be perturbed; None where perturbation
            was not asked for, or the epoch has nothing to analyse.
        """
        if self._options.tpm == "observe" or captured.problem is not None:
            return None
        found = []
        for block, thresholds in self._capture.blocks_of(captured):
            if is_spread(block.layer.module):  # to call it on this rank alone would wait for the others for ever
                return Skipped(code="step_failed", reason=spread_words(block.layer.name))
            try:
                part = perturbed_block(block, thresholds.before, thresholds.after, self._options, at=state)
            except StepError as error:
                part = Skipped(code="step_failed", reason=str(error))
            if isinstance(part, Skipped):
                return Skipped(code=part.code, reason=f"Block {block.layer.name!r}: {part.reason}")
            found.append(part)
        if not found:
            return None
        return merge([part.counts for part in found]), Perturbation(
            background=self._options.background,
            draws=sum(part.draws for part in found),
            observed=tuple(np.sum([part.observed for part in found], axis=0).tolist()),
            off=tuple(values for part in found for values in part.off),
            on=tuple(values for part in found for values in part.on),
            seed=self._options.seed,
        )


def perturbed_block(
    block: Block, before: tuple[float, ...], after: tuple[float, ...], options: PerturbOptions, *, at: State | None = None
) -> PerturbedTpm | Skipped:
    """Sets the units of a token into each of their 2^n states before a block, and reads the units after the block.

    The other coordinates of the token and all other tokens stay as they were observed. The backgrounds are R tokens drawn from the
    kept calls, the same tokens for each state.

    Args:
        block: the block with its kept calls.
        before: the thresholds of the units before the block.
        after: the thresholds of the units after the block.
        options: used are ``background``, ``draws`` and ``seed``.
        at: for a "fixed" background: the background is the last token in this state, in the calls that were kept whole; None takes
            the last token of all.

    Returns:
        The TPM; or Skipped with a code: ``no_transitions``, ``unit_never_on``, ``unit_never_off``, ``state_not_observed``.

    Raises:
        StepError: the block raised an exception when it was called again.
    """
    step = block.step
    if step is None or block.units is None or not block.calls:
        return Skipped(code="no_transitions", reason="It was not called in a training step, so there is nothing to set.")
    limits_in, limits_out = (threshold_tensor(values, like=step.before) for values in (before, after))
    seen = step.before.to(limits_in.dtype) > limits_in
    if (missing := never_in_a_level(seen, [str(unit) for unit in block.units.tolist()])) is not None:
        return missing
    off, on = representatives(step.before, seen)
    n = len(before)
    bits = (torch.arange(2**n, device=off.device)[:, None] >> torch.arange(n, device=off.device)) & 1
    codes: list[list[Tensor]] = [[] for _ in bits]
    with preserved(block.layer.module):
        if options.background == "fixed":
            passes = _held(block, limits_in, at)
        else:
            passes = [(call, tokens, slice(count)) for call, tokens, count in block.passes(options.draws or TOKENS, options.seed)]
        for call, tokens, counted in passes:
            for found, wanted in zip(codes, bits, strict=True):
                read = block.set_and_read(call, tokens, torch.where(wanted.bool(), on, off))
                found.append(pack(read.to(limits_out.dtype) > limits_out)[counted])
    if not passes:
        return Skipped(code="state_not_observed", reason=f"The state {at} was not seen in the calls that were kept whole.")
    following = torch.stack([torch.cat(found) for found in codes])
    starts = torch.arange(2**n).repeat_interleave(following.shape[1])
    return PerturbedTpm(
        counts=counts_from_codes(starts.numpy(), following.flatten().cpu().numpy(), units=n),
        observed=tuple(torch.bincount(pack(seen), minlength=2**n).tolist()),
        off=(tuple(off.tolist()),),
        on=(tuple(on.tolist()),),
        background=options.background,
    )


def _held(block: Block, limits: Tensor, at: State | None) -> list[tuple[Any, Tensor, slice]]:
    """Returns the last token in the state ``at`` among the whole calls, as one pass; an empty list where there is none."""
    for call in reversed(block.calls):
        coordinates = block.tokens(call.stream, block.units)
        codes = pack(coordinates.to(limits.dtype) > limits)
        wanted = codes >= 0 if at is None else codes == sum(bit << unit for unit, bit in enumerate(at))
        places = wanted.nonzero()
        if len(places):
            row, token = places[-1].tolist()
            return [(call, torch.full((len(codes),), token), slice(row, row + 1))]
    return []
