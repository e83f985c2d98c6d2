"""One network snapshot for each epoch: what of a batch is watched, and where the snapshot is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lightning_iit.snapshot.recorder import SnapshotRecorder

if TYPE_CHECKING:
    from torch import nn

    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.records import NetworkSnapshot

Send = Callable[["NetworkSnapshot"], None]


class SnapshotWriter:
    """Watches one batch of each epoch and sends a snapshot of the network at the epoch's end.

    Snapshots are built in a thread of their own.

    Args:
        budget: the most bytes that a snapshot's JSON may have.
        seed: chooses the sampled units; the same for the whole run.

    Raises:
        InvalidArgumentError: a budget in which no network fits.
    """

    def __init__(self, *, budget: int, seed: int) -> None:
        self._budget, self._seed = budget, seed
        self._recorder: SnapshotRecorder | None = None
        self._thread: ThreadPoolExecutor | None = None

    def begin(self, model: nn.Module) -> None:
        """Will watch this model."""
        self._recorder = SnapshotRecorder(model, budget=self._budget, seed=self._seed)

    def before_batch(self, units: Mapping[str, Sequence[int]], gate: Gate) -> None:
        """Puts the hooks on before the batch that is watched.

        Args:
            units: the analysed ones of each layer.
            gate: says which calls belong to the batch.
        """
        if self._recorder is not None:
            for layer, indices in units.items():
                self._recorder.analyse(layer, indices)
            self._recorder.attach(gate)

    def after_batch(self) -> None:
        """Takes the hooks off again."""
        if self._recorder is not None:
            self._recorder.detach()

    def send(self, to: Send, *, epoch: int, global_step: int) -> None:
        """Copies what the snapshot needs, builds it in the background and hands it over."""
        if self._recorder is None:
            return
        draft = self._recorder.draft(epoch=epoch, global_step=global_step)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="lightning-iit-network")
        self._thread.submit(lambda: to(draft.build()))

    def close(self) -> None:
        """Waits until every snapshot is handed over."""
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            self._thread = None
