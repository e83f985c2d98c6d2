"""The counts of a layer's last epochs, which are added up to estimate one TPM."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import Counts, Dynamics  # noqa: TC001  msgspec reads the annotations
from lightning_iit.tpm.counts import merge, merge_dynamics

if TYPE_CHECKING:
    from collections.abc import Iterable


class WindowEpoch(msgspec.Struct, frozen=True):
    """Holds the counts of one epoch, and its data for the tests of Markov order and stationarity (None where not counted)."""

    counts: Counts
    dynamics: Dynamics | None


class Window:
    """Holds the counts of a layer's last epochs and adds them up.

    Args:
        size: the number of epochs.
        epochs: the epochs to begin with, the oldest first.

    Attributes:
        epochs: the epochs in the window, the oldest first.
    """

    def __init__(self, size: int, epochs: Iterable[WindowEpoch] = ()) -> None:
        self._size = size
        self.epochs: deque[WindowEpoch] = deque(epochs, maxlen=size)

    def add(self, counts: Counts, dynamics: Dynamics | None) -> None:
        """Adds the counts of an epoch; drops the oldest epoch where the window is full."""
        self.epochs.append(WindowEpoch(counts, dynamics))

    @property
    def carried(self) -> list[WindowEpoch]:
        """Returns the epochs that will still be in the window with the next epoch: all but the oldest of a full window."""
        return list(self.epochs)[-(self._size - 1) :] if self._size > 1 else []

    @property
    def counts(self) -> Counts:
        """Returns the sum of the counts of all epochs in the window."""
        return merge(epoch.counts for epoch in self.epochs)

    @property
    def dynamics(self) -> Dynamics | None:
        """Returns the data for the tests of Markov order and stationarity over all epochs; None where an epoch has none."""
        parts = [epoch.dynamics for epoch in self.epochs if epoch.dynamics is not None]
        return merge_dynamics(parts) if parts and len(parts) == len(self.epochs) else None


def window_key(layer: str, group: int) -> str:
    """Returns the key of a group's window: the layer's name, with the number of a further group after a space."""
    return f"{layer} {group}" if group else layer
