"""How much each unit's state changes the next state of each other unit, read from a TPM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


def influence(
    state_by_node: Float[np.ndarray, "state unit"], visited: Bool[np.ndarray, " state"] | None = None
) -> Float[np.ndarray, "unit unit"]:
    """The mean change of P(j is ON next) when unit i is ON instead of OFF and all other units stay as they are.

    ``influence[i, j] = mean over states s of the others of |P(j | i = 1, s) - P(j | i = 0, s)|``, from 0 to 1. Pairs of rows of
    which one was never visited are left out; where no pair remains it is NaN.
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
