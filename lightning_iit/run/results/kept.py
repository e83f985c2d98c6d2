"""The complete records of a run, and what is asked of them while it goes on."""

from __future__ import annotations

from collections import deque
from statistics import median_low
from typing import TYPE_CHECKING

from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import Computed, EpochRecord, Records, SystemPhi
from lightning_iit.records.logged import layer_phi

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from lightning_iit.records import PhiTask
    from lightning_iit.records.schema import Key

_TIMED = 5
"""So many of a layer's latest analyses say how long the next one takes."""


class KeptRecords:
    """Keeps the complete records of a run, one of each key; only one thread at a time may use them.

    Args:
        timed: whether an analysis is taken to last as long as the latest ones of its layer; otherwise as long as the engine says.

    Attributes:
        took: by layer, the seconds of its latest computed Φs, the oldest first.
    """

    def __init__(self, *, timed: bool = True) -> None:
        self._timed = timed
        self.took: dict[str, deque[float]] = {}
        self._records: dict[Key, EpochRecord] = {}
        self._newest: dict[tuple[str, bool], EpochRecord] = {}

    def keep(self, record: EpochRecord) -> None:
        """Keeps a record in the place of an earlier one of its key."""
        self._records[record.key] = record
        key = record.layer, layer_phi(record) is not None
        if record.step is None and (key not in self._newest or record.epoch >= self._newest[key].epoch):
            self._newest[key] = record
        if isinstance(record.result, (Computed, SystemPhi)):
            self.took.setdefault(record.layer, deque(maxlen=_TIMED)).append(record.result.seconds)

    def get(self, key: Key) -> EpochRecord | None:
        """Returns the record of this key; None where there is none."""
        return self._records.get(key)

    def is_computed(self, key: Key) -> bool:
        """Returns whether there is a record of this key, with a Φ."""
        return key in self._records and self._records[key].phi is not None

    def seconds(self, task: PhiTask) -> float:
        """Estimates the seconds of one analysis: what the layer's latest computed Φs took, or else the engine's estimate.

        It is the (low) median of them, since one alone may have waited for a core that others held.
        """
        took = self.took.get(task.layer) if self._timed else None
        return median_low(took) if took else choose_engine(task.engine, task.options).seconds(len(task.states[0]))

    def all(self) -> Records:
        """Returns the records in order of epoch, step and layer."""
        return Records.ordered(self._records.values())

    def without(self, keys: Collection[Any]) -> tuple[EpochRecord, ...]:
        """Returns the records of other keys than these, in the order in which they were kept."""
        return tuple(record for key, record in self._records.items() if key not in keys)

    def newest(self) -> Records:
        """Returns of each layer the newest record of an epoch with a Φ and the newest without one, in order of epoch and layer."""
        return Records.ordered(self._newest.values())
