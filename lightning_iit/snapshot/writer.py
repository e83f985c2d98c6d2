"""Makes one network snapshot for each epoch: one batch is watched, and a background thread builds the snapshot."""

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
"""A function that takes a finished snapshot; called in the background thread."""


class SnapshotWriter:
    """Watches one batch of each epoch and sends a network snapshot, which a thread of the writer builds.

    Args:
        budget: the largest size of a snapshot's JSON, in bytes.
        seed: the seed for the choice of the sampled units; use one seed for the whole run.
    """

    def __init__(self, *, budget: int, seed: int) -> None:
        self._budget, self._seed = budget, seed
        self._recorder: SnapshotRecorder | None = None
        self._thread: ThreadPoolExecutor | None = None

    def begin(self, model: nn.Module) -> None:
        """Sets the model to watch.

        Raises:
            InvalidArgumentError: the budget is below 2,000 bytes.
        """
        self._recorder = SnapshotRecorder(model, budget=self._budget, seed=self._seed)

    def before_batch(self, units: Mapping[str, Sequence[int]], gate: Gate) -> None:
        """Puts hooks on the model before the batch that is watched.

        Args:
            units: the analysed units of each layer, by module name.
            gate: says which calls belong to the batch.
        """
        if self._recorder is not None:
            for layer, indices in units.items():
                self._recorder.analyse(layer, indices)
            self._recorder.attach(gate)

    def after_batch(self) -> None:
        """Removes the hooks after the batch that is watched."""
        if self._recorder is not None:
            self._recorder.detach()

    def send(self, to: Send, *, epoch: int, global_step: int) -> None:
        """Copies what the snapshot needs, builds the snapshot in the background and passes it to ``to``.

        Args:
            to: takes the finished snapshot, in the background thread.
            epoch: the epoch that the snapshot shows.
            global_step: the trainer's global step.
        """
        if self._recorder is None:
            return
        draft = self._recorder.draft(epoch=epoch, global_step=global_step)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="lightning-iit-network")
        self._thread.submit(lambda: to(draft.build()))

    def close(self) -> None:
        """Waits until every snapshot is built and sent, and ends the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            self._thread = None
