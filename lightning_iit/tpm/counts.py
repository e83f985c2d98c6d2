"""Transition counts: made from state codes or from a joint table, read back as arrays, and added up over epochs."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidArgumentError, InvalidStatesError
from lightning_iit.records import Counts, Dynamics
from lightning_iit.tpm.conversion import MAX_UNITS_OF_SQUARE
from lightning_iit.tpm.parts import consecutive_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jaxtyping import Int
    from numpy.typing import ArrayLike

MOST_UNITS_IN_TRIPLES = 6
"""Triples (three states in a row) are counted for at most so many units, since there are 8**n different ones."""
MOST_UNITS_IN_HALVES = 8
"""The two halves of an epoch are counted apart for at most so many units, since each table has up to 4**n counts."""

QUANTILES = (0.4, 0.5, 0.6)
"""Quantiles of a unit's activations that serve as thresholds when the sensitivity of Φ is shown. Chosen close to the median: states
visited at one of these thresholds are then hardly ever unvisited at the others, and rows with few transitions do not decide the
comparison."""


def counts_from_codes(before: ArrayLike, after: ArrayLike, *, units: int) -> Counts:
    """Counts the transitions from each code in ``before`` to the code at the same position in ``after``.

    Args:
        before: ``[transition]``, the little-endian index of each transition's first state.
        after: ``[transition]``, the little-endian index of its second state.
        units: the number of units n; codes run from 0 to ``2**n - 1``.

    Raises:
        InvalidStatesError: different lengths, codes that are not integers, or codes that are no states of n units.

    Example:
        >>> counts_from_codes([0, 1, 0], [1, 0, 1], units=1)
        Counts(visits=(2, 1), on=((2,), (0,)), joint=((0, 1, 2), (1, 0, 1)))
    """
    first, second = np.asarray(before), np.asarray(after)
    if first.shape != second.shape or first.ndim != 1:
        msg = f"before and after: got shapes {first.shape} and {second.shape}; each transition needs one code in both."
        raise InvalidStatesError(msg)
    if first.size and (first.dtype.kind not in "iu" or second.dtype.kind not in "iu"):
        msg = f"before and after: got {first.dtype} and {second.dtype}; state codes are integers."
        raise InvalidStatesError(msg)
    for codes in (first, second):
        if codes.size and not (codes.min() >= 0 and codes.max() < 2**units):
            msg = f"state codes from {codes.min()} to {codes.max()}: {units} units have the codes 0 to {2**units - 1}."
            raise InvalidStatesError(msg)
    pairs, times = np.unique(first.astype(np.int64) * 2**units + second.astype(np.int64), return_counts=True)
    return _counts(pairs >> units, pairs & (2**units - 1), times, units)


def dynamics_from_codes(sequences: Sequence[Int[np.ndarray, " time"]], *, units: int, lag: int = 1) -> tuple[Counts, Dynamics]:
    """Counts the transitions within sequences of state codes, and what is needed besides: :class:`~lightning_iit.records.Dynamics`.

    Args:
        sequences: the little-endian index of each state, or a negative number for a row without a state: no transition begins or
            ends there.
        units: the number of units n.
        lag: how many rows a transition spans.

    Returns:
        All transitions; and the triples (for at most 6 units) with the transitions of the first and of the second half of the data
        (for at most 8 units), and of consecutive parts (for at most 6 units).

    Example:
        >>> counts, dynamics = dynamics_from_codes([np.array([0, 1, 1, 0])], units=1)
        >>> counts.joint, dynamics.triples
        (((0, 1, 1), (1, 0, 1), (1, 1, 1)), ((0, 1, 1, 1), (1, 1, 0, 1)))
    """
    rows = [_within(codes, 2, lag) for codes in sequences]
    pairs = np.concatenate([np.zeros((0, 2), dtype=np.int64), *rows])
    halves = np.split(pairs, [len(pairs) // 2]) if units <= MOST_UNITS_IN_HALVES else []
    triples = None
    if units <= MOST_UNITS_IN_TRIPLES:
        found = np.concatenate([np.zeros((0, 3), dtype=np.int64), *(_within(codes, 3, lag) for codes in sequences)])
        entries, times = np.unique(found, axis=0, return_counts=True)
        triples = tuple(map(tuple, np.column_stack([entries, times]).tolist()))
    apart = tuple(counts_from_codes(*half.T, units=units) for half in halves)
    dynamics = Dynamics(triples=triples, halves=apart, parts=consecutive_parts(rows, units))
    return counts_from_codes(*pairs.T, units=units), dynamics


def _within(codes: Int[np.ndarray, " time"], states: int, lag: int) -> Int[np.ndarray, "entry state"]:
    """Returns so many states in a row, each ``lag`` rows after the one before, wherever all of them have a code."""
    length = max(len(codes) - (states - 1) * lag, 0)
    rows = np.stack([codes[k * lag : k * lag + length] for k in range(states)], axis=1).astype(np.int64)
    complete: Int[np.ndarray, "entry state"] = rows[(rows >= 0).all(axis=1)]
    return complete


def counts_from_joint(joint: ArrayLike) -> Counts:
    """Makes counts from a table ``[2**n, 2**n]`` of transitions from each state (row) to each state (column), little-endian.

    Raises:
        InvalidStatesError: not such a table, or entries that are not whole numbers of 0 or more.
    """
    table = np.asarray(joint)
    n = max(len(table).bit_length() - 1, 0) if table.ndim == 2 else 0
    if n == 0 or table.shape != (2**n, 2**n):
        msg = f"joint: got shape {table.shape}; the transitions of n units are a table of 2**n x 2**n counts."
        raise InvalidStatesError(msg)
    whole = table.astype(np.int64)
    if (whole != table).any() or (whole < 0).any():
        msg = "joint: the entries are counts: whole numbers, none negative."
        raise InvalidStatesError(msg)
    before, after = np.nonzero(whole)
    return _counts(before, after, whole[before, after], n)


def joint(counts: Counts) -> Int[np.ndarray, "state next"]:
    """Builds the table ``[2**n, 2**n]`` of transitions from each state (row) to each state (column), little-endian.

    Raises:
        InvalidArgumentError: too many units for a square table.
    """
    n = units_of(counts)
    if n > MAX_UNITS_OF_SQUARE:
        msg = f"{n} units have {4**n:,} pairs of states, which is too large a table; read `counts.joint`, its non-zero entries."
        raise InvalidArgumentError(msg)
    table = np.zeros((2**n, 2**n), dtype=np.int64)
    entries = np.array(counts.joint, dtype=np.int64).reshape(-1, 3)
    table[entries[:, 0], entries[:, 1]] = entries[:, 2]
    return table


def visits(counts: Counts) -> Int[np.ndarray, " state"]:
    """Returns how often each state was the first of a transition, ``[2**n]``."""
    return np.array(counts.visits, dtype=np.int64)


def on(counts: Counts) -> Int[np.ndarray, "state unit"]:
    """Returns how often each unit was ON after each state, ``[2**n, n]``."""
    return np.array(counts.on, dtype=np.int64)


def pair_counts(
    before: Int[np.ndarray, " pair"], after: Int[np.ndarray, " pair"], times: Int[np.ndarray, " pair"], units: int
) -> Counts:
    """Makes counts of transitions from pairs of state codes, which may be there several times, and how often each was seen."""
    pairs, where = np.unique(before * 2**units + after, return_inverse=True)
    total = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(total, where.reshape(-1), times)
    return _counts(pairs >> units, pairs & (2**units - 1), total, units)


def units_of(counts: Counts) -> int:
    """Returns the number of units that were counted."""
    return len(counts.visits).bit_length() - 1


def merge(counts: Iterable[Counts]) -> Counts:
    """Adds up several counts of the same units, such as the counts of the epochs in a window.

    Raises:
        InvalidArgumentError: nothing to add, or different numbers of units.
    """
    parts = list(counts)
    sizes = sorted({units_of(part) for part in parts})
    if len(sizes) != 1:
        msg = f"merge: got counts of {sizes} units; " + ("add counts of the same units." if sizes else "give at least one.")
        raise InvalidArgumentError(msg)
    n = sizes[0]
    entries = np.array([entry for part in parts for entry in part.joint], dtype=np.int64).reshape(-1, 3)
    return pair_counts(entries[:, 0], entries[:, 1], entries[:, 2], n)


def merge_dynamics(dynamics: Iterable[Dynamics]) -> Dynamics:
    """Joins what was counted beside the transitions in several epochs, given in their order.

    Returns:
        The sum of the triples (None where one epoch has none), and the counts of the first and the second half of all transitions
        (empty where one epoch has no halves). The halves are split where an epoch or half of an epoch ends, as near as possible to
        the middle of the transitions. The parts are those of all epochs, one after the other (empty where one epoch has none).
    """
    parts = list(dynamics)
    if len(parts) == 1:
        return parts[0]
    triples = None
    if all(part.triples is not None for part in parts):
        entries = np.array([entry for part in parts for entry in part.triples or ()], dtype=np.int64).reshape(-1, 4)
        bits = MOST_UNITS_IN_TRIPLES
        packed, where = np.unique((entries[:, 0] << 2 * bits) + (entries[:, 1] << bits) + entries[:, 2], return_inverse=True)
        times = np.zeros(len(packed), dtype=np.int64)
        np.add.at(times, where.reshape(-1), entries[:, 3])
        mask = 2**bits - 1
        columns = (packed >> 2 * bits, packed >> bits & mask, packed & mask, times)
        triples = tuple(map(tuple, np.stack(columns, axis=1).tolist()))
    halves = [half for part in parts for half in part.halves] if all(part.halves for part in parts) else []
    apart = tuple(chain.from_iterable(part.parts for part in parts)) if all(part.parts for part in parts) else ()
    return Dynamics(triples=triples, halves=_two_halves(halves) if halves else (), parts=apart)


def _two_halves(parts: Sequence[Counts]) -> tuple[Counts, Counts]:
    """Splits the parts, in their order, into two sums with about equally many transitions."""
    so_far = np.cumsum([part.transitions for part in parts])
    middle = int(np.argmin(np.abs(2 * so_far[:-1] - so_far[-1]))) + 1
    return merge(parts[:middle]), merge(parts[middle:])


def _counts(before: Int[np.ndarray, " pair"], after: Int[np.ndarray, " pair"], times: Int[np.ndarray, " pair"], n: int) -> Counts:
    """Builds counts of n units from pairs of state codes (before, after) and how often each pair occurred."""
    visited = np.zeros(2**n, dtype=np.int64)
    np.add.at(visited, before, times)
    ons = np.zeros((2**n, n), dtype=np.int64)
    np.add.at(ons, before, times[:, None] * ((after[:, None] >> np.arange(n)) & 1))
    entries = np.stack([before, after, times], axis=1) if len(before) else np.zeros((0, 3), dtype=np.int64)
    return Counts(
        visits=tuple(visited.tolist()),
        on=tuple(map(tuple, ons.tolist())),
        joint=tuple(map(tuple, entries.tolist())),
    )
