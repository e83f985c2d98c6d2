"""What a reader of the measures of a whole layer should know, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.records.shown.numbers import digits, percent
from lightning_iit.records.whole.measures import SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.records.whole.measures import WholeMeasure
    from lightning_iit.whole.sampling.autocorrelation import Autocorrelation
    from lightning_iit.whole.sampling.series import Series

_TREND = 0.1
_AUTOCORRELATED = 0.5
"""A note says so where the effective number of samples is below this share of them."""
_SPARSE = 0.5
_SATURATED = 0.95
_ORDER = (
    ("phi_g", "stochastic_interaction"),
    ("phi_g", "information"),
    ("phi_star", "information"),
    ("stochastic_interaction", "total_correlation_pairs"),
    ("total_correlation", "total_correlation_pairs"),
)
_ROUNDING = 1e-6
"""By how much of the largest value (at least 1) an inequality may be missed: by rounding, of units that nearly depend."""


def notes_on_series(series: Series, auto: Autocorrelation | None) -> Iterator[str]:
    """Yields what is to be said of the activations."""
    if series.left_out:
        yield f"{series.left_out:,} rows were left out, with a value that was NaN or infinite."
    sparse = int(((series.past == 0).mean(axis=0) > _SPARSE).sum())
    if sparse:
        yield f"{sparse} units are 0 in more than half of the samples: Gaussian measures see their covariances only."
    if auto is None:
        return
    if auto.effective < _AUTOCORRELATED * series.samples:
        yield (
            f"The samples resemble each other: {series.samples:,} pairs amount to {auto.effective:,.0f} independent ones (median "
            "over pairs of units). MI1, MI and synergy are larger for that alone; compare them with their nulls."
        )
    if auto.trend > _TREND:
        yield (
            f"A straight line over all samples explains up to {percent(auto.trend)} of a unit's variance. A common trend makes all "
            "measures larger: take it out first (scipy.signal.detrend), or measure windows."
        )


def broken_order(measures: Sequence[WholeMeasure], information: float | None) -> str:
    """Returns which inequality the values between all elements break, in words; empty where they break none.

    0 <= Φ_G <= min(SI, I), SI <= MI = MI1 + SI, 0 <= Φ* <= I (Kitazono, Kanai and Oizumi 2018, eq. 13).
    """
    value: dict[str, float] = {one.name: one.atomic.value for one in measures}
    if information is not None:
        value["information"] = information
    symbols: dict[str, str] = {"information": "I"} | {str(name): symbol for name, symbol in SYMBOLS.items()}
    near = _ROUNDING * max(1.0, *value.values(), 0.0)
    for small, large in _ORDER:
        if small in value and large in value and value[small] > value[large] + near:
            return f"{symbols[small]} = {digits(value[small], 4)} is above {symbols[large]} = {digits(value[large], 4)}"
    if negative := next((name for name, one in value.items() if one < -near), ""):
        return f"{symbols[negative]} = {digits(value[negative], 4)} is below 0"
    parts, whole = ("total_correlation", "stochastic_interaction"), "total_correlation_pairs"
    if {*parts, whole} <= set(value) and abs(sum(value[name] for name in parts) - value[whole]) > near:
        return f"MI1 + SI = {digits(sum(value[name] for name in parts), 4)} is not MI = {digits(value[whole], 4)}"
    return ""


def notes_on_values(measures: Sequence[WholeMeasure], information: float | None) -> Iterator[str]:
    """Yields what is to be said of the values."""
    names = {one.name for one in measures}
    if broken := broken_order(measures, information):
        yield f"These values contradict each other, as of units that nearly depend on each other; do not rely on them: {broken}."
    alone = [one for one in measures if min(map(len, one.partition)) == 1 and sum(map(len, one.partition)) > 3]
    if alone and len(alone) == len(measures) and all(one.search != "given" for one in measures):
        yield "The partition cuts one unit off, as it often does: the value is about the unit with the weakest ties."
    if any(one.minimum.null and not one.minimum.null.searched and one.search != "given" for one in measures):
        yield (
            "Some nulls hold the partition that was found instead of searching it anew (searched=False): the excess of "
            "these minima is then too small, and their p too large."
        )
    if "phi_star" in names:
        yield "Φ* is over bipartitions: of more parts it may be a little smaller."
    saturated = [one for one in measures if one.name in {"phi_star", "phi_g"} and information is not None]
    if any(one.atomic.value > _SATURATED * (information or np.inf) for one in saturated):
        yield "Φ* or Φ_G between all elements is nearly the information of the past on the present, above which it cannot be."
    if any(one.minimum.spread > 1e-6 or one.atomic.spread > 1e-6 for one in measures):
        yield "The searches for Φ_G ended at different values; the smallest is kept, and a smaller one may exist."
