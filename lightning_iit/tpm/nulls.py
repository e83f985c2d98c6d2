"""Nulls: surrogate counts without integration (or without dependence in time), with whose Φ the Φ of the data is compared.

Estimated Φ is biased upward: with few transitions even independent coin flips have Φ > 0. Each Φ is therefore judged by the Φ of
surrogate counts, which are drawn under a null hypothesis and have as many transitions from each state as the data.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from scipy.special import xlogy

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Counts, Cut, NullResult
from lightning_iit.tpm.counts import counts_from_codes, on, units_of, visits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int

NullName: TypeAlias = Literal["cut", "shuffle"]
"""``cut``: the system loses nothing at its weakest cut. ``shuffle``: the next state does not depend on the present
state."""

SURROGATES = 19
"""How many surrogates are drawn by default; a Φ above all 19 has p = 1/20."""
_TIE = 1e-9
"""Two values of Φ that differ by less count as equal; a tie counts against the Φ that is judged."""


class CutModel(NamedTuple):
    """Holds a system that is fitted to counts with the connections across one cut severed."""

    cut: Cut
    """The severed connections."""
    tpm: Float[np.ndarray, "state unit"]
    """The probability that each unit is ON next; for the units in the cut's ``to_nodes`` it does not depend on the states of its
    ``from_nodes``."""
    log_likelihood: float
    """The log-likelihood of the counts under the model, in nats."""


def most_likely_cut(counts: Counts, prior: float = 0.5) -> CutModel:
    """Fits a model for every directed bipartition A -> B and returns the one with the highest likelihood.

    Under the cut A -> B the next state of each unit of B depends on B's state alone, so its probability is pooled over the states
    of A: ``p_j(b) = sum_a K[(a, b), j] / sum_a N[(a, b)]``; the units of A keep ``K[s, j] / N[s]``. The likelihood is binomial. A
    cut that adds parameters is not penalised.

    Args:
        counts: the transitions; ``N[s]`` is the number of visits to state s, ``K[s, j]`` how often unit j was ON after s.
        prior: the probability of ON where no transition was seen.

    Raises:
        InvalidArgumentError: fewer than two units, which have no cut.
    """
    n, n_visits, ons = units_of(counts), visits(counts), on(counts)
    if n < 2:
        msg = "The null 'cut' needs at least two units: one unit has no cut. Use null='shuffle'."
        raise InvalidArgumentError(msg)
    whole, whole_fit = _pooled(n_visits, ons, np.arange(2**n), prior)
    best: CutModel | None = None
    for mask in range(1, 2**n - 1):
        from_nodes = [unit for unit in range(n) if mask >> unit & 1]
        to_nodes = [unit for unit in range(n) if not mask >> unit & 1]
        pooled, fit = _pooled(n_visits, ons[:, to_nodes], np.arange(2**n) & ~mask, prior)
        log_likelihood = float(fit.sum() + whole_fit[from_nodes].sum())
        if best is None or log_likelihood > best.log_likelihood + 1e-9:
            tpm = whole.copy()
            tpm[:, to_nodes] = pooled
            best = CutModel(Cut(from_nodes=tuple(from_nodes), to_nodes=tuple(to_nodes)), tpm, log_likelihood)
    assert best is not None
    return best


def _pooled(
    n_visits: Int[np.ndarray, " state"], ons: Int[np.ndarray, "state unit"], groups: Int[np.ndarray, " state"], prior: float
) -> tuple[Float[np.ndarray, "state unit"], Float[np.ndarray, " unit"]]:
    """Computes [state, unit] frequencies of ON, pooled over each group of states, and each unit's log-likelihood (nats)."""
    total = np.bincount(groups, n_visits, len(n_visits))
    times = np.stack([np.bincount(groups, column, len(n_visits)) for column in ons.T], axis=1)
    frequency = np.where((total > 0)[:, None], times / np.maximum(total, 1)[:, None], prior)
    fit = xlogy(times, frequency) + xlogy(total[:, None] - times, 1.0 - frequency)
    return frequency[groups], fit.sum(axis=0)


