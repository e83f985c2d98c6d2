"""Conversion between state-by-state and state-by-node TPMs, and a TPM's deviation from the independence that the second assumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidSystemError
from lightning_iit.records.system_checks import BINARY_ONLY, ROUNDING

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from numpy.typing import ArrayLike

EXACT = 1e-6
"""The largest deviation that counts as rounding error of numbers with at least the precision of float32."""
MAX_UNITS_OF_SQUARE = 13
"""The most units for a state-by-state matrix: with 13 units it takes half a gigabyte, with 14 units two."""


def bits(n: int) -> Int[np.ndarray, "state unit"]:
    """Returns all states of n units as rows of 0 and 1, ``[2**n, n]``, in little-endian order: unit 0 changes fastest.

    Example:
        >>> bits(2).tolist()
        [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1


def state_by_state(tpm: ArrayLike) -> Float[np.ndarray, "state next"]:
    """Computes the state-by-state TPM ``[2**n, 2**n]`` in which the units are independent given the present state.

    Args:
        tpm: state-by-node TPM, ``[2**n, n]``: the probability that each unit is ON next, rows little-endian.

    Raises:
        InvalidSystemError: not ``[2**n, n]``, entries that are not probabilities, or too many units for a square matrix.

    Example:
        >>> state_by_state([[0.0], [0.25]]).tolist()
        [[1.0, 0.0], [0.75, 0.25]]
    """
    rows = _checked(tpm, "state-by-node TPM")
    n = rows.shape[1]
    if len(rows) != 2**n:
        msg = f"state-by-node TPM: got shape {rows.shape}; {n} units have 2**{n} = {2**n} states, one row each."
        raise InvalidSystemError(msg)
    if n > MAX_UNITS_OF_SQUARE:
        msg = f"{n} units have {4**n:,} pairs of states, which is too large a matrix; use the state-by-node TPM, or fewer units."
        raise InvalidSystemError(msg)
    square = np.ones((2**n, 1))
    for unit in range(n):
        on = rows[:, unit, None]
        square = np.concatenate([square * (1.0 - on), square * on], axis=1)
    return square


def marginals(tpm: ArrayLike) -> Float[np.ndarray, "state unit"]:
    """Computes the probability that each unit is ON next, ``[2**n, n]``, from a state-by-state TPM; units need not be independent.

    Args:
        tpm: state-by-state TPM, ``[2**n, 2**n]``; each row is a distribution over the next states, little-endian. A row whose sum
            rounding took off 1, by at most 0.001, is divided by its sum.

    Raises:
        InvalidSystemError: not a square matrix over the states of n units, or rows that are not distributions.

    Example:
        >>> marginals([[0.5, 0.0, 0.0, 0.5]] * 4)[0].tolist()
        [0.5, 0.5]
    """
    square = _checked(tpm, "state-by-state TPM")
    n = max(len(square).bit_length() - 1, 0)
    if square.shape != (2**n, 2**n) or n == 0:
        msg = (
            f"state-by-state TPM: got shape {square.shape}; n units have 2**n states, so it is 2 x 2, 4 x 4, 8 x 8 and so on."
            f"{f' {BINARY_ONLY}' if square.shape[0] == square.shape[1] > 1 else ''}"
        )
        raise InvalidSystemError(msg)
    sums = square.sum(axis=1)
    if np.abs(sums - 1.0).max() > ROUNDING:
        row = int(np.abs(sums - 1.0).argmax())
        msg = f"state-by-state TPM: row {row} sums to {sums[row]:.6g}; each row is a distribution over next states and sums to 1."
        raise InvalidSystemError(msg)
    sums[np.abs(sums - 1.0) <= EXACT] = 1.0
    on: Float[np.ndarray, "state unit"] = np.clip(square @ bits(n) / sums[:, None], 0.0, 1.0)
    return on


def accepted_deviation(tpm: ArrayLike) -> float:
    """Returns the deviation from conditional independence that rounding may cause.

    The deviation is 0.001 for coarsely rounded numbers (float16, or rows whose sums are more than 1e-6 off 1), and 1e-6 for others.
    """
    array = np.asarray(tpm)
    coarse = array.dtype == np.float16 or np.abs(array.sum(axis=1) - 1.0).max() > EXACT
    return ROUNDING if coarse else EXACT


def conditional_independence(tpm: ArrayLike) -> float:
    """Computes the largest difference between a state-by-state TPM and the product of its units' marginal probabilities.

    The difference is 0 where the units are independent given the present state, as IIT demands of a causal TPM; otherwise the
    state-by-node TPM describes another system, in which the units are independent.

    Args:
        tpm: state-by-state TPM, ``[2**n, 2**n]``.

    Raises:
        InvalidSystemError: as :func:`marginals`.

    Example:
        >>> conditional_independence([[0.5, 0.0, 0.0, 0.5]] * 4)  # both units ON or both OFF
        0.25
    """
    independent = state_by_state(marginals(tpm))
    return float(np.abs(independent - np.asarray(tpm, dtype=float)).max())


def state_by_node(tpm: ArrayLike, *, tolerance: float | None = EXACT) -> Float[np.ndarray, "state unit"]:
    """Converts a state-by-state TPM ``[2**n, 2**n]`` to the state-by-node TPM ``[2**n, n]``; rows and columns are little-endian.

    Args:
        tpm: state-by-state TPM; each row is a distribution over the next states.
        tolerance: the largest accepted deviation from conditional independence (at least 0.001 for float16 and for rows that
            sum to 1 no better than that); None accepts any deviation and discards the dependence.

    Raises:
        InvalidSystemError: the units are not independent given the present state, or the matrix is no such TPM.

    Example:
        >>> state_by_node([[1.0, 0.0], [0.75, 0.25]]).tolist()
        [[0.0], [0.25]]
    """
    on = marginals(tpm)
    if tolerance is None:
        return on
    deviation = conditional_independence(tpm)
    tolerance = max(tolerance, accepted_deviation(tpm))
    if deviation > tolerance:
        msg = (
            f"state-by-state TPM: the units are not independent given the present state (an entry is {deviation:.3g} away from the "
            f"product of the units' probabilities; {tolerance:g} is accepted), so no state-by-node TPM describes it. "
            "Pass tolerance=None to go on with the independent version."
        )
        raise InvalidSystemError(msg)
    return on


def _checked(value: ArrayLike, what: str) -> Float[np.ndarray, "row column"]:
    """Returns the value as a two-dimensional array of probabilities, or raises InvalidSystemError naming it as ``what``."""
    try:
        tpm = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        msg = f"{what}: expected a two-dimensional array of probabilities: {error}."
        raise InvalidSystemError(msg) from error
    if tpm.ndim != 2 or tpm.size == 0:
        msg = f"{what}: got shape {tpm.shape}; expected a two-dimensional array of probabilities."
        raise InvalidSystemError(msg)
    wrong = ~((tpm >= -ROUNDING) & (tpm <= 1.0 + ROUNDING))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        msg = (
            f"{what}: entry [{row}, {column}] is {tpm[row, column]}; each entry is a probability, from 0 to 1 (rounding may take "
            f"it outside by at most {ROUNDING:g}; it is then taken as 0 or 1)."
        )
        raise InvalidSystemError(msg)
    clipped: Float[np.ndarray, "row column"] = np.clip(tpm, 0.0, 1.0)
    return clipped
