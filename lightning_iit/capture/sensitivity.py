"""Transition counts of one layer and epoch with other thresholds, to see how much Φ depends on the choice of threshold."""

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
    from lightning_iit.capture.perturb.job import PerturbJob
    from lightning_iit.capture.perturb.perturber import Perturber
    from lightning_iit.records import State


def at_quantiles(
    captured: LayerEpoch, state: State, perturber: Perturber | DepthPerturber | PerturbJob | None
) -> Iterator[ThresholdCounts]:
    """Counts a layer's transitions again with each quantile in ``QUANTILES`` of a unit's activations as the unit's threshold.

    A watched layer is counted again from the last activations of the epoch. A perturbed layer is perturbed again; its quantiles are
    those of the states in which the layer was observed.

    Args:
        captured: the capture of the epoch. Nothing is yielded for blocks along depth, for units coded by two bits, and where no
            activations were kept.
        state: the analysed state, at which a "fixed" background is held; used for perturbed layers only.
        perturber: sets the units into each state again; None for a watched layer.

    Yields:
        The quantile, the thresholds and the counts. A quantile at which the layer cannot be perturbed is left out.
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