def surrogates(
    counts: Counts, null: NullName = "cut", *, number: int = SURROGATES, seed: int = 0, prior: float = 0.5
) -> tuple[Counts, ...]:
    """Draws surrogate counts under a null hypothesis, with as many transitions from each state as were observed.

    ``cut``: ``K*[s, j] ~ Binomial(N[s], p_j(s))`` with ``p`` from the most likely cut (a parametric bootstrap). A Φ above these
    surrogates means more integration than across the best cut. The units are drawn one by one, so ``joint`` is empty.

    ``shuffle``: the next states are permuted among all transitions. A Φ above these surrogates means some dependence in time, which
    may lie within single units; it is no evidence of integration.

    Args:
        counts: the observed transitions.
        null: "cut" or "shuffle".
        number: how many surrogates are drawn.
        seed: the seed of the draws.
        prior: the probability of ON in rows that were never visited ("cut" only).

    Raises:
        InvalidArgumentError: an unknown null, a number below 1, fewer than two units (cut), or counts without a joint table
            (shuffle).
    """
    if number < 1:
        msg = f"number={number}: at least one surrogate is needed; 19 give p = 0.05 at best."
        raise InvalidArgumentError(msg)
    rng = np.random.default_rng(seed)
    if null == "cut":
        return _from_cut(counts, most_likely_cut(counts, prior).tpm, number, rng)
    if null == "shuffle":
        return _shuffled(counts, number, rng)
    msg = f"null={null!r}: the nulls are 'cut' (no integration across its best cut) and 'shuffle' (no dependence in time)."
    raise InvalidArgumentError(msg)


def _from_cut(counts: Counts, tpm: Float[np.ndarray, "state unit"], number: int, rng: np.random.Generator) -> tuple[Counts, ...]:
    """Draws surrogate counts, unit by unit, from a TPM that is severed at a cut; each state keeps its observed visits."""
    drawn = rng.binomial(visits(counts)[:, None], tpm, size=(number, *tpm.shape))
    return tuple(Counts(visits=counts.visits, on=tuple(map(tuple, table)), joint=()) for table in drawn.tolist())


def _shuffled(counts: Counts, number: int, rng: np.random.Generator) -> tuple[Counts, ...]:
    """Draws surrogate counts by permuting the next states among all transitions (InvalidArgumentError without a joint table)."""
    if not counts.joint and counts.transitions:
        msg = "null='shuffle' permutes next states, and these counts hold no joint table (drawn unit by unit). Use null='cut'."
        raise InvalidArgumentError(msg)
    entries = np.array(counts.joint, dtype=np.int64).reshape(-1, 3)
    before, after = np.repeat(entries[:, 0], entries[:, 2]), np.repeat(entries[:, 1], entries[:, 2])
    n = units_of(counts)
    return tuple(counts_from_codes(before, rng.permutation(after), units=n) for _ in range(number))


def judge(phi: float, surrogate_phis: Sequence[float | None], *, name: NullName = "cut", seed: int = 0) -> NullResult | None:
    """Compares Φ with the Φ of surrogates.

    Args:
        phi: Φ of the data.
        surrogate_phis: Φ of each surrogate; a surrogate without a Φ (its TPM cannot reach the state) is None, and is left out.
        name: the null under which the surrogates were drawn.
        seed: the seed of the surrogates, for the record.

    Returns:
        ``mean`` of the surrogates; ``upper``, their 95 % quantile: the ``ceil(0.95 (B + 1))``-th smallest of B, which is the
        maximum up to B = 19; ``excess = phi - mean``; ``p = (1 + #{phi* >= phi}) / (B + 1)``. None where no surrogate has a Φ.

    Example:
        >>> judge(0.5, [0.1, 0.2, 0.3]).p
        0.25
    """
    values = np.sort([value for value in surrogate_phis if value is not None])
    number = len(values)
    if not number:
        return None
    rank = min(math.ceil(0.95 * (number + 1) - 1e-9), number)
    return NullResult(
        name=name,
        surrogates=number,
        mean=float(values.mean()),
        upper=float(values[rank - 1]),
        excess=float(phi - values.mean()),
        p=float((1 + (values >= phi - _TIE).sum()) / (number + 1)),
        seed=seed,
        values=tuple(values.tolist()),
    )


def null_scalars(null: NullResult) -> dict[str, float]:
    """Returns what is logged of a null: ``phi_null_mean``, ``phi_null_95``, ``phi_excess`` and ``phi_p``."""
    return {"phi_null_mean": null.mean, "phi_null_95": null.upper, "phi_excess": null.excess, "phi_p": null.p}
