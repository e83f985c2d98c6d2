"""The two ways in which PyPhi rounds to six decimals; the results differ only for values half way between two decimals."""

from __future__ import annotations

import numpy as np

from lightning_iit.phi.fast.compiling import kernel

PRECISION = 1e-6
"""PyPhi's PRECISION = 6: the distance between neighbouring rounded values."""


@kernel
def round_numpy(x: float) -> float:
    """Rounds as ``np.round(x, 6)`` does: scales, rounds halves to even, scales back."""
    return float(np.rint(x * 1e6) / 1e6)


@kernel
def round_python(x: float) -> float:
    """Rounds as Python's ``round(x, 6)`` does for x >= 0: to the decimal nearest to the exact value of x, halves to even.

    Where ``x * 1e6`` falls next to a half, the rounding error of this product decides; the error is computed exactly by Dekker's
    two-product (T. J. Dekker, Numerische Mathematik 18, 1971).
    """
    scaled = x * 1e6
    floor = float(int(scaled))
    excess = scaled - floor - 0.5
    if abs(excess) < 1e-6:
        c = 134217729.0 * x
        high = c - (c - x)
        low = x - high
        # 1e6 has 20 bits, so both partial products are exact
        excess += (high * 1e6 - scaled) + low * 1e6
        if excess == 0.0:
            floor += float(int(floor) % 2)
        elif excess > 0.0:
            floor += 1.0
        return floor / 1e6
    return (floor + 1.0) / 1e6 if excess > 0.0 else floor / 1e6
