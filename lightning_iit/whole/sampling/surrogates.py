"""Surrogates of a series in which given parts do not act on each other, while each part stays as it is."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.whole.sampling.series import Series

if TYPE_CHECKING:
    from jaxtyping import Float

    from lightning_iit.records.whole.measures import NullMethod
    from lightning_iit.whole.values.partitions import Partition

SMALLEST_SHIFT = 20
"""The fewest steps of a shift."""
_TIMES = 5.0
"""A shift is at least this many autocorrelation times."""
_ROOM = 4
"""A sequence has to be at least this many smallest shifts long."""
FEWEST_SEQUENCES = 20
"""So many sequences of one length are combined anew, at the least."""
_ALIKE = 3.0
"""Successive sequences resemble each other where the correlation of their means is above this many standard errors."""


class Plan(NamedTuple):
    """Holds how surrogates are drawn.

    Args:
        method: "shifts", "sequences" or "samples"; None where neither fits.
        shift: the smallest shift in steps.
        words: why neither fits; else empty.
    """

    method: NullMethod | None
    shift: int
    words: str = ""


def plan_surrogates(series: Series, times: Float[np.ndarray, " unit"]) -> Plan:
    """Decides how surrogates of a series are drawn.

    Circular shifts need sequences of at least four smallest shifts; a smallest shift is 20 steps and five autocorrelation times.
    Shorter sequences are combined anew, the sequences of one part with others of another part, where there are 20 of each length.

    Args:
        series: the series.
        times: the autocorrelation time of each unit.
    """
    shift = max(SMALLEST_SHIFT, math.ceil(_TIMES * float(times.max())))
    lengths = [len(one) for one in series.sequences]
    if min(lengths) >= _ROOM * shift:
        return Plan("shifts", shift)
    fewest = min(lengths.count(length) for length in set(lengths))
    if fewest < FEWEST_SEQUENCES:
        return Plan(
            None,
            shift,
            f"No null: the slowest unit has an autocorrelation time of {times.max():.3g} steps, so shifts are {shift:,} steps at "
            f"least and need sequences of {_ROOM * shift:,} (the shortest has {min(lengths):,}); and to combine sequences anew, "
            f"{FEWEST_SEQUENCES} of each length are needed (there are {fewest:,}). Record longer, or more sequences.",
        )
    alike = _successive(series)
    if alike > _ALIKE / math.sqrt(len(lengths)):
        return Plan(
            None,
            shift,
            f"No null: sequences are too short to be shifted, and successive ones resemble each other (r = {alike:.2g}), so they "
            "cannot be combined anew. Give sequences that do not continue each other.",
        )
    return Plan("sequences", shift)


def _successive(series: Series) -> float:
    """Returns the correlation of the means of successive sequences, averaged over units."""
    means = np.stack([one.mean(axis=0) for one in series.sequences])
    centred = means - means.mean(axis=0)
    power = (centred**2).sum(axis=0)
    varying = power > 0
    return float(((centred[1:] * centred[:-1]).sum(axis=0)[varying] / power[varying]).mean()) if varying.any() else 0.0


def surrogate(series: Series, parts: Partition, plan: Plan, rng: np.random.Generator) -> Series:
    """Draws a surrogate: each part is rolled by an offset of its own, or its sequences meet other sequences of the other parts.

    Args:
        series: the series.
        parts: what stays together.
        plan: how; it has a method.
        rng: draws.
    """
    if plan.method == "samples":
        rows = series.past.copy()
        for part in parts:
            rows[:, part] = rows[rng.permutation(len(rows))][:, part]
        return Series((rows,), 0)
    drawn = tuple(np.empty_like(one) for one in series.sequences)
    if plan.method == "shifts":
        for old, new in zip(series.sequences, drawn, strict=True):
            for part in parts:
                new[:, part] = np.roll(old[:, part], int(rng.integers(plan.shift, len(old) - plan.shift + 1)), axis=0)
        return Series(drawn, series.lag)
    by_length = defaultdict(list)
    for index, one in enumerate(series.sequences):
        by_length[len(one)].append(index)
    for same in by_length.values():
        for part in parts:
            for index, other in zip(same, rng.permutation(same), strict=True):
                drawn[index][:, part] = series.sequences[other][:, part]
    return Series(drawn, series.lag)
