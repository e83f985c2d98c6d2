"""How the counts of a layer's epoch depend on its thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import Skipped, ThresholdCounts
from lightning_iit.tpm.counts import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.capture.causal import Perturber
    from lightning_iit.capture.depth_perturb import DepthPerturber
    from lightning_iit.capture.epoch import LayerEpoch
    from lightning_iit.records import State


def at_quantiles(captured: LayerEpoch, state: State, perturber: Perturber | DepthPerturber | None) -> Iterator[ThresholdCounts]:
    """The counts with the quantiles of the last activations as thresholds.

    Args:
        captured: of the epoch; nothing is to be had of one whose activations were not kept, or are coded by two bits.
        state: that is analysed, at which a "fixed" background is held.
        perturber: sets the units into each state anew; None for counts of what was watched.

    Yields:
        Those that can be made.
    """
    recent, units, thresholds = captured.recent, captured.units, captured.thresholds
    if recent is None or thresholds is None or units is None or units.bits != 1:
        return
    for quantile in QUANTILES:
        watched = recent.at(quantile)
        if watched is None:
            return
        if perturber is None:
            yield watched
            continue
        moved = msgspec.structs.replace(thresholds, values=watched.thresholds)
        made = perturber.perturb(replace(captured, thresholds=moved), state)
        if made is not None and not isinstance(made, Skipped):
            yield msgspec.structs.replace(watched, counts=made[0])
