"""Total correlation of all samples of an epoch, from the sums that were made while it was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.whole.measures import DroppedUnit, WholeEpoch
from lightning_iit.whole.elements import elements_of
from lightning_iit.whole.measured import Measured
from lightning_iit.whole.sampling.usable import check_condition, check_samples, usable_of
from lightning_iit.whole.values.covariances import Covariances

if TYPE_CHECKING:
    from lightning_iit.records.whole.tasks import WholeSums


def whole_epoch(sums: WholeSums) -> WholeEpoch:
    """Computes total correlation (MI1) of the units of a layer over all samples of an epoch; a refusal is returned in words.

    The minimum bipartition is Queyranne's, which is exact for this measure.

    Args:
        sums: the sums over the epoch.
    """
    if sums.problem:
        return WholeEpoch(refused=sums.problem)
    try:
        return _measured(sums)
    except InvalidArgumentError as error:
        return WholeEpoch(refused=str(error), samples=sums.samples)


def _measured(sums: WholeSums) -> WholeEpoch:
    """Returns the measure, with the indices of the layer's units.

    Raises:
        UnusableSeriesError: too few samples, or units that depend on each other so much that the measure is not defined.
    """
    width = len(sums.units)
    products = np.frombuffer(sums.products, dtype=np.float64).reshape(width, width)
    covariance = products / max(1, sums.samples - 1)
    usable = usable_of(covariance, np.frombuffer(sums.means, dtype=np.float64))
    elements = elements_of(None, width, usable.units)
    notes = [check_samples(sums.samples, len(elements.units), ordered=False)]
    if sums.left_out:
        notes.append(f"{sums.left_out:,} samples were left out, with an activation that was NaN or infinite.")
    chosen = np.ix_(elements.units, elements.units)
    scale = np.sqrt(np.diagonal(covariance)[list(elements.units)])
    correlation = covariance[chosen] / scale[:, None] / scale
    given = Covariances(correlation, correlation, np.zeros_like(correlation), sums.samples)
    condition = check_condition(given, ordered=False)
    (measure,) = Measured(
        given,
        elements._replace(units=tuple(sums.units[one] for one in elements.units)),
        ["total_correlation"],
        partition=None,
        seed=0,
    ).measures()
    return WholeEpoch(
        measure=measure,
        units=tuple(sums.units[unit] for unit in elements.units),
        dropped=tuple(DroppedUnit(unit=sums.units[one.unit], reason=one.reason) for one in usable.dropped),
        samples=sums.samples,
        condition=condition,
        notes=tuple(filter(None, notes)),
    )
