"""The counts of a layer's last epochs, which together make one TPM."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import Counts, Dynamics  # noqa: TC001  msgspec reads the annotations
from lightning_iit.tpm.counts import merge, merge_dynamics

if TYPE_CHECKING:
    from collections.abc import Iterable


class WindowEpoch(msgspec.Struct, frozen=True):
    """What was counted in one epoch."""

    counts: Counts
    dynamics: Dynamics | None


class Window:
    """The counts of the last epochs of one layer.

    Args:
        size: how many epochs.
        epochs: those to begin with, the oldest first.

    Attributes:
        epochs: those that are in it, the oldest first.
    """

    def __init__(self, size: int, epochs: Iterable[WindowEpoch] = ()) -> None:
        self._size = size
        self.epochs: deque[WindowEpoch] = deque(epochs, maxlen=size)

    def add(self, counts: Counts, dynamics: Dynamics | None) -> None:
        """Takes the counts of a further epoch; those of the oldest one are forgotten where there are too many."""
        self.epochs.append(WindowEpoch(counts, dynamics))

    @property
    def carried(self) -> list[WindowEpoch]:
        """Those that the next epoch will be joined to."""
        return list(self.epochs)[-(self._size - 1) :] if self._size > 1 else []

    @property
    def counts(self) -> Counts:
        """The counts of all its epochs."""
        return merge(epoch.counts for epoch in self.epochs)

    @property
    def dynamics(self) -> Dynamics | None:
        """What the tests of Markov order and stationarity need, of all its epochs; None where one of them has none."""
        parts = [epoch.dynamics for epoch in self.epochs if epoch.dynamics is not None]
        return merge_dynamics(parts) if parts and len(parts) == len(self.epochs) else None
