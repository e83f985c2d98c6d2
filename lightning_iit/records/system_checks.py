"""The checks of the parts of a System: what numpy, torch or PyPhi give is turned into nested tuples, or refused with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from numbers import Real
from typing import Any

from lightning_iit.errors import InvalidSystemError

ROUNDING = 1e-3
"""How far outside of 0 to 1 an entry may lie and still count as a rounded probability: one step of float16 above 1. Such an entry
is taken as 0 or 1."""
BINARY_ONLY = (
    "Units of more than two states are not supported: Φ is computed for binary units, as in PyPhi 1.2. Code such a unit as several "
    "binary units, or make it binary with a threshold."
)
"""The sentences that every refusal of units with more than two states ends with."""


def clipped(entry: Any) -> float | None:
    """Returns a probability, moved to 0 or 1 where rounding took it outside; None where the entry is no probability.

    Example:
        >>> clipped(1.0 + 1.2e-7), clipped(0.25), clipped(1.01)
        (1.0, 0.25, None)
    """
    if not isinstance(entry, Real) or not -ROUNDING <= float(entry) <= 1.0 + ROUNDING:
        return None
    return min(max(float(entry), 0.0), 1.0)


def checked_tpm(value: Any) -> tuple[tuple[float, ...], ...]:
    """Returns a state-by-node TPM as nested tuples ``[2**n, n]``; reads ``[2] * n + [n]`` and a ``Tpm`` too.

    Raises:
        InvalidSystemError: another shape, units of more than two states, or entries that are not probabilities.
    """
    rows = _by_state(getattr(value, "state_by_node", value))
    n = len(rows[0]) if rows else 0
    if n == 0 or len(rows) != 2**n or any(len(row) != n for row in rows):
        not_binary = len(rows) > 1 and len(rows) & (len(rows) - 1)
        more = f" {len(rows)} is no power of 2. {BINARY_ONLY}" if not_binary else ""
        msg = (
            f"tpm: got {len(rows)} rows of {n} entries. A state-by-node TPM of n nodes has 2**n rows of n entries"
            f"{f', here {2**n}' if 0 < n < 20 else ''}; turn a state-by-state matrix into one with `lightning_iit.state_by_node`."
            f"{more}"
        )
        raise InvalidSystemError(msg)
    return tuple(_probabilities(index, row) for index, row in enumerate(rows))


def checked_state(value: Any, n: int) -> tuple[int, ...]:
    """Returns the state of n nodes as a tuple of 0 and 1, or raises InvalidSystemError."""
    state: Sequence[Any] = value.tolist() if hasattr(value, "tolist") else value
    try:
        numbers = tuple(int(bit) for bit in state)
        whole = all(number == given for number, given in zip(numbers, state, strict=True))
    except (TypeError, ValueError, OverflowError):
        whole, numbers = False, ()
    if not whole or len(numbers) != n or any(number not in {0, 1} for number in numbers):
        more = f" {BINARY_ONLY}" if whole and len(numbers) == n and min(numbers) >= 0 else ""
        msg = f"state: got {value!r}; the TPM has {n} nodes, so the state is {n} values of 0 or 1, node 0 first.{more}"
        raise InvalidSystemError(msg)
    return numbers


def checked_cm(value: Any, n: int) -> tuple[tuple[int, ...], ...]:
    """Returns the connectivity matrix of n nodes as nested tuples, or raises InvalidSystemError."""
    rows = _rows(value, "cm")
    if len(rows) != n or any(len(row) != n for row in rows) or any(entry not in (0, 1) for row in rows for entry in row):
        msg = f"cm: expected an {n} x {n} matrix of 0 and 1 (cm[i][j] = 1 if node i has a connection to node j), got {rows!r}."
        raise InvalidSystemError(msg)
    return tuple(tuple(int(entry) for entry in row) for row in rows)


def checked_labels(value: Iterable[Any], n: int) -> tuple[str, ...]:
    """Returns a label for each of n nodes, or raises InvalidSystemError: another number of labels, or two nodes with one label."""
    labels = tuple(str(label) for label in value)
    if len(labels) != n:
        msg = f"labels: got {len(labels)} for {n} nodes; give one for each node, or None."
        raise InvalidSystemError(msg)
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        where = " and ".join(str(node) for node, label in enumerate(labels) if label == twice)
        msg = f"labels: nodes {where} are all called {twice!r}; a label names one node, so give each node another, or None."
        raise InvalidSystemError(msg)
    return labels


def _by_state(value: Any) -> list[list[Any]]:
    """Returns the rows of a TPM by little-endian state, of a two-dimensional value or of one with an axis for each node."""
    nested = _nested(value)
    shape: tuple[int, ...] = ()
    part = nested
    while isinstance(part, list):
        shape = (*shape, len(part))
        part = part[0] if part else None
    if len(shape) <= 2:
        return _rows(nested, "tpm")
    *states, n = shape
    more = next((node for node, number in enumerate(states) if number > 2), None)
    if more is not None and len(states) in {n, n + 1}:
        msg = f"tpm: got shape {shape}; node {more} has {states[more]} states. {BINARY_ONLY}"
        raise InvalidSystemError(msg)
    try:
        rows = [reduce(lambda at, node: at[code >> node & 1], range(len(states)), nested) for code in range(2 ** len(states))]
        fits = states == [2] * n and all(isinstance(row, list) and len(row) == n for row in rows)
    except (IndexError, TypeError):
        fits = False
    if not fits:
        msg = (
            f"tpm: got shape {shape}; a state-by-node TPM of n nodes is [2**n, n], or has an axis of 2 for each node and a last "
            "one of n, as PyPhi's `network.tpm` does."
        )
        raise InvalidSystemError(msg)
    return rows


def _nested(value: Any) -> Any:
    """Returns an array-like value as nested lists; what is no array stays as it is."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return [_nested(part) for part in value] if isinstance(value, (list, tuple)) else value


def _rows(value: Any, what: str) -> list[list[Any]]:
    """Returns the rows of a two-dimensional array-like value as lists, or raises InvalidSystemError naming it as ``what``."""
    value = value.tolist() if hasattr(value, "tolist") else value
    try:
        return [list(row.tolist() if hasattr(row, "tolist") else row) for row in value]
    except TypeError as error:
        msg = f"{what}: expected a two-dimensional array, got {type(value).__name__}."
        raise InvalidSystemError(msg) from error


def _probabilities(index: int, row: Sequence[Any]) -> tuple[float, ...]:
    """Returns one row of a TPM as probabilities, or raises InvalidSystemError naming the entry that is none."""
    found = [clipped(entry) for entry in row]
    if None in found:
        node = found.index(None)
        msg = (
            f"tpm: entry [{index}, {node}] is {row[node]!r}; each entry is a probability of being ON, from 0 to 1 (rounding may "
            f"take it outside by at most {ROUNDING:g}; it is then taken as 0 or 1)."
        )
        raise InvalidSystemError(msg)
    return tuple(entry for entry in found if entry is not None)
