"""Tests of the assumptions behind a TPM; each p-value comes from resampling the transitions within rows of the TPM.

Asymptotic G-tests have the wrong size on such sparse tables, so each statistic is compared with its own distribution when the
assumption holds. The statistic is always a log-likelihood ratio, ``G = 2 sum O ln(O / E)`` (Wilks 1938; Sokal and Rohlf 1981), of
observed counts O and expected counts E. ``G / (2 N ln 2)`` is the information in bits per transition (Kullback 1959) for N
transitions; the mean of the resampled values is subtracted from this information, because it is its bias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import xlogy

from lightning_iit.tpm.conversion import bits
from lightning_iit.tpm.counts import joint, on, units_of, visits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int
    from numpy.typing import ArrayLike

    from lightning_iit.records import Counts

RESAMPLES = 199
"""How many resampled tables a test draws by default; the smallest possible p is then 1/200."""
_CELLS = 2_000_000
"""How many entries of resampled tables are held in memory at a time, at most (but at least one table)."""
MOST_TRIPLES = 200_000
"""If there are more triples, a random sample of this size is tested. That takes about a second, and has the power to find any
effect of practical size."""


class Resampled(NamedTuple):
    """Holds the outcome of a test: its statistic, the information in bits and the p-value."""

    g: float
    """The log-likelihood ratio statistic G."""
    bits: float
    """The information in bits per transition, less its bias; never below 0."""
    p: float
    """The p-value ``(1 + #{G* >= G}) / (B + 1)``, with G* the statistics of the B resampled tables."""


def conditional_dependence(counts: Counts, *, resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
    """Tests whether the units' next states depend on each other given the present state, which a state-by-node TPM rules out.

    ``G = 2 sum_s sum_t C[s, t] ln(C[s, t] / E[s, t])`` with ``C[s, t]`` the transitions from state s to state t and
    ``E[s, t] = N[s] prod_j p_j(t_j | s)``; this measures the multi-information (Watanabe 1960) of the units' next states given the
    present state. The null permutes each unit's next values among the transitions of each present state, which keeps every number
    of visits ``N[s]`` and of ONs ``K[s, j]``. (A parametric bootstrap from the product of the frequencies rejects true independence
    in nearly all cases when rows have some thirty transitions.)

    Args:
        counts: the transitions, with their joint table.
        resamples: the number B of resampled tables.
        seed: the seed of the resampling.

    Raises:
        InvalidArgumentError: too many units for a square table.
    """
    table = joint(counts)
    table = table[table.sum(axis=1) > 0]
    ons = table @ bits(units_of(counts))
    size = table.sum(axis=1)
    rng = np.random.default_rng(seed)
    chunk = max(_CELLS // max(table.size, 1), 1)
    drawn = [_dependence(_permuted(size, ons, min(chunk, resamples - done), rng), size, ons) for done in range(0, resamples, chunk)]
    return _compared(float(_dependence(table[None], size, ons)[0]), np.concatenate(drawn), int(size.sum()))


def _permuted(
    size: Int[np.ndarray, " state"], ons: Int[np.ndarray, "state unit"], samples: int, rng: np.random.Generator
) -> Int[np.ndarray, "sample state next"]:
    """Draws tables of next states with independent units: each unit's ONs are dealt among the states of the units before it."""
    rows = len(size)
    cells = np.tile(np.stack([size - ons[:, 0], ons[:, 0]], axis=1), (samples, 1))
    for unit in range(1, ons.shape[1]):
        hand = _dealt(cells, np.tile(ons[:, unit], samples), rng)
        cells = np.concatenate([cells - hand, hand], axis=1)
    return cells.reshape(samples, rows, -1)


def _dependence(
    tables: Int[np.ndarray, "sample state next"], size: Int[np.ndarray, " state"], ons: Int[np.ndarray, "state unit"]
) -> Float[np.ndarray, " sample"]:
    """Computes, for each sampled table, the statistic G of dependence among the units' next states."""
    offs = size[:, None] - ons
    independent = xlogy(ons, ons).sum() + xlogy(offs, offs).sum() - (ons.shape[1] - 1) * xlogy(size, size).sum()
    return np.asarray(2.0 * (xlogy(tables, tables).sum(axis=(1, 2)) - independent))


def homogeneity(groups: Sequence[Counts], *, resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
    """Tests whether several counts (the two halves of a window, or several blocks of a network) come from one TPM.

    For each present state and unit there is a table of group x (ON, OFF); ``G`` is summed over all these tables (Anderson and
    Goodman 1957, the test of stationarity). The null deals each state's transitions out again to the groups at random, to each
    group as many as it had; this is exact where the exits from a state are exchangeable. States that were visited in one group only
    are left out.

    Args:
        groups: the counts of each group, all of the same units and with their joint tables.
        resamples: the number B of resampled tables.
        seed: the seed of the resampling.

    Raises:
        InvalidArgumentError: too many units for a square table.
    """
    tables = [joint(counts) for counts in groups]
    pooled, n = np.sum(tables, axis=0), units_of(groups[0])
    sizes = np.stack([visits(counts) for counts in groups])
    rng = np.random.default_rng(seed)
    dealt = np.zeros((resamples, len(groups), 2**n, n), dtype=np.int64)
    for state in np.flatnonzero(np.count_nonzero(sizes, axis=0) > 1):
        seen = np.flatnonzero(pooled[state])
        left = np.tile(pooled[state, seen], (resamples, 1))
        for group, size in enumerate(sizes[:, state]):
            hand = left if group == len(groups) - 1 else _dealt(left, np.full(resamples, size), rng)
            dealt[:, group, state] = hand @ bits(n)[seen]
            left = left - hand
    alone = np.count_nonzero(sizes, axis=0) < 2
    observed = np.stack([on(counts) for counts in groups])
    observed[:, alone] = dealt[:, :, alone] = 0
    sizes = np.where(alone, 0, sizes)
    drawn = _heterogeneity(dealt, sizes)
    return _compared(float(_heterogeneity(observed[None], sizes)[0]), drawn, int(sizes.sum()))


def _dealt(
    urns: Int[np.ndarray, "urn outcome"], sizes: Int[np.ndarray, " urn"], rng: np.random.Generator
) -> Int[np.ndarray, "urn outcome"]:
    """Draws `sizes[i]` items without replacement from row `urns[i]` (multivariate hypergeometric); returns int[urn, outcome]."""
    hand, need, rest = np.zeros_like(urns), sizes, urns.sum(axis=1)
    for outcome in range(urns.shape[1] - 1):
        rest = rest - urns[:, outcome]
        hand[:, outcome] = rng.hypergeometric(urns[:, outcome], rest, need)
        need = need - hand[:, outcome]
    hand[:, -1] = need
    return hand


def _heterogeneity(
    ons: Int[np.ndarray, "sample group state unit"], sizes: Int[np.ndarray, "group state"]
) -> Float[np.ndarray, " sample"]:
    """Computes, for each sample, the statistic G of differences among the groups, summed over present states and units."""
    offs = sizes[..., None] - ons
    apart = xlogy(ons, ons) + xlogy(offs, offs)
    k, m = ons.sum(axis=1), offs.sum(axis=1)
    together = xlogy(k, k) + xlogy(m, m)
    total = sizes.sum(axis=0)
    known = ons.shape[-1] * (xlogy(total, total).sum() - xlogy(sizes, sizes).sum())
    return np.asarray(2.0 * (apart.sum(axis=(1, 2, 3)) - together.sum(axis=(1, 2)) + known))


def markov_order(triples: ArrayLike, units: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
    """Tests whether the previous state adds to what the present state says about the next one: Markov order 2 against order 1.

    For each present state and unit there is a table of previous state x (ON, OFF) of the unit's next value; ``G`` is summed over
    all these tables (Anderson and Goodman 1957; Bartlett 1951), so that ``bits`` is the units' summed conditional information
    I(next unit; previous state | present state). The null permutes the next states among the transitions of each present state. Of
    more than 200,000 triples, a random sample of that size is tested. Args:     triples: ``[entry, 4]``: previous, present and next
    state code, and how often the three followed each other.     units: the number of units.     resamples: the number of
    permutations.     seed: the seed of the permutations.
    """
    entries = np.asarray(triples, dtype=np.int64).reshape(-1, 4)
    rng = np.random.default_rng(seed)
    if entries[:, 3].sum() > MOST_TRIPLES:
        part = rng.multivariate_hypergeometric(entries[:, 3], MOST_TRIPLES, method="marginals")
        entries = np.column_stack([entries[:, :3], part])[part > 0]
    entries = entries[np.lexsort((entries[:, 0], entries[:, 1]))]
    previous, present, following = (np.repeat(column, entries[:, 3]) for column in entries[:, :3].T)
    total = len(present)
    pairs = present * 2**units + previous
    starts = np.flatnonzero(np.concatenate([[total > 0], pairs[1:] != pairs[:-1]]))
    rows = np.flatnonzero(np.concatenate([[total > 0], present[1:] != present[:-1]]))
    drawn = np.empty(resamples)
    # Sorting random keys with the state in the lowest bits permutes within rows without the price of an argsort.
    base = (np.unique(present, return_inverse=True)[1].astype(np.uint64) << np.uint64(44)) | following.astype(np.uint64)
    mask = np.uint64(2**units - 1)
    for resample in range(resamples):
        noise = rng.integers(0, 2**28, total, dtype=np.uint64) << np.uint64(16)
        drawn[resample] = _order(np.sort(base | noise) & mask, starts, rows, total, units)
    return _compared(_order(following, starts, rows, total, units), drawn, total)


def _order(
    following: Int[np.ndarray, " triple"],
    starts: Int[np.ndarray, " pair"],
    rows: Int[np.ndarray, " row"],
    total: int,
    units: int,
) -> float:
    """Computes the statistic G of order 2 against order 1 from next states sorted by present, then by previous state."""
    if not total:
        return 0.0
    values = bits(units)[following]
    fine, coarse = _fit(values, starts, total), _fit(values, rows, total)
    return 2.0 * (fine - coarse)


def _fit(values: Int[np.ndarray, "triple unit"], starts: Int[np.ndarray, " group"], total: int) -> float:
    """Computes the maximum log-likelihood (nats) of the units' values where each group of rows has its own probabilities of ON."""
    size = np.diff(np.append(starts, total))[:, None]
    ons = np.add.reduceat(values, starts, axis=0)
    return float((xlogy(ons, ons) + xlogy(size - ons, size - ons) - xlogy(size, size)).sum())


def _compared(observed: float, drawn: Float[np.ndarray, " sample"], total: int) -> Resampled:
    """Turns the observed statistic and the resampled ones into the outcome of a test."""
    p = (1 + int((drawn >= observed - 1e-9).sum())) / (len(drawn) + 1)
    information = (observed - float(drawn.mean())) / (2.0 * total * np.log(2.0)) if total else 0.0
    return Resampled(g=max(float(observed), 0.0), bits=max(float(information), 0.0), p=p)
