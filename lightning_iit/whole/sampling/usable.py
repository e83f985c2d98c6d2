"""Which units can be measured, and whether there are enough samples: what cannot is refused or left out, and said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.records.whole.measures import DroppedUnit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float

    from lightning_iit.whole.sampling.series import Series
    from lightning_iit.whole.values.covariances import Covariances

LARGEST_CONDITION = 1e10
"""Correlations of a larger condition number are refused: at 2e7 two correct computations differ by 6e-8 already."""
SAMPLES_PER_UNIT = 20
"""With fewer samples for each unit than this, a note says so."""
_SAME = 0.9999
"""Units that correlate more than this are taken for one."""
_DEPENDENT = 1e-8
"""A unit of which less than this share of its variance is its own is a linear function of others."""
_NOT_VARYING = 1e-12
"""A standard deviation below this, relative to the mean, is rounding."""


class Usable(NamedTuple):
    """Holds which units can be measured.

    Args:
        units: their indices.
        dropped: the others, and why they were left out.
    """

    units: tuple[int, ...]
    dropped: tuple[DroppedUnit, ...]


def usable_units(series: Series) -> Usable:
    """Finds the units that vary, repeat no unit before them and are no linear function of units before them.

    Both the past and the present are looked at.
    """
    reasons: dict[int, str] = {}
    for values in (series.past, series.present) if series.lag else (series.past,):
        left = np.array([unit for unit in range(series.units) if unit not in reasons], dtype=int)
        deviation = values[:, left].std(axis=0) if len(values) else np.zeros(len(left))
        dead = deviation <= _NOT_VARYING * np.maximum(np.abs(values[:, left]).mean(axis=0) if len(values) else 1.0, 1e-300)
        reasons |= dict.fromkeys(left[dead].tolist(), "it never varies")
        left = left[~dead]
        if len(left) > 1:
            reasons |= {int(left[unit]): words for unit, words in _dependent(np.corrcoef(values[:, left], rowvar=False), left)}
    dropped = tuple(DroppedUnit(unit=unit, reason=reasons[unit]) for unit in sorted(reasons))
    return Usable(tuple(unit for unit in range(series.units) if unit not in reasons), dropped)


def usable_of(covariance: Float[np.ndarray, "unit unit"], means: Float[np.ndarray, " unit"]) -> Usable:
    """Finds the units that can be measured as :func:`usable_units` does, from the covariance at one time and the means."""
    deviation = np.sqrt(np.diagonal(covariance))
    size = np.sqrt(means**2 + deviation**2)
    dead = deviation <= _NOT_VARYING * np.maximum(size, 1e-300)
    reasons = dict.fromkeys(np.flatnonzero(dead).tolist(), "it never varies")
    left = np.flatnonzero(~dead)
    if len(left) > 1:
        correlation = covariance[np.ix_(left, left)] / deviation[left, None] / deviation[left]
        reasons |= {int(left[unit]): words for unit, words in _dependent(correlation, left)}
    dropped = tuple(DroppedUnit(unit=unit, reason=reasons[unit]) for unit in sorted(reasons))
    return Usable(tuple(unit for unit in range(len(means)) if unit not in reasons), dropped)


def _dependent(correlation: Float[np.ndarray, "unit unit"], names: np.ndarray) -> Iterator[tuple[int, str]]:
    """Yields each unit that depends on units before it; the factor is that of Cholesky over the units that are kept."""
    kept: list[int] = []
    factor = np.zeros_like(correlation)
    for unit in range(len(correlation)):
        same = [other for other in kept if abs(correlation[unit, other]) > _SAME]
        if same:
            yield unit, f"it correlates by {correlation[unit, same[0]]:.5f} with unit {names[same[0]]}"
            continue
        row = np.zeros(len(kept))
        for position, other in enumerate(kept):
            row[position] = (correlation[unit, other] - row[:position] @ factor[other, :position]) / factor[other, position]
        own = correlation[unit, unit] - row @ row
        if own < _DEPENDENT:
            yield unit, "it is a linear function of the units before it"
            continue
        factor[unit, : len(kept)], factor[unit, len(kept)] = row, np.sqrt(own)
        kept.append(unit)


def check_samples(samples: int, units: int, *, ordered: bool) -> str:
    """Returns a note where there are few samples for the units; empty where there are enough.

    Raises:
        UnusableSeriesError: so few samples that the covariance of all variables is singular.
    """
    variables = 2 * units if ordered else units
    what = "pairs of a past and a present" if ordered else "samples"
    if samples - 1 < variables + 1:
        msg = (
            f"{samples:,} {what} for {variables} variables: their covariance is singular below {variables + 2:,}, and a usual "
            f"determinant would give a number even so. Record more, or fewer units; {SAMPLES_PER_UNIT * units:,} are well enough."
        )
        raise UnusableSeriesError(msg)
    if samples < SAMPLES_PER_UNIT * units:
        return (
            f"{samples:,} {what} of {units} units, fewer than {SAMPLES_PER_UNIT} for each unit: values are biased upward by much. "
            "Compare them with their nulls only."
        )
    return ""


def check_condition(given: Covariances, *, ordered: bool) -> float:
    """Returns the condition number of the correlations.

    Raises:
        UnusableSeriesError: they are singular, or so nearly that the measures are not certain.
    """
    covariance = given.joint if ordered else given.past
    scale = np.sqrt(np.diagonal(covariance))
    eigenvalues = np.linalg.eigvalsh(covariance / scale[:, None] / scale)
    if eigenvalues[0] <= 0 or eigenvalues[-1] / eigenvalues[0] >= LARGEST_CONDITION:
        size = "infinite" if eigenvalues[0] <= 0 else f"{eigenvalues[-1] / eigenvalues[0]:.1e}"
        why = "some unit's present is an exact linear function of the past" if ordered else "units depend linearly on each other"
        msg = (
            f"The condition number of the correlations is {size}, above {LARGEST_CONDITION:.0e}: {why}, or nearly, and the "
            "measures are infinite or not certain. Leave such units out, or measure 'total_correlation' alone."
        )
        raise UnusableSeriesError(msg)
    return float(eigenvalues[-1] / eigenvalues[0])
