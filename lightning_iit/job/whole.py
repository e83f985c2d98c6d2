"""The measures of a whole layer, in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.job.guard import Part
from lightning_iit.records.whole.measures import WholeLayer
from lightning_iit.records.whole.tasks import MEASURE_NAMES
from lightning_iit.whole.epoch import whole_epoch
from lightning_iit.whole.layer import whole_layer

if TYPE_CHECKING:
    from lightning_iit.records.whole.pairs import Redundancy
    from lightning_iit.records.whole.tasks import WholeSeries, WholeTask


def measured_layer(layer: str, task: WholeTask, *, pictures: bool, notes: list[str]) -> tuple[WholeLayer | None, dict[str, bytes]]:
    """Computes the measures of a whole layer, and the picture of its pairs.

    Args:
        layer: the layer's name, for the picture.
        task: the activations, and what is wanted.
        pictures: whether the picture is drawn.
        notes: gets what could not be made.

    Returns:
        The measures, or why there are none (``refused``); and the picture "pairs" as PNG bytes, where there are pairs.
    """
    found, images = None, {}
    with Part("the measures of the whole layer", notes):
        found = _measured(task)
    if task.sums is not None:
        with Part("total correlation of the whole epoch", notes):
            found = msgspec.structs.replace(found or WholeLayer(), epoch=whole_epoch(task.sums))
    if found is not None and found.pairs is not None and pictures:
        with Part("the picture of pairs of units", notes):
            from lightning_iit.figures.pairs import pairs_figure

            images["pairs"] = pairs_figure(found.pairs, layer)
    return found, images


def _measured(task: WholeTask) -> WholeLayer:
    """Returns the measures, with the indices of the layer's units; a refusal is returned in words."""
    series = task.series
    if series.problem:
        return WholeLayer(refused=series.problem)
    rows = np.frombuffer(series.rows, dtype=np.float32).reshape(-1, len(series.units))
    ordered = bool(series.lengths)
    names = [name for name in MEASURE_NAMES if name in task.names and (ordered or name == "total_correlation")]
    pairs: Redundancy | None = "ccs" if "phiid_ccs" in task.names else "mmi" if "phiid" in task.names else None
    told = [*series.notes, *task.notes]
    if not ordered:
        told.append("The samples have no order, so there is total correlation at one time only.")
        names, pairs = ["total_correlation"], None
    try:
        found = whole_layer(
            np.split(rows, np.cumsum(series.lengths)[:-1]) if ordered else rows,
            measures=names or ["total_correlation"],
            lag=task.lag,
            ordered=ordered,
            surrogates=task.surrogates,
            search_null=task.searched,
            resamples=task.resamples,
            pairs=pairs,
            seed=task.seed,
        )
    except InvalidArgumentError as error:
        return WholeLayer(refused=str(error), notes=tuple(told))
    return _named(found, series, told)


def _named(found: WholeLayer, series: WholeSeries, told: list[str]) -> WholeLayer:
    """Returns measures whose units are indices of the layer, where only some of its units were recorded."""
    found = msgspec.structs.replace(found, notes=(*told, *found.notes))
    if len(series.units) == series.width:
        return found

    def named(parts: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(series.units[unit] for unit in part) for part in parts)

    pairs = found.pairs and msgspec.structs.replace(found.pairs, elements=named(found.pairs.elements))
    measures = tuple(msgspec.structs.replace(one, partition=named(one.partition)) for one in found.measures)
    dropped = tuple(msgspec.structs.replace(one, unit=series.units[one.unit]) for one in found.dropped)
    units, elements = named((found.units,))[0], named(found.elements)
    return msgspec.structs.replace(found, units=units, elements=elements, measures=measures, pairs=pairs, dropped=dropped)
