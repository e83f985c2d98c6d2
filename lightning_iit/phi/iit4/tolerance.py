"""When two computed numbers are taken as equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.phi.fast.compiling import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

TOLERANCE = 1e-13


def equal(a: float, b: float) -> bool:
    """Says whether two numbers differ by rounding only: by at most 1e-13, absolute or relative."""
    return abs(a - b) <= max(TOLERANCE, TOLERANCE * max(abs(a), abs(b)))


equal_numbers: Callable[[float, float], bool] = kernel(equal)
