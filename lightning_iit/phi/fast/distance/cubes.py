"""Height functions: the extreme points of the dual problem of the earth mover's distance on a hypercube.

The Hamming earth mover's distance of two distributions over the states of p nodes is the largest f . d over all functions f on the
p-cube that change by at most 1 along every edge (Kantorovich and Rubinstein); d is the difference of the distributions. The
vertices of this polytope of functions are the functions that change by exactly 1 along *every* edge (the constraint matrix is
totally unimodular, and the cube is bipartite). Up to a constant and the sign there are 1, 3, 19 and 495 such functions for p = 1 to
4. A height function on the p-cube is a pair of height functions on the two (p-1)-cubes in which the last node is OFF and ON (the
lower and the upper layer) that differ by exactly 1 everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class HeightPairs(NamedTuple):
    """Holds which height functions of the lower and of the upper layer fit together, with the upper function raised by 1.

    Args:
        lower3: ``[19]``, for each rising height function of the 3-cube, the index of its lower layer among the 6 functions of the
            square.
        upper3: ``[19]``, the index of its upper layer among the same 6 functions.
        lower4: ``[495]``, for each rising height function of the 4-cube, the index of its lower layer among the 38 functions of the
            3-cube (the 19 rising functions, then their negatives).
        upper4: ``[495]``, the index of its upper layer among the same 38 functions.
    """

    lower3: NDArray[np.int32]
    upper3: NDArray[np.int32]
    lower4: NDArray[np.int32]
    upper4: NDArray[np.int32]


def _fitting(heights: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Returns the pairs (lower, upper) of rows of ``heights`` [function, state] with upper + 1 and lower 1 apart everywhere."""
    raised = heights[None, :, :] + 1 - heights[:, None, :]
    lower, upper = np.nonzero((np.abs(raised) == 1).all(axis=2))
    return lower.astype(np.int32), upper.astype(np.int32)


def _higher(heights: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Returns the height functions of the next larger cube (rising functions, then their negatives) and the pairs of layers."""
    lower, upper = _fitting(heights)
    rising = np.concatenate([heights[lower], heights[upper] + 1], axis=1)
    return np.concatenate([rising, -rising]), lower, upper


def height_pairs() -> HeightPairs:
    """Returns the tables for the 3-cube and the 4-cube.

    The 6 functions of the square are (0, 1, 1, 2), (0, 1, 1, 0), (0, -1, 1, 0) and their negatives, by state.

    Example:
        >>> tables = height_pairs()
        >>> len(tables.lower3), len(tables.lower4)
        (19, 495)
    """
    square = np.array([[0, 1, 1, 2], [0, 1, 1, 0], [0, -1, 1, 0]])
    cube, lower3, upper3 = _higher(np.concatenate([square, -square]))
    _, lower4, upper4 = _higher(cube)
    return HeightPairs(lower3, upper3, lower4, upper4)
