"""Height functions: the extreme points of the dual of the earth mover's distance on a hypercube.

The Hamming earth mover's distance of two distributions over the states of p nodes is the largest f . d over the functions f on the
p-cube that change by at most 1 along every edge (Kantorovich and Rubinstein), where d is their difference. The vertices of that
polytope are the functions that change by exactly 1 along *every* edge (its constraint matrix is totally unimodular, and the
cube is bipartite). Up to a constant and sign there are 1, 3, 19 and 495 of them for p = 1 to 4. A height function on the p-cube
is a pair of height functions on the two (p-1)-cubes of its last node that differ by exactly 1 everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class HeightPairs(NamedTuple):
    """Which height functions of the lower and the upper layer fit together, the upper one raised by 1.

    ``lower3[k]`` and ``upper3[k]`` index the 6 height functions of the square, for the 19 of the 3-cube; ``lower4`` and ``upper4``
    the 38 of the 3-cube (these 19, then their negatives), for the 495 of the 4-cube.
    """

    lower3: NDArray[np.int32]
    upper3: NDArray[np.int32]
    lower4: NDArray[np.int32]
    upper4: NDArray[np.int32]


def _fitting(heights: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The pairs (lower, upper) of rows of ``heights`` [function, state] that differ by 1 everywhere, the upper raised by 1."""
    raised = heights[None, :, :] + 1 - heights[:, None, :]
    lower, upper = np.nonzero((np.abs(raised) == 1).all(axis=2))
    return lower.astype(np.int32), upper.astype(np.int32)


def _higher(heights: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """The height functions of the next cube (those that rise along the last node, then their negatives) and their pairs."""
    lower, upper = _fitting(heights)
    rising = np.concatenate([heights[lower], heights[upper] + 1], axis=1)
    return np.concatenate([rising, -rising]), lower, upper


def height_pairs() -> HeightPairs:
    """The tables for the 3-cube and the 4-cube; the square's functions are (0,1,1,2), (0,1,1,0), (0,-1,1,0) and their negatives."""
    square = np.array([[0, 1, 1, 2], [0, 1, 1, 0], [0, -1, 1, 0]])
    cube, lower3, upper3 = _higher(np.concatenate([square, -square]))
    _, lower4, upper4 = _higher(cube)
    return HeightPairs(lower3, upper3, lower4, upper4)
