"""Rounding to six decimals, as PyPhi does, but so that rounding errors never tell apart what is equal."""

from __future__ import annotations

import numpy as np

from lightning_iit.phi.compiling import kernel

PRECISION = 1e-6
"""PyPhi's PRECISION = 6: the distance between neighbouring rounded values."""


@kernel
def round_phi(x: float) -> float:
    """Rounds φ or Φ to six decimals, halves to even, after eleven decimals have taken off the rounding errors of x.

    PyPhi takes φ that are equal in six decimals as equal, and of purviews with equal φ the largest. In TPMs counted from some
    hundred backgrounds, φ of several purviews is often one and the same number with a 5 in the seventh decimal, such as 7/640.
    The errors of their sums, about 1e-16, then lie on both sides of it, and would decide which purview wins.
    """
    return float(np.rint(np.rint(x * 1e11) / 1e5) / 1e6)
