"""Nulls: what Φ would be for surrogate data without the integration, or without the dependence in time, that Φ is read as.

Estimated Φ is biased upward: with few transitions independent coin flips have Φ > 0. Each Φ is therefore judged by the Φ of
surrogate counts that were drawn under a null hypothesis and had as many transitions from each state.
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
"""``cut``: integrated no further than across its best cut. ``shuffle``: no dependence in time at all."""

SURROGATES = 19
"""With as many, Φ above all of them has p = 1/20."""
_TIE = 1e-9
"""Values of Φ that differ by less are equal; ties count against the Φ that is judged."""


class CutModel(NamedTuple):
    """A system whose connections across a cut are severed, fitted to counts."""

    cut: Cut
    tpm: Float[np.ndarray, "state unit"]
    """The probability that each unit is ON next; that of the cut's ``to_nodes`` does not depend on its ``from_nodes``."""
    log_likelihood: float


def most_likely_cut(counts: Counts, prior: float = 0.5) -> CutModel:
    """Fits every directed bipartition A -> B and returns the most likely one.

    Under the cut A -> B the next state of each unit of B depends on B's state alone, so its probability is pooled over the
    states of A: ``p_j(b) = sum_a K[(a, b), j] / sum_a N[(a, b)]``; the units of A keep ``K[s, j] / N[s]``. The likelihood is
    binomial. A cut that adds parameters is not penalised.

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
    """Frequencies of ON pooled over the states of a group, and each unit's log-likelihood under them."""
    total = np.bincount(groups, n_visits, len(n_visits))
    times = np.stack([np.bincount(groups, column, len(n_visits)) for column in ons.T], axis=1)
    frequency = np.where((total > 0)[:, None], times / np.maximum(total, 1)[:, None], prior)
    fit = xlogy(times, frequency) + xlogy(total[:, None] - times, 1.0 - frequency)
    return frequency[groups], fit.sum(axis=0)


def surrogates(
    counts: Counts, null: NullName = "cut", *, number: int = SURROGATES, seed: int = 0, prior: float = 0.5
) -> tuple[Counts, ...]:
    """Surrogate counts under a null hypothesis, with as many transitions from each state as were observed.

    ``cut``: ``K*[s, j] ~ Binomial(N[s], p_j(s))`` with ``p`` that of the most likely cut, a parametric bootstrap. What comes out
    above it is integrated further than across its best cut. The units are drawn one by one, so ``joint`` is empty.

    ``shuffle``: the next states are permuted among all transitions. What comes out above it has some dependence in time, which
    may lie within single units: it says nothing of integration.

    Raises:
        InvalidArgumentError: no such null, nothing to draw, one unit (cut), or counts without a joint table (shuffle).
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
    drawn = rng.binomial(visits(counts)[:, None], tpm, size=(number, *tpm.shape))
    return tuple(Counts(visits=counts.visits, on=tuple(map(tuple, table)), joint=()) for table in drawn.tolist())


def _shuffled(counts: Counts, number: int, rng: np.random.Generator) -> tuple[Counts, ...]:
    if not counts.joint and counts.transitions:
        msg = "null='shuffle' permutes next states, and these counts hold no joint table (drawn unit by unit). Use null='cut'."
        raise InvalidArgumentError(msg)
    entries = np.array(counts.joint, dtype=np.int64).reshape(-1, 3)
    before, after = np.repeat(entries[:, 0], entries[:, 2]), np.repeat(entries[:, 1], entries[:, 2])
    n = units_of(counts)
    return tuple(counts_from_codes(before, rng.permutation(after), units=n) for _ in range(number))


def judge(phi: float, surrogate_phis: Sequence[float | None], *, name: NullName = "cut", seed: int = 0) -> NullResult | None:
    """Judges Φ by the Φ of surrogates.

    Args:
        phi: Φ of the data.
        surrogate_phis: Φ of each surrogate; None where it has none (a state that the surrogate cannot reach), which is left out.
        name: the null that they were drawn under.
        seed: of the draw.

    Returns:
        ``mean`` of the surrogates; ``upper``, their 95 % quantile: the ``ceil(0.95 (B + 1))``-th smallest, which is the maximum up
        to B = 19; ``excess = phi - mean``; ``p = (1 + #{phi* >= phi}) / (B + 1)``. None where no surrogate has a Φ.
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
    """What is logged of a null: ``phi_null_mean``, ``phi_null_95``, ``phi_excess`` and ``phi_p``."""
    return {"phi_null_mean": null.mean, "phi_null_95": null.upper, "phi_excess": null.excess, "phi_p": null.p}
