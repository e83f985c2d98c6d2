"""The two ways in which PyPhi rounds to six digits; they differ on values half way between two of them."""

from __future__ import annotations

import numpy as np

from lightning_iit.phi.fast.compiling import kernel

PRECISION = 1e-6
"""PyPhi's PRECISION = 6: values nearer than this are not told apart."""


@kernel
def round_numpy(x: float) -> float:
    """``np.round(x, 6)``: scale, round half to even, scale back."""
    return float(np.rint(x * 1e6) / 1e6)


@kernel
def round_python(x: float) -> float:
    """``round(x, 6)`` of Python for x >= 0: the decimal nearest to the exact value of x, half to even.

    Where ``x * 1e6`` falls next to a half, the rounding error of that product decides; it is found exactly by Dekker's
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
