"""Units that never changed: which they are, and counts without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.records import Dynamics
from lightning_iit.tpm.counts import on, pair_counts, units_of, visits
from lightning_iit.tpm.parts import as_arrays, as_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int

    from lightning_iit.records import Counts


def constant_states(counts: Counts) -> Int[np.ndarray, " unit"]:
    """Finds the units that had one state in all counted transitions, before and after.

    Returns:
        ``[unit]``: 0 for a unit that was always OFF, 1 for one that was always ON, -1 for one that changed or was never seen.

    Example:
        >>> from lightning_iit.tpm.counts import counts_from_codes
        >>> constant_states(counts_from_codes([1, 3, 1], [3, 1, 3], units=3)).tolist()
        [1, -1, 0]
    """
    times, ons = visits(counts), on(counts).sum(axis=0)
    states = (np.arange(len(times))[:, None] >> np.arange(units_of(counts))) & 1
    total = times.sum()
    before = (times[:, None] * states).sum(axis=0)
    always_on, always_off = (before == total) & (ons == total), (before == 0) & (ons == 0)
    return np.where(total == 0, -1, np.where(always_on, 1, np.where(always_off, 0, -1)))


def without_effect(rows: Float[np.ndarray, "state unit"], constant: Int[np.ndarray, " unit"]) -> Float[np.ndarray, "state unit"]:
    """Fills the rows of states that no data can have: those in which a unit that never changed has its other state.

    Such a row is that of the same state with the unit as it always was, so the unit acts on no other; and it stays as it was, so
    no other acts on it.

    Args:
        rows: the state-by-node TPM ``[2**n, n]``.
        constant: the state of each unit that never changed, -1 for the others.
    """
    fixed = constant >= 0
    if not fixed.any():
        return rows
    codes = np.arange(len(rows))
    for unit in np.flatnonzero(fixed):
        codes = (codes & ~(1 << unit)) | (constant[unit] << unit)
    filled: Float[np.ndarray, "state unit"] = rows[codes].copy()
    filled[:, fixed] = constant[fixed]
    return filled


def counts_of(counts: Counts, elements: Sequence[int]) -> Counts:
    """Returns the counts of some of the elements, whatever the others did.

    Args:
        counts: transitions, with the pairs of states that were seen.
        elements: positions of the elements to keep, in the order of the new states.

    Example:
        >>> from lightning_iit.tpm.counts import counts_from_codes
        >>> counts_of(counts_from_codes([1, 3, 1], [3, 1, 3], units=3), [1])
        Counts(visits=(2, 1), on=((2,), (0,)), joint=((0, 1, 2), (1, 0, 1)))
    """
    entries = np.array(counts.joint, dtype=np.int64).reshape(-1, 3)
    before, after = (_picked(entries[:, column], elements) for column in (0, 1))
    return pair_counts(before, after, entries[:, 2], len(elements))


def dynamics_of(dynamics: Dynamics, elements: Sequence[int]) -> Dynamics:
    """Returns the data for the tests of Markov order and stationarity, and the parts, of some of the elements."""
    triples = None
    if dynamics.triples is not None:
        entries = np.array(dynamics.triples, dtype=np.int64).reshape(-1, 4)
        states = np.stack([_picked(entries[:, column], elements) for column in range(3)], axis=1)
        different, where = np.unique(states, axis=0, return_inverse=True)
        times = np.zeros(len(different), dtype=np.int64)
        np.add.at(times, where.reshape(-1), entries[:, 3])
        triples = tuple(map(tuple, np.column_stack([different, times]).tolist()))
    halves = tuple(counts_of(half, elements) for half in dynamics.halves)
    return Dynamics(triples=triples, halves=halves, parts=_parts_of(dynamics.parts, elements))


def _parts_of(parts: Sequence[Counts], elements: Sequence[int]) -> tuple[Counts, ...]:
    """Returns the counts of some of the elements in each part of the data."""
    if not parts:
        return ()
    n_visits, ons = as_arrays(parts)
    states = _picked(np.arange(n_visits.shape[1]), elements)
    same = np.arange(2 ** len(elements))[:, None] == states  # [new state, state]
    return as_parts(n_visits @ same.T, np.einsum("ns,psu->pnu", same, ons[..., list(elements)]))


def _picked(codes: Int[np.ndarray, " pair"], elements: Sequence[int]) -> Int[np.ndarray, " pair"]:
    """Returns the codes of some elements, from the codes of all."""
    picked = np.zeros_like(codes)
    for place, element in enumerate(elements):
        picked |= ((codes >> element) & 1) << place
    return picked
