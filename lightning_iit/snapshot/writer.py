"""Makes one network snapshot for each epoch: one batch is watched, and a background thread builds the snapshot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from lightning_iit.snapshot.recorder import SnapshotRecorder

if TYPE_CHECKING:
    from torch import nn

    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.records import NetworkSnapshot
    from lightning_iit.snapshot.draft import SnapshotDraft

log: logging.Logger = logging.getLogger(__name__)

Send = Callable[["NetworkSnapshot"], None]
"""A function that takes a finished snapshot; called in the background thread."""

_MOST_WAITING = 16
"""The most drafts that are kept until they are built; a draft holds activations and weights."""


class SnapshotWriter:
    """Watches one batch of each epoch and copies from the model what a network snapshot shows.

    Args:
        budget: the largest size of a snapshot's JSON, in bytes.
        seed: the seed for the choice of the sampled units; use one seed for the whole run.
    """

    def __init__(self, *, budget: int, seed: int) -> None:
        self._budget, self._seed = budget, seed
        self._recorder: SnapshotRecorder | None = None

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

    def draft(self, *, epoch: int, global_step: int) -> SnapshotDraft | None:
        """Copies what the snapshot needs.

        Args:
            epoch: the epoch that the snapshot shows.
            global_step: the trainer's global step.

        Returns:
            The copies, for :meth:`SnapshotQueue.put`; None before :meth:`begin`.
        """
        return None if self._recorder is None else self._recorder.draft(epoch=epoch, global_step=global_step)


class SnapshotQueue:
    """Builds the snapshots of a run in one background thread and passes them on in the order in which they were put in.

    At most 16 drafts wait: a further one is left out, which is logged once. Where a snapshot fails, that is logged, and the next
    one is built.

    Args:
        to: takes each finished snapshot, in the background thread.
    """

    def __init__(self, to: Send) -> None:
        self._to = to
        self._thread: ThreadPoolExecutor | None = None
        self._open: set[Future[None]] = set()
        self._left_out = False

    def put(self, draft: SnapshotDraft) -> None:
        """Has a snapshot built and passed on; returns at once."""
        self._open = {future for future in self._open if not future.done()}
        if len(self._open) >= _MOST_WAITING:
            if not self._left_out:
                msg = "Network snapshots take longer than the epochs: epoch %d is left out, and so are later ones while %d wait."
                log.warning(msg, draft.epoch, _MOST_WAITING)
            self._left_out = True
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="lightning-iit-network")
        self._open.add(self._thread.submit(self._build, draft))

    def close(self, timeout: float) -> None:
        """Waits for the snapshots that are open, at most ``timeout`` seconds; those that are not begun then are left out."""
        if self._thread is None:
            return
        left = wait(self._open, timeout).not_done
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._thread = None
        if left:
            log.warning("%d network snapshots were not built within %g s, and are left out.", len(left), timeout)

    def _build(self, draft: SnapshotDraft) -> None:
        """Builds one snapshot and passes it on; runs in the thread."""
        try:
            self._to(draft.build())
        except Exception:
            log.exception("The network snapshot of epoch %d could not be made; training goes on without it.", draft.epoch)
