"""The measures of a whole layer, in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.job.guard import Part
from lightning_iit.records.whole.measures import WholeLayer
from lightning_iit.records.whole.tasks import MEASURE_NAMES
from lightning_iit.whole.epoch import whole_epoch
from lightning_iit.whole.layer import layer_values
from lightning_iit.whole.nulls import compared, judged, null_values, with_nulls
from lightning_iit.whole.prepared import prepared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

    from lightning_iit.records.whole.measures import MeasureName, NullMethod
    from lightning_iit.records.whole.pairs import Redundancy
    from lightning_iit.records.whole.tasks import WholeTask
    from lightning_iit.whole.prepared import Prepared


class NullNumbers(NamedTuple):
    """Holds the measures of some surrogates of a layer.

    Args:
        values: a row for each measure at each of its partitions.
        method: how the surrogates were drawn.
    """

    values: Float[np.ndarray, "value surrogate"]
    method: NullMethod


def measured_layer(
    layer: str, task: WholeTask, *, pictures: bool, notes: list[str], nulls: bool = True
) -> tuple[WholeLayer | None, dict[str, bytes]]:
    """Computes the measures of a whole layer, and the picture of its pairs.

    Args:
        layer: the layer's name, for the picture.
        task: the activations, and what is wanted.
        pictures: whether the picture is drawn.
        notes: gets what could not be made.
        nulls: whether the nulls of the measures are computed here; else :func:`null_numbers` computes them.

    Returns:
        The measures, or why there are none (``refused``); and the picture "pairs" as PNG bytes, where there are pairs.
    """
    found, images = None, {}
    with Part("the measures of the whole layer", notes):
        found = _measured(task, nulls=nulls)
    if task.sums is not None:
        with Part("total correlation of the whole epoch", notes):
            found = msgspec.structs.replace(found or WholeLayer(), epoch=whole_epoch(task.sums))
    if found is not None and found.pairs is not None and pictures:
        with Part("the picture of pairs of units", notes):
            from lightning_iit.figures.pairs import pairs_figure

            images["pairs"] = pairs_figure(found.pairs, layer)
    return found, images


def _measured(task: WholeTask, *, nulls: bool) -> WholeLayer:
    """Returns the measures, with the indices of the layer's units; a refusal is returned in words."""
    series = task.series
    if series.problem:
        return WholeLayer(refused=series.problem)
    told = [*series.notes, *task.notes]
    if not series.lengths:
        told.append("The samples have no order, so there is total correlation at one time only.")
    names, pairs = _asked(task)
    try:
        layer = _prepared(task)
        found = layer_values(layer, names, surrogates=task.surrogates, resamples=task.resamples, pairs=pairs, seed=task.seed)
        if nulls:
            found = judged(found, layer, task.searched, surrogates=task.surrogates, seed=task.seed)
    except InvalidArgumentError as error:
        return WholeLayer(refused=str(error), notes=tuple(told))
    found = msgspec.structs.replace(found, notes=(*told, *found.notes))
    return found if len(series.units) == series.width else _renamed(found, dict(enumerate(series.units)))


def _asked(task: WholeTask) -> tuple[list[MeasureName], Redundancy | None]:
    """Returns the measures that are computed, and how pairs of units are decomposed."""
    if not task.series.lengths:
        return ["total_correlation"], None
    names: list[MeasureName] = [name for name in MEASURE_NAMES if name in task.names]
    return names or ["total_correlation"], "ccs" if "phiid_ccs" in task.names else "mmi" if "phiid" in task.names else None


def _prepared(task: WholeTask) -> Prepared:
    """Reads the series of a task."""
    series, (names, pairs) = task.series, _asked(task)
    rows = np.frombuffer(series.rows, dtype=np.float32).reshape(-1, len(series.units))
    ordered = bool(series.lengths)
    both = pairs is not None or set(names) != {"total_correlation"}
    return prepared(np.split(rows, np.cumsum(series.lengths)[:-1]) if ordered else rows, None, task.lag, ordered=ordered, both=both)


def null_numbers(task: WholeTask, found: WholeLayer, *, first: int, stop: int) -> NullNumbers | None:
    """Computes the measures of some surrogates of a layer; None where it has no surrogates.

    Args:
        task: the activations, and what is wanted.
        found: the measures without their nulls, with the indices of the layer's units.
        first: the number of the first surrogate.
        stop: the number after that of the last one.

    Raises:
        UnusableSeriesError: a measure is not defined of any draw of a surrogate.
    """
    if not found.measures:
        return None
    series, layer = task.series, _prepared(task)
    if layer.plan.method is None:
        return None
    if len(series.units) != series.width:
        found = _renamed(found, {unit: place for place, unit in enumerate(series.units)})
    asked = compared(found, task.searched)
    return NullNumbers(null_values(layer, asked, first=first, stop=stop, seed=task.seed), layer.plan.method)


def judged_by(found: WholeLayer, drawn: Sequence[NullNumbers], *, searched: bool) -> WholeLayer:
    """Adds nulls to the measures of a layer.

    Args:
        found: the measures without their nulls.
        drawn: what :func:`null_numbers` returned, in the order of the surrogates; nothing where there are none.
        searched: whether the surrogates have partitions of their own.
    """
    if not drawn:
        return found
    values = np.concatenate([one.values for one in drawn], axis=1)
    return with_nulls(found, compared(found, searched), values, drawn[0].method)


def _renamed(found: WholeLayer, names: Mapping[int, int]) -> WholeLayer:
    """Returns measures with other indices of the units."""

    def named(parts: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(names[unit] for unit in part) for part in parts)

    pairs = found.pairs and msgspec.structs.replace(found.pairs, elements=named(found.pairs.elements))
    measures = tuple(msgspec.structs.replace(one, partition=named(one.partition)) for one in found.measures)
    dropped = tuple(msgspec.structs.replace(one, unit=names[one.unit]) for one in found.dropped)
    units, elements = named((found.units,))[0], named(found.elements)
    return msgspec.structs.replace(found, units=units, elements=elements, measures=measures, pairs=pairs, dropped=dropped)
