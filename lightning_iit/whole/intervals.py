"""Bootstrap intervals of measures: successive pairs of a past and a present are drawn together, or whole sequences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.records.whole.measures import WholeInterval
from lightning_iit.whole.sampling.surrogates import FEWEST_SEQUENCES
from lightning_iit.whole.search.minimum import minimum_bipartition
from lightning_iit.whole.values.covariances import Covariances
from lightning_iit.whole.values.measures import OF_DETERMINANTS, values_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from lightning_iit.records.whole.measures import MeasureName
    from lightning_iit.whole.sampling.series import Series
    from lightning_iit.whole.values.partitions import Part, Partition

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


def intervals_at(
    series: Series,
    partition: Partition,
    observed: dict[MeasureName, float],
    block: int,
    *,
    searched: Sequence[Part] = (),
    resamples: int,
    seed: int,
) -> dict[MeasureName, WholeInterval]:
    """Computes basic bootstrap intervals of measures at a partition, which is held.

    The ends are ``2 value - quantile``: a resample is biased by about as much again as the value, so this takes the bias out.
    (Davison and Hinkley 1997, section 5.2; circular blocks: Politis and Romano 1992.)

    Args:
        series: the series.
        partition: the parts.
        observed: the measures, and their values.
        block: how many successive pairs are drawn together; 0 for whole sequences.
        searched: the elements; of few of them the bipartition at which MI1, MI or SI of each resample is smallest is compared with
            ``partition``.
        resamples: how many resamples are drawn.
        seed: the seed of the draws.
    """
    rng = np.random.default_rng(seed)
    both = np.concatenate([series.past - series.past.mean(axis=0), series.present - series.present.mean(axis=0)], axis=1)
    again = searched if 2 < len(searched) <= _MOST_SEARCHED else ()
    drawn: dict[MeasureName, list[float]] = {name: [] for name in observed}
    same: dict[MeasureName, int] = dict.fromkeys(observed, 0)
    for _ in range(resamples):
        given = _weighted(both, _weights(series, block, rng))
        for name, one in values_at(given, partition, list(observed), starts=_STARTS).items():
            drawn[name].append(one.value)
            if again and name in OF_DETERMINANTS:
                same[name] += minimum_bipartition(given, again, name).partition == partition
    shares = {name: same[name] / resamples if again and name in OF_DETERMINANTS else None for name in observed}
    return {name: _interval(value, np.array(drawn[name]), block, shares[name]) for name, value in observed.items()}


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
