"""How much each unit's state changes the next state of every unit, read from a TPM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


def influence(
    state_by_node: Float[np.ndarray, "state unit"], visited: Bool[np.ndarray, " state"] | None = None
) -> Float[np.ndarray, "unit unit"]:
    """Computes the mean change of P(unit j is ON next) when unit i is ON instead of OFF and all other units stay the same.

    ``influence[i, j] = mean over states s of the other units of |P(j | i = 1, s) - P(j | i = 0, s)|``, from 0 to 1. A pair of rows
    is left out if one of its rows was never visited; where no pair remains, the entry is NaN.

    Args:
        state_by_node: ``[2**n, n]``, the probability that each unit is ON next, rows little-endian.
        visited: ``[2**n]``, False for rows to leave out; None uses all rows.

    Returns:
        ``[n, n]``: row i is the influence of unit i on each unit.

    Example:
        >>> influence(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])).tolist()  # each unit copies the other
        [[0.0, 1.0], [1.0, 0.0]]
    """
    states, n = state_by_node.shape
    known = np.ones(states, dtype=bool) if visited is None else visited
    found = np.full((n, n), np.nan)
    for unit in range(n):
        off = np.arange(states)[(np.arange(states) >> unit) & 1 == 0]
        off = off[known[off] & known[off + 2**unit]]
        if off.size:
            found[unit] = np.abs(state_by_node[off + 2**unit] - state_by_node[off]).mean(axis=0)
    return found
