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
SHARED = 2.2
"""The error of a mean over groups may be so many times what their spread lets expect; measured in docs/statistics.md."""
RESAMPLED = 1.5
"""The error of a mean over groups is taken to be so many times that of resampled sequences: resamples keep the thresholds, and are
analysed in two states of a group only. In narrow trained layers the error is larger by that (docs/statistics.md)."""
RESAMPLED_NARROW = 2.0
"""The same for narrow layers, whose groups are mostly the same units, so that what thresholds do to a unit does not average out."""
NARROW = 5.0
"""A layer is narrow where a unit is, as a mean, in more than so many groups: 10 with 20 groups of 4 of 8 units, 2.5 of 32."""
_EXACT = 200_000
"""Up to so many arrangements are all tried; of more a random sample of this size, by a fixed seed."""


class TestResult(NamedTuple):
    """Holds the outcome of a test."""

    p: float
    """The two-sided p-value."""
    smallest: float
    """The smallest p-value that this test can give with so many values."""
    by_error: bool = False
    """Whether the p-value is that of the mean against the error that all values share, and not that of the test itself."""


def error_times(groups: Sequence[Sequence[object]]) -> float:
    """Returns how many times the error from resampled sequences is taken as the error of a mean over groups.

    Args:
        groups: the units of each group.

    Example:
        >>> error_times([(0, 1), (2, 3)]), error_times([(0, 1)] * 6)
        (1.5, 2.0)
    """
    members = [unit for group in groups for unit in group]
    return RESAMPLED_NARROW if len(members) > NARROW * len(set(members)) else RESAMPLED


def signed_rank(differences: Sequence[float], *, error: float | None, times: float = RESAMPLED) -> TestResult | None:
    """Tests whether differences of groups lie around 0 (Wilcoxon 1945, two-sided; exact without ties up to 50 groups).

    The groups were analysed on the same data, so they share an error, which moves all differences to one side and does not show in
    their spread. So the p-value is never smaller than that of the mean against its standard error (normal, two-sided).

    Args:
        differences: one for each group. Those without a difference are left out of the ranks, as Wilcoxon does.
        error: the standard error of their mean, from resampled data; None where it is not known. It is then taken as
            ``2.2 s / sqrt(n)`` for a standard deviation s over n groups.
        times: how many times an error that is known is taken (:func:`error_times`).

    Returns:
        The p-value; None where fewer than six groups differ, of which no p could be small.
    """
    every = np.array(differences)
    apart = every[every != 0.0]
    if len(apart) < FEWEST_PAIRS:
        return None
    error = SHARED * float(every.std(ddof=1)) / math.sqrt(len(every)) if error is None else times * error
    p, of_mean = float(stats.wilcoxon(apart).pvalue), float(2.0 * stats.norm.sf(abs(every.mean()), scale=error)) if error else 0.0
    return TestResult(max(p, of_mean), 2.0 / 2 ** len(apart), of_mean > p)


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
