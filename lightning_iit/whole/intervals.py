"""Bootstrap intervals of measures: successive pairs of a past and a present are drawn together, or whole sequences.

Each resample has random numbers of its own, by the seed and its number, so that resamples can be computed apart from each other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.records.whole.measures import WholeInterval
from lightning_iit.whole.nulls import compared, with_each
from lightning_iit.whole.sampling.surrogates import FEWEST_SEQUENCES
from lightning_iit.whole.search.minimum import minimum_bipartition
from lightning_iit.whole.values.covariances import Covariances
from lightning_iit.whole.values.measures import values_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from lightning_iit.records.whole.measures import MeasureName, WholeLayer, WholeValue
    from lightning_iit.whole.nulls import Compared
    from lightning_iit.whole.prepared import Prepared
    from lightning_iit.whole.sampling.series import Series
    from lightning_iit.whole.values.partitions import Partition

_LEVEL = 0.95
_STARTS = 2
_MOST_SEARCHED = 10
"""Up to how many elements the partition is searched anew in each resample, to say how often it stays the same."""
_FEWEST_BLOCKS = 10
"""So many blocks have to fit into the pairs, at the least."""


def block_length(series: Series, times: Float[np.ndarray, " unit"]) -> int:
    """Returns how many successive pairs are drawn together: the cube root of their number, and three autocorrelation times.

    0 where whole sequences are drawn, since they are many and short.

    Raises:
        UnusableSeriesError: fewer than ten blocks fit.
    """
    block: int = math.ceil(max(series.samples ** (1 / 3), 3.0 * float(times.max())))
    if len(series.sequences) >= FEWEST_SEQUENCES and min(map(len, series.sequences)) < 2 * block:
        return 0
    if series.samples < _FEWEST_BLOCKS * block:
        msg = (
            f"No interval: blocks of {block:,} pairs fit less than {_FEWEST_BLOCKS} times into {series.samples:,} pairs, since the "
            f"slowest unit has an autocorrelation time of {times.max():.3g} steps. Record longer."
        )
        raise UnusableSeriesError(msg)
    return block


def block_of(layer: Prepared) -> tuple[int | None, str]:
    """Returns how many successive pairs of a layer are drawn together; None, with the reason in words, where too few blocks fit."""
    if layer.auto is None:
        return 1, ""
    try:
        return block_length(layer.series, layer.auto.times), ""
    except UnusableSeriesError as error:
        return None, str(error)


def resampled_of(found: WholeLayer) -> list[Compared]:
    """Returns which measures of a layer are taken of the same resamples, always in the same order.

    Of those that are ``searched``, where there are few elements, the smallest bipartition of each resample is compared with that of
    the data.
    """
    return compared(found, len(found.elements) <= _MOST_SEARCHED)


def interval_values(
    layer: Prepared, asked: Sequence[Compared], block: int, *, first: int, stop: int, seed: int
) -> Float[np.ndarray, "value resample"]:
    """Computes measures of resamples at partitions that are held.

    Args:
        layer: the series and its elements.
        asked: the measures, and their partitions.
        block: how many successive pairs are drawn together; 0 for whole sequences.
        first: the number of the first resample.
        stop: the number after that of the last one.
        seed: the seed of the draws; each resample has random numbers of its own.

    Returns:
        A row for each measure of each of ``asked``, in this order, and after those of one that is searched a row for each of its
        measures with 1 where the resample has the same smallest bipartition.

    Raises:
        UnusableSeriesError: a measure is not defined of a resample.
    """
    series = layer.series
    both = np.concatenate([series.past - series.past.mean(axis=0), series.present - series.present.mean(axis=0)], axis=1)
    places = [layer.elements.positions(one.partition) for one in asked]
    drawn = []
    for number in range(first, stop):
        given = _weighted(both, _weights(series, block, np.random.default_rng((seed, number))))
        drawn.append([value for one, parts in zip(asked, places, strict=True) for value in _of_resample(layer, given, one, parts)])
    rows = sum(len(one.names) * (1 + one.searched) for one in asked)
    return np.asarray(np.array(drawn, dtype=np.float64).reshape(stop - first, rows).T)


def _of_resample(layer: Prepared, given: Covariances, asked: Compared, parts: Partition) -> list[float]:
    """Returns the measures of one resample, and whether it has the partitions of the data where these are searched."""
    found = values_at(given, parts, asked.names, starts=_STARTS)
    values = [found[name].value for name in asked.names]
    if not asked.searched:
        return values
    same = [minimum_bipartition(given, layer.elements.parts, name).partition == parts for name in asked.names]
    return [*values, *map(float, same)]


def with_intervals(
    found: WholeLayer, asked: Sequence[Compared], values: Float[np.ndarray, "value resample"], block: int
) -> WholeLayer:
    """Returns measures with basic bootstrap intervals at the partitions of the data.

    The ends are ``2 value - quantile``: a resample is biased by about as much again as the value, so this takes the bias out.
    (Davison and Hinkley 1997, section 5.2; circular blocks: Politis and Romano 1992.)

    Args:
        found: the measures.
        asked: what :func:`resampled_of` returned of them.
        values: what :func:`interval_values` returned of these.
        block: how many successive pairs were drawn together.
    """
    rows = iter(values)
    drawn: dict[tuple[MeasureName, Partition], tuple[np.ndarray, float | None]] = {}
    for one in asked:
        of_one = [next(rows) for _ in one.names]
        same = [float(next(rows).mean()) if one.searched else None for _ in one.names]
        drawn |= {(name, one.partition): (of, share) for name, of, share in zip(one.names, of_one, same, strict=True)}

    def with_interval(name: MeasureName, partition: Partition, value: WholeValue) -> WholeValue:
        of_resamples, same = drawn[name, partition]
        return msgspec.structs.replace(value, interval=_interval(value.value, of_resamples, block, same))

    return with_each(found, with_interval)


def without_intervals(found: WholeLayer, why: str) -> WholeLayer:
    """Returns measures whose intervals could not be computed, with a note that says why."""
    return msgspec.structs.replace(found, notes=(*found.notes, f"No interval: {why}"))


def resampled(found: WholeLayer, layer: Prepared, *, resamples: int, seed: int) -> WholeLayer:
    """Computes the intervals of a layer's measures; without them, and with a note, where they cannot be computed.

    Args:
        found: the measures.
        layer: the series and its elements.
        resamples: how many resamples are drawn; 0 for no interval.
        seed: the seed of the draws.
    """
    block, _ = block_of(layer)
    if not resamples or block is None:
        return found
    asked = resampled_of(found)
    try:
        values = interval_values(layer, asked, block, first=0, stop=resamples, seed=seed)
    except UnusableSeriesError as error:
        return without_intervals(found, str(error))
    return with_intervals(found, asked, values, block)


def _weights(series: Series, block: int, rng: np.random.Generator) -> Float[np.ndarray, " pair"]:
    """Returns how often each pair is drawn."""
    if block == 0:
        sizes = [len(one) - series.lag for one in series.sequences]
        times = np.bincount(rng.integers(0, len(sizes), len(sizes)), minlength=len(sizes))
        return np.repeat(times, sizes).astype(np.float64)
    n = series.samples
    starts = rng.integers(0, n, math.ceil(n / block))
    drawn = (starts[:, None] + np.arange(block)).ravel()[:n] % n
    return np.bincount(drawn, minlength=n).astype(np.float64)


def _weighted(both: Float[np.ndarray, "pair twice"], weights: Float[np.ndarray, " pair"]) -> Covariances:
    """Returns the covariances of pairs that were drawn so often."""
    total, units = float(weights.sum()), both.shape[1] // 2
    mean = weights @ both / total
    covariance = (both * weights[:, None]).T @ both / (total - 1) - np.outer(mean, mean) * total / (total - 1)
    return Covariances(covariance[:units, :units], covariance[units:, units:], covariance[:units, units:], int(total))


def _interval(observed: float, drawn: np.ndarray, block: int, same: float | None) -> WholeInterval:
    """Returns the basic interval."""
    low, high = 2.0 * observed - np.quantile(drawn, [(1 + _LEVEL) / 2, (1 - _LEVEL) / 2])
    return WholeInterval(
        low=max(0.0, float(low)),
        high=max(0.0, float(high)),
        level=_LEVEL,
        bias=float(drawn.mean()) - observed,
        resamples=len(drawn),
        block=block,
        same_partition=same,
    )
