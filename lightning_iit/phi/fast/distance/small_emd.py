"""The Hamming earth mover's distance over the states of up to four nodes, in closed form.

The distance is the maximum of f . d over the height functions f of the hypercube, where d is the difference of the distributions
(see :mod:`~lightning_iit.phi.fast.distance.cubes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.distance.cubes import height_pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOWER3, UPPER3, LOWER4, UPPER4 = height_pairs()
CLOSED_FORM = 4
"""The most nodes with a closed form here; the hypercube of five nodes has 197,547 height functions."""


@kernel
def _square_values(d: NDArray[np.float64], start: int, values: NDArray[np.float64]) -> None:
    """Writes f . d into values[0:6] for the 6 height functions f of the square over d[start : start + 4]."""
    values[0] = d[start + 1] + d[start + 2] + 2.0 * d[start + 3]
    values[1] = d[start + 1] + d[start + 2]
    values[2] = d[start + 2] - d[start + 1]
    for k in range(3):
        values[k + 3] = -values[k]


@kernel
def _cube_values(d: NDArray[np.float64], start: int, values: NDArray[np.float64]) -> None:
    """Writes f . d into values[0:19] for the 19 rising height functions f of the 3-cube over d[start : start + 8].

    Uses values[38:50] as scratch.
    """
    lower, upper = values[38:44], values[44:50]
    _square_values(d, start, lower)
    _square_values(d, start + 4, upper)
    raised = d[start + 4] + d[start + 5] + d[start + 6] + d[start + 7]
    for k in range(19):
        values[k] = lower[LOWER3[k]] + upper[UPPER3[k]] + raised


@kernel
def _four_nodes(d: NDArray[np.float64], values: NDArray[np.float64], reject: float) -> float:
    """Returns the distance over four nodes, or a lower bound of the distance that has reached ``reject``."""
    lower, upper = values[:50], values[50:]
    _cube_values(d, 0, lower)
    _cube_values(d, 8, upper)
    for k in range(19):
        lower[k + 19] = -lower[k]
        upper[k + 19] = -upper[k]
    best, raised = 0.0, 0.0
    for y in range(8, 16):
        raised += d[y]
    for block in range(0, 495, 99):
        for k in range(block, block + 99):
            best = max(best, abs(lower[LOWER4[k]] + upper[UPPER4[k]] + raised))
        if best >= reject:
            break
    return best


@kernel
def small_emd(d: NDArray[np.float64], p: int, values: NDArray[np.float64], reject: float) -> float:
    """Computes the distance of two distributions over the states of p <= 4 nodes.

    Args:
        d: ``[>= 2**p]``, the difference of the distributions by state; sums to 0.
        p: the number of nodes.
        values: ``[100]``, scratch.
        reject: with p = 4, a lower bound that reaches this value is returned at once.
    """
    if p == 0:
        return 0.0
    if p == 1:
        return float(abs(d[1]))
    if p == 2:
        return float(max(abs(d[1] + d[2] + 2.0 * d[3]), abs(d[2] - d[1]), abs(d[1] + d[2])))
    if p == 3:
        _cube_values(d, 0, values)
        best = 0.0
        for k in range(19):
            best = max(best, abs(values[k]))
        return best
    return _four_nodes(d, values, reject)
