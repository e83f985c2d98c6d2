"""The rule that no fault of this package stops a training."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_warn

if TYPE_CHECKING:
    from collections.abc import Iterator

log: logging.Logger = logging.getLogger(__name__)


@contextmanager
def training_goes_on(doing: str) -> Iterator[None]:
    """Turns an Exception in its ``with`` block into a warning that says what it was ``doing``; training and plugin go on."""
    try:
        yield
    except Exception as error:
        log.exception("IITCallback: %s failed; training goes on.", doing)
        rank_zero_warn(f"IITCallback: {doing} failed ({type(error).__name__}: {error}); training goes on.")
