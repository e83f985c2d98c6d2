"""The tests of differences: paired over groups, unpaired over runs, each with the smallest p that it can give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_PAIRS = 6
"""With fewer pairs the smallest p of a signed-rank test, ``2 / 2**n``, is above 0.05, so no p is given."""
_EXACT = 200_000
"""Up to so many arrangements are all tried; of more a random sample of this size, by a fixed seed."""


class TestResult(NamedTuple):
    """Holds the outcome of a test."""

    p: float
    """The two-sided p-value."""
    smallest: float
    """The smallest p-value that this test can give with so many values."""


def signed_rank(differences: Sequence[float]) -> TestResult | None:
    """Tests whether differences of pairs lie around 0 (Wilcoxon 1945, two-sided; exact without ties up to 50 pairs).

    Args:
        differences: one for each pair. Pairs without a difference are left out, as Wilcoxon does.

    Returns:
        The p-value; None where fewer than six pairs differ, of which no p could be small.
    """
    apart = np.array([value for value in differences if value != 0.0])
    if len(apart) < FEWEST_PAIRS:
        return None
    return TestResult(float(stats.wilcoxon(apart).pvalue), 2.0 / 2 ** len(apart))


def difference_of_means(one: Sequence[float], other: Sequence[float]) -> TestResult | None:
    """Tests whether two sides have the same mean by exchanging their members in all ways (Fisher 1935; two-sided).

    Args:
        one: the values of one side.
        other: the values of the other side.

    Returns:
        The p-value, exact where there are at most 200,000 ways; None where a side has no value or both have one.
    """
    ways = math.comb(len(one) + len(other), len(one))
    if not one or not other or ways <= 2:
        return None
    return _permuted((one, other), "independent", ways, smallest=(2.0 if len(one) == len(other) else 1.0) / ways)


def difference_of_pairs(differences: Sequence[float]) -> TestResult | None:
    """Tests whether the mean of the differences of pairs is 0 by exchanging the sides of pairs in all ways (two-sided).

    Args:
        differences: one for each pair of runs that began with the same weights.

    Returns:
        The p-value, exact where there are at most 200,000 ways; None with fewer than two pairs.
    """
    ways = 2 ** len(differences)
    if len(differences) < 2:
        return None
    return _permuted((differences,), "samples", ways, smallest=2.0 / ways)


def _permuted(values: Sequence[Sequence[float]], kind: str, ways: int, *, smallest: float) -> TestResult:
    """Runs scipy's permutation test of a difference of means, or of a mean of differences."""

    def statistic(*sides: np.ndarray, axis: int) -> np.ndarray:
        first, *second = [side.mean(axis=axis) for side in sides]
        return np.asarray(first - second[0] if second else first)

    exact = ways <= _EXACT
    found = stats.permutation_test(
        tuple(map(np.asarray, values)),
        statistic,
        permutation_type=kind,
        vectorized=True,
        n_resamples=np.inf if exact else _EXACT,
        batch=20_000,
        random_state=np.random.default_rng(0),
    )
    return TestResult(min(1.0, float(found.pvalue)), smallest if exact else max(smallest, 2.0 / (_EXACT + 1)))


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Corrects p-values for their number (Holm 1979); None stays None and is not counted.

    Example:
        >>> holm([0.01, 0.04, None])
        [0.02, 0.04, None]
    """
    known = sorted((p, index) for index, p in enumerate(ps) if p is not None)
    corrected: list[float | None] = list(ps)
    most = 0.0
    for rank, (p, index) in enumerate(known):
        most = max(most, min(1.0, p * (len(known) - rank)))
        corrected[index] = most
    return corrected
