"""Draws of one surrogate, of which something is not always defined."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lightning_iit.errors import UnusableSeriesError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_TRIES = 20
"""How often one surrogate is drawn at most."""


def drawn_until_measured(draw: Callable[[], _T], what: str) -> _T:
    """Returns what is measured of the first draw of which it is defined.

    Args:
        draw: draws one, with further random numbers each time, and measures it.
        what: what is drawn, for the error.

    Raises:
        UnusableSeriesError: it is not defined of 20 draws.
    """
    why = ""
    for _ in range(_TRIES):
        try:
            return draw()
        except (UnusableSeriesError, np.linalg.LinAlgError) as error:  # shifts that put a unit beside its own delayed copy
            why = str(error)
    msg = f"one of the {what} was drawn {_TRIES} times and could not be measured: {why}"
    raise UnusableSeriesError(msg)
