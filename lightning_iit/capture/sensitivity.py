"""How the counts of a layer's epoch depend on its thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import torch

from lightning_iit.capture.depth.perturb import DepthPerturber
from lightning_iit.records import Skipped, ThresholdCounts
from lightning_iit.tpm.counts import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.perturb.perturber import Perturber
    from lightning_iit.records import State


def at_quantiles(captured: LayerEpoch, state: State, perturber: Perturber | DepthPerturber | None) -> Iterator[ThresholdCounts]:
    """The counts with quantiles of the units' activations as thresholds.

    Of the last activations of the epoch; of a layer that is perturbed, of its states where it was seen.

    Args:
        captured: of the epoch; nothing is to be had along depth, of units coded by two bits, and where nothing was kept.
        state: that is analysed, at which a "fixed" background is held.
        perturber: sets the units into each state anew; None for counts of what was watched.

    Yields:
        Those that can be made.
    """
    recent, units, thresholds = captured.recent, captured.units, captured.thresholds
    if recent is None or thresholds is None or units is None or units.bits != 1 or isinstance(perturber, DepthPerturber):
        return
    rows = recent.rows() if perturber is None else perturber.values(captured)
    if rows is None:
        return
    for quantile in QUANTILES:
        values = tuple(torch.quantile(rows.double(), quantile, dim=0).tolist())
        if perturber is None:
            counts = recent.counts(values)
        else:
            made = perturber.perturb(replace(captured, thresholds=msgspec.structs.replace(thresholds, values=values)), state)
            if made is None or isinstance(made, Skipped):
                continue
            counts = made[0]
        yield ThresholdCounts(quantile=quantile, thresholds=values, counts=counts)
