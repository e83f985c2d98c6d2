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
from lightning_iit.whole.intervals import (
    block_of,
    interval_values,
    resampled,
    resampled_of,
    with_intervals,
    without_intervals,
)
from lightning_iit.whole.layer import layer_values
from lightning_iit.whole.nulls import compared, judged, null_values, with_nulls, without_nulls
from lightning_iit.whole.prepared import prepared
from lightning_iit.whole.unit_pairs import pair_values, pairs_judged, with_pair_nulls, without_pair_nulls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jaxtyping import Float

    from lightning_iit.records.split.parts import WholeWork
    from lightning_iit.records.whole.measures import MeasureName, NullMethod
    from lightning_iit.records.whole.pairs import Redundancy
    from lightning_iit.records.whole.tasks import WholeTask
    from lightning_iit.whole.prepared import Prepared


class Drawn(NamedTuple):
    """Holds what some surrogates or resamples of a layer gave.

    Args:
        values: a row for each measure at each of its partitions, or for each number of pairs.
        method: how surrogates were drawn.
        block: how many successive pairs of a past and a present resamples draw together.
    """

    values: Float[np.ndarray, "value draw"]
    method: NullMethod | None = None
    block: int | None = None


def measured_layer(task: WholeTask, notes: list[str], *, judged: bool = True) -> WholeLayer | None:
    """Computes the measures of a whole layer.

    Args:
        task: the activations, and what is wanted.
        notes: gets what could not be made.
        judged: whether nulls and intervals are computed here; else :func:`drawn_numbers` computes them.

    Returns:
        The measures, or why there are none (``refused``).
    """
    found = None
    with Part("the measures of the whole layer", notes):
        found = _measured(task, with_judgement=judged)
    if task.sums is not None:
        with Part("total correlation of the whole epoch", notes):
            found = msgspec.structs.replace(found or WholeLayer(), epoch=whole_epoch(task.sums))
    return found


def pairs_pictures(found: WholeLayer | None, layer: str, notes: list[str]) -> dict[str, bytes]:
    """Returns the picture "pairs" of a layer as PNG bytes, where there are pairs of units.

    Args:
        found: the measures of the layer, with the null of the pairs where there is one.
        layer: the layer's name.
        notes: gets what could not be made.
    """
    images = {}
    if found is not None and found.pairs is not None:
        with Part("the picture of pairs of units", notes):
            from lightning_iit.figures.pairs import pairs_figure

            images["pairs"] = pairs_figure(found.pairs, layer)
    return images


def _measured(task: WholeTask, *, with_judgement: bool) -> WholeLayer:
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
        if with_judgement:
            found = judged(found, layer, task.searched, surrogates=task.surrogates, seed=task.seed)
            found = resampled(found, layer, resamples=task.resamples, seed=task.seed)
            found = pairs_judged(found, layer, surrogates=task.surrogates, seed=task.seed)
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


def drawn_numbers(task: WholeTask, found: WholeLayer, work: WholeWork, *, first: int, stop: int) -> Drawn | None:
    """Computes what some surrogates or resamples of a layer give; None where it has none.

    Args:
        task: the activations, and what is wanted.
        found: the measures, with the indices of the layer's units.
        work: what of them is judged.
        first: the number of the first surrogate or resample.
        stop: the number after that of the last one.

    Raises:
        UnusableSeriesError: a measure is not defined of any draw.
    """
    if not found.measures:
        return None
    series, layer = task.series, _prepared(task)
    method, (block, _), (_, redundancy) = layer.plan.method, block_of(layer), _asked(task)
    if len(series.units) != series.width:
        found = _renamed(found, {unit: place for place, unit in enumerate(series.units)})
    if work == "whole_interval" and block is not None:
        asked = resampled_of(found)
        return Drawn(interval_values(layer, asked, block, first=first, stop=stop, seed=task.seed), block=block)
    if work == "whole_null" and method is not None:
        asked = compared(found, task.searched)
        return Drawn(null_values(layer, asked, first=first, stop=stop, seed=task.seed), method)
    if work == "whole_pairs" and method is not None and redundancy is not None:
        return Drawn(pair_values(layer, redundancy, first=first, stop=stop, seed=task.seed), method)
    return None


def judged_by(found: WholeLayer, work: WholeWork, drawn: Sequence[Drawn], *, searched: bool) -> WholeLayer:
    """Adds nulls or intervals to the measures of a layer.

    Args:
        found: the measures without them.
        work: which of them.
        drawn: what :func:`drawn_numbers` returned, in the order of the draws; nothing where there are none.
        searched: whether the surrogates have partitions of their own.
    """
    if not drawn:
        return found
    values = np.concatenate([one.values for one in drawn], axis=1)
    if work == "whole_pairs":
        return with_pair_nulls(found, values)
    if work == "whole_interval":
        return with_intervals(found, resampled_of(found), values, drawn[0].block or 0)
    assert drawn[0].method is not None
    return with_nulls(found, compared(found, searched), values, drawn[0].method)


WITHOUT: dict[WholeWork, Callable[[WholeLayer, str], WholeLayer]] = {
    "whole_null": without_nulls,
    "whole_interval": without_intervals,
    "whole_pairs": without_pair_nulls,
}
"""What is said of the measures where a work could not be done, for the reason that is given."""


def _renamed(found: WholeLayer, names: Mapping[int, int]) -> WholeLayer:
    """Returns measures with other indices of the units."""

    def named(parts: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(names[unit] for unit in part) for part in parts)

    pairs = found.pairs and msgspec.structs.replace(found.pairs, elements=named(found.pairs.elements))
    measures = tuple(msgspec.structs.replace(one, partition=named(one.partition)) for one in found.measures)
    dropped = tuple(msgspec.structs.replace(one, unit=names[one.unit]) for one in found.dropped)
    units, elements = named((found.units,))[0], named(found.elements)
    return msgspec.structs.replace(found, units=units, elements=elements, measures=measures, pairs=pairs, dropped=dropped)
