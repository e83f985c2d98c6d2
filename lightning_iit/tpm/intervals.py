"""How uncertain Φ is: a posterior interval, and Φ against the number of transitions.

Estimated Φ is biased upward, and so are the draws of the posterior: on dense networks the interval covers about as often as it
says, for a true Φ of 0 and for sparse or nearly deterministic networks it does not. The measured coverage is in
``docs/statistics.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Counts, CurvePoint, Interval
from lightning_iit.tpm.counts import counts_from_joint, joint, on, visits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from lightning_iit.records import Kind, NullResult

LEVEL = 0.9
DRAWS = 60
"""The 5 % quantile of 60 draws lies between the third and the fourth."""
REJECTED = 0.05
"""A null is rejected where its p is at most this."""
FRACTIONS = (0.0625, 0.125, 0.25, 0.5, 1.0)


def posterior_draws(counts: Counts, *, draws: int = DRAWS, seed: int = 0) -> Float[np.ndarray, "draw state unit"]:
    """State-by-node TPMs drawn from the posterior of each entry: ``Beta(K[s, j] + 1/2, N[s] - K[s, j] + 1/2)``.

    Jeffreys' prior (1946) of a binomial probability. In rows that were never visited it is all there is, so nothing is
    certain there, whatever the prior of the estimate.
    """
    ons, n_visits = on(counts), visits(counts)[:, None]
    return np.random.default_rng(seed).beta(ons + 0.5, n_visits - ons + 0.5, size=(draws, *ons.shape))


def is_deterministic(counts: Counts) -> bool:
    """Whether after each visited state each unit was always ON or always OFF."""
    ons, n_visits = on(counts), visits(counts)[:, None]
    return bool(((ons == 0) | (ons == n_visits)).all())


def phi_interval(
    phi: float,
    phis: Sequence[float | None],
    *,
    counts: Counts,
    kind: Kind,
    null: NullResult | None,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval | None:
    """The interval of Φ from the Φ of posterior draws.

    With ``q`` the quantiles of the draws at ``(1 - level) / 2`` and ``(1 + level) / 2`` it is ``[q_low, q_high]`` together with
    its reflection in the estimate, ``[2 phi - q_high, 2 phi - q_low]`` (the percentile and the basic interval of Davison and
    Hinkley 1997, Bootstrap Methods and their Application, chapter 5; of each end the wider): Φ jumps where a concept changes its
    purview, so the estimate is biased, and the draws are biased again.

    Args:
        phi: Φ of the data.
        phis: Φ of each draw; None where it has none, which is left out.
        counts: what the draws were made from.
        kind: what Φ is a statement about.
        null: of the same Φ; where it is not rejected, or None, the interval reaches down to 0.
        level: how much of the posterior lies inside.
        seed: of the draws.

    Returns:
        None for a deterministic step (a causal TPM of which all entries are 0 or 1: there is nothing to be uncertain of), and where
        no draw has a Φ.
    """
    if kind == "causal" and is_deterministic(counts):
        return None
    values = [value for value in phis if value is not None]
    if not values:
        return None
    q_low, q_high = (float(edge) for edge in np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0]))
    low, high = max(min(q_low, 2.0 * phi - q_high), 0.0), max(q_high, 2.0 * phi - q_low)
    words = ""
    if null is None:
        low, words = 0.0, "the lower end is 0, since no null was computed"
    elif null.p > REJECTED:
        low, words = 0.0, f"the lower end is 0, since the {null.name} null is not rejected (p = {null.p:.3f})"
    return Interval(low=low, high=high, level=level, draws=len(values), seed=seed, words=words)


def subsample_sizes(transitions: int, fractions: Sequence[float] = FRACTIONS) -> tuple[int, ...]:
    """How many transitions the points of the curve have, ascending, the last being all."""
    return tuple(sorted({round(transitions * fraction) for fraction in fractions} - {0}))


def subsamples(counts: Counts, transitions: int, *, number: int = 5, seed: int = 0) -> tuple[Counts, ...]:
    """Counts of random parts of the transitions, drawn without replacement.

    Counts without a joint table (of units that were drawn one by one) are drawn unit by unit.

    Raises:
        InvalidArgumentError: more transitions than there are.
    """
    if not 0 <= transitions <= counts.transitions:
        msg = f"transitions={transitions}: these counts have {counts.transitions}, and a part of them cannot have more."
        raise InvalidArgumentError(msg)
    rng = np.random.default_rng(seed)
    if counts.joint or not counts.transitions:
        table = joint(counts)
        drawn = rng.multivariate_hypergeometric(table.ravel(), transitions, size=number, method="marginals")
        return tuple(counts_from_joint(part.reshape(table.shape)) for part in drawn)
    ons, n_visits = on(counts), visits(counts)
    parts = []
    for rows in rng.multivariate_hypergeometric(n_visits, transitions, size=number, method="marginals"):
        part = rng.hypergeometric(ons, n_visits[:, None] - ons, np.broadcast_to(rows[:, None], ons.shape))
        parts.append(Counts(visits=tuple(rows.tolist()), on=tuple(map(tuple, part.tolist())), joint=()))
    return tuple(parts)


def curve_point(transitions: int, phis: Sequence[float | None]) -> CurvePoint | None:
    """A point of the curve from the Φ of its subsamples; None where none of them has a Φ."""
    values = [value for value in phis if value is not None]
    if not values:
        return None
    return CurvePoint(
        transitions=transitions, subsamples=len(values), mean=float(np.mean(values)), low=min(values), high=max(values)
    )
