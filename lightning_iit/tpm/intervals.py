"""The uncertainty of a watched Φ: an interval, and the curve of Φ against the number of transitions.

Estimated Φ is biased upward, and so is the Φ of resamples, or of TPMs drawn from the posterior. On dense networks the interval
covers the true Φ about as often as its level promises; for a true Φ of 0 and for sparse or nearly deterministic networks it covers
less often. The measured coverage is in ``docs/statistics.md``.
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
"""The share of the draws that lies inside an interval by default."""
DRAWS = 60
"""How many TPMs are drawn by default; the 5 % quantile of 60 draws lies between the third and the fourth."""
REJECTED = 0.05
"""A null is rejected where its p is at most this."""
FRACTIONS = (0.0625, 0.125, 0.25, 0.5, 1.0)
"""The shares of all transitions at which the curve has its points."""


def posterior_draws(counts: Counts, *, draws: int = DRAWS, seed: int = 0) -> Float[np.ndarray, "draw state unit"]:
    """Draws state-by-node TPMs from the posterior of the counts, each entry from ``Beta(K[s, j] + 1/2, N[s] - K[s, j] + 1/2)``.

    ``N[s]`` is the number of visits to state s, ``K[s, j]`` how often unit j was ON after s. The prior is Jeffreys' (1946) of a
    binomial probability. Entries of rows that were never visited are drawn from this prior alone, whatever prior the estimate of
    the TPM has.

    Args:
        counts: the transitions.
        draws: the number of TPMs.
        seed: the seed of the draws.

    Returns:
        ``[draw, 2**n, n]``: probabilities of ON.
    """
    ons, n_visits = on(counts), visits(counts)[:, None]
    return np.random.default_rng(seed).beta(ons + 0.5, n_visits - ons + 0.5, size=(draws, *ons.shape))


def is_deterministic(counts: Counts) -> bool:
    """Says whether, after each visited state, each unit was always ON or always OFF."""
    ons, n_visits = on(counts), visits(counts)[:, None]
    return bool(((ons == 0) | (ons == n_visits)).all())


def phi_interval(
    phi: float,
    phis: Sequence[float | None],
    *,
    counts: Counts,
    kind: Kind,
    null: NullResult | None,
    parts: int = 0,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval | None:
    """Computes an interval of Φ from the Φ of resampled parts of the data, or of TPMs drawn from the posterior.

    With ``q_low`` and ``q_high`` the quantiles of the draws at ``(1 - level) / 2`` and ``(1 + level) / 2``, the interval is
    ``[q_low, q_high]`` joined with its reflection in the estimate, ``[2 phi - q_high, 2 phi - q_low]``: the lower of both lower
    ends, but at least 0, to the higher of both upper ends. (These are the percentile and the basic interval of Davison and Hinkley
    1997, Bootstrap Methods and their Application, chapter 5.) Both are joined because Φ jumps where a concept changes its purview,
    so the estimate is biased, and the draws are biased again.

    Args:
        phi: Φ of the data.
        phis: Φ of each draw; a draw without a Φ is None, and is left out.
        counts: the transitions.
        kind: the kind of the Φ: "causal", "observational" or "statistical".
        null: the null of the same Φ; if the null is None or not rejected, the lower end is 0.
        parts: how many parts of the data were resampled; 0 for draws from the posterior.
        level: the share of the draws that lies inside.
        seed: the seed of the draws, for the record.

    Returns:
        The interval; None for a deterministic causal TPM (all visited entries are 0 or 1, so nothing is uncertain), and where no
        draw has a Φ.
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
    return Interval(low=low, high=high, level=level, draws=len(values), seed=seed, words=words, parts=parts)


def subsample_sizes(transitions: int, fractions: Sequence[float] = FRACTIONS) -> tuple[int, ...]:
    """Returns how many transitions each point of the curve has, in ascending order; the last point has all transitions.

    Example:
        >>> subsample_sizes(1600)
        (100, 200, 400, 800, 1600)
    """
    return tuple(sorted({round(transitions * fraction) for fraction in fractions} - {0}))


def subsamples(counts: Counts, transitions: int, *, number: int = 5, seed: int = 0) -> tuple[Counts, ...]:
    """Draws random subsets of the transitions, without replacement within a subset, and returns the counts of each subset.

    Counts without a joint table (whose units were drawn one by one) are again drawn unit by unit.

    Args:
        counts: all transitions.
        transitions: how many transitions each subset has.
        number: how many subsets are drawn.
        seed: the seed of the draws.

    Raises:
        InvalidArgumentError: a negative number of transitions, or more than there are.
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
    """Builds a point of the curve: mean, smallest and largest Φ over subsets of the transitions.

    Args:
        transitions: how many transitions each subset has.
        phis: Φ of each subset; a subset without a Φ is None, and is left out.

    Returns:
        The point; None where no subset has a Φ.
    """
    values = [value for value in phis if value is not None]
    if not values:
        return None
    return CurvePoint(
        transitions=transitions, subsamples=len(values), mean=float(np.mean(values)), low=min(values), high=max(values)
    )
