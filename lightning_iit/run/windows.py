"""The counts of a layer's last epochs, which are added up to estimate one TPM."""

from __future__ import annotations

import json
import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from lightning_iit.records import Counts, Dynamics  # noqa: TC001  msgspec reads the annotations
from lightning_iit.tpm.counts import merge, merge_dynamics

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Watched(NamedTuple):
    """Names what a run counts by itself: a layer's units, or a further group of these.

    Args:
        layer: the layer's name.
        group: the number of the group; 0 is the first one.
        within: whether the counts are those within epochs (``every_n_steps``).
    """

    layer: str
    group: int = 0
    within: bool = False

    @property
    def text(self) -> str:
        """Returns the name as a key in a checkpoint."""
        return json.dumps([self.layer, self.group, self.within])

    @classmethod
    def of_text(cls, text: str, layers: Collection[str]) -> Watched:
        """Reads a key of a checkpoint; in older ones a number after the layer's name and a space is that of a group.

        Args:
            text: the key.
            layers: the names of the layers in the checkpoint.

        Example:
            >>> Watched.of_text('["a 1", 0, false]', ["a"]), Watched.of_text("a 1", ["a"])
            (Watched(layer='a 1', group=0, within=False), Watched(layer='a', group=1, within=False))
        """
        try:
            layer, group, within = json.loads(text)
        except (ValueError, TypeError):
            name = text if text in layers else text.removesuffix(" steps")
            found = re.fullmatch(r"(.*) (\d+)", name, re.DOTALL)
            if found is not None and name not in layers and found[1] in layers:
                return cls(found[1], int(found[2]), name != text)
            return cls(name, 0, name != text)
        return cls(layer, group, within)


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
