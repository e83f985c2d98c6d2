"""When two computed numbers are taken as equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.compiling import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TOLERANCE = 1e-13


def equal(a: float, b: float) -> bool:
    """Says whether two numbers differ by rounding only: by at most 1e-13, absolute or relative."""
    return abs(a - b) <= max(TOLERANCE, TOLERANCE * max(abs(a), abs(b)))


def largest(values: NDArray[np.float64]) -> tuple[float, list[int]]:
    """Returns the largest of some values, and where it and all that are equal to it stand, ascending."""
    most = float(values.max())
    near = np.flatnonzero(values > most - 1e-9).tolist()
    return most, [at for at in near if equal(float(values[at]), most)]


equal_numbers: Callable[[float, float], bool] = kernel(equal)
