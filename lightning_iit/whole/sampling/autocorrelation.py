"""How much successive samples resemble each other, and to how many independent samples they amount."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

if TYPE_CHECKING:
    from jaxtyping import Float

    from lightning_iit.whole.sampling.series import Series

_WINDOW = 5.0
"""Autocorrelations are summed up to this many autocorrelation times (Sokal 1997)."""


class Autocorrelation(NamedTuple):
    """Holds the autocorrelation of the units of a series.

    Args:
        times: ``[unit]``, the integrated autocorrelation time in steps: 1 for independent samples.
        effective: the median over pairs of units of the effective number of samples.
        fewest: the smallest of them.
        trend: the largest share of a unit's variance that a straight line over all samples explains.
    """

    times: Float[np.ndarray, " unit"]
    effective: float
    fewest: float
    trend: float


def autocorrelation(series: Series) -> Autocorrelation:
    """Measures the autocorrelation within sequences.

    The effective number of samples of two units is ``n / (1 + 2 sum_l (1 - l/n) r_x(l) r_y(l))`` (Bartlett 1935; Cliff, Novelli,
    Fulcher, Shine and Lizier 2021, arXiv:2003.03887), and n at most.
    """
    correlations = _correlations(series)
    times, window = _times(correlations)
    n = series.samples
    lags = np.arange(1, window + 1)
    weighted = correlations[1 : window + 1]
    products = 1.0 + 2.0 * (weighted.T * np.clip(1.0 - lags / n, 0.0, 1.0)) @ weighted
    pairs = products[np.triu_indices(series.units, 1)]
    effective = np.minimum(n, n / np.maximum(pairs, 1e-12)) if len(pairs) else np.array([float(n)])
    return Autocorrelation(times, float(np.median(effective)), float(effective.min()), _trend(series))


def _correlations(series: Series) -> Float[np.ndarray, "lag unit"]:
    """Returns the autocorrelation of each unit by lag, pooled over sequences that are centred together."""
    mean = np.concatenate(series.sequences).mean(axis=0)
    longest = max(map(len, series.sequences))
    sums = np.zeros((longest, series.units))
    for one in series.sequences:
        size = next_fast_len(2 * len(one), real=True)
        power = np.abs(rfft(one - mean, size, axis=0)) ** 2
        sums[: len(one)] += irfft(power, size, axis=0)[: len(one)]
    return np.asarray(sums / sums[0])


def _times(correlations: Float[np.ndarray, "lag unit"]) -> tuple[Float[np.ndarray, " unit"], int]:
    """Returns the integrated autocorrelation time of each unit, and the largest lag that one of them is summed up to."""
    sums = 1.0 + 2.0 * np.cumsum(correlations[1:], axis=0)
    if not len(sums):
        return np.ones(correlations.shape[1]), 0
    enough = np.arange(1, len(sums) + 1)[:, None] >= _WINDOW * sums
    ends = np.where(enough.any(axis=0), enough.argmax(axis=0), len(sums) - 1)
    return np.maximum(sums[ends, np.arange(sums.shape[1])], 1.0), int(ends.max()) + 1


def _trend(series: Series) -> float:
    """Returns the largest share of a unit's variance that a straight line over all samples explains."""
    rows = np.concatenate(series.sequences)
    line = np.linspace(-1.0, 1.0, len(rows))
    centred = rows - rows.mean(axis=0)
    shares = (line @ centred) ** 2 / np.maximum((line @ line) * (centred**2).sum(axis=0), 1e-300)
    return float(shares.max())
