"""The analyses of a sweep: one pool and one folder for all checkpoints, so that the next one is run while Φ is computed."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightning_iit.analysis import close_computation, pool_for
from lightning_iit.phi.pool.executor_pool import ExecutorPool
from lightning_iit.run.computation import Computation
from lightning_iit.run.resume import EarlierPart
from lightning_iit.run.windows import Watched
from lightning_iit.trackers.registry import trackers_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.records import EpochRecord
    from lightning_iit.records.schema import Key
    from lightning_iit.settings import Settings
    from lightning_iit.sweeps.checkpoints import Moment
    from lightning_iit.sweeps.ledger import Ledger
    from lightning_iit.watch.watch import Watch

_LEAST_OPEN = 16
"""So many analyses may be open at least before the next checkpoint waits; an open one holds its data."""
_OPEN_PER_WORKER = 3
"""So many for each worker, so that none waits for a checkpoint to be run."""
_NO_LIMIT = 10**9
_TICK = 0.2
"""Seconds between two looks at whether an analysis has ended."""


class Computing:
    """Has the captured layers of one checkpoint after the other analysed, while it is a context.

    Args:
        settings: all options.
        folder: the run's directory.
        ledger: what was swept into it; the choice of units that vary is kept there.
        there: by key, the records that are complete.
    """

    def __init__(self, settings: Settings, folder: Path, ledger: Ledger, there: Mapping[Key, EpochRecord]) -> None:
        self._settings = settings
        self._folder = folder
        self._ledger = ledger
        self._there = there
        self._work: Computation | None = None
        self._futures: list[Future[Any]] = []
        self.submitted: int = 0
        """How many analyses were submitted."""

    def __enter__(self) -> Self:
        """Does nothing: workers are started when there is something to compute."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Writes the report and ends the workers; after an error it ends them at once."""
        if self._work is None:
            return
        if error is None:
            close_computation(self._work, self._folder)
        else:
            self._work.close()

    @property
    def ended(self) -> int:
        """Returns how many of the submitted analyses have ended."""
        return self.submitted - len(self._open())

    def submit(self, watch: Watch, captured: Sequence[LayerEpoch], moment: Moment, waiting: Callable[[], None]) -> None:
        """Submits the captured layers of a checkpoint; waits first while many analyses are open.

        Args:
            watch: captured the layers.
            captured: the layers.
            moment: when in the training the checkpoint was written.
            waiting: called while it waits.
        """
        work = self._work = self._work or self._begin(watch)
        most = self._most_open(work)
        while len(left := self._open()) >= most:
            wait(left, _TICK, return_when=FIRST_COMPLETED)
            waiting()
        self.submitted += len(captured)
        self._futures += work.submit(
            watch, captured, epoch=moment.epoch, global_step=moment.global_step, step=moment.step, last=True
        )
        self._ledger.varying = {key.text: units for key, units in work.run.part().varying.items()}
        self._ledger.write(self._folder)

    def wait(self, waiting: Callable[[], None]) -> None:
        """Waits for all analyses; ends them where none has ended for ``drain_timeout`` seconds.

        Args:
            waiting: called now and then.
        """
        if self._work is None:
            return
        before, since = len(self._open()), time.monotonic()
        while left := self._open():
            wait(left, _TICK, return_when=FIRST_COMPLETED)
            waiting()
            if len(left) < before:
                before, since = len(left), time.monotonic()
            if time.monotonic() - since > self._settings.drain_timeout:
                break
        self._work.pool.drain(self._settings.drain_timeout)  # it also waits until the results are received

    def _open(self) -> list[Future[Any]]:
        """Returns the analyses that have not ended; that of a layer that was perturbed beside is the result of the perturbation."""
        inner = (one.result() if one.done() and isinstance(one.result(), Future) else one for one in self._futures)
        self._futures = [one for one in inner if not one.done()]
        return self._futures

    def _most_open(self, work: Computation) -> int:
        """Returns how many analyses may be open when a further checkpoint is submitted."""
        slots = work.pool.slots() if isinstance(work.pool, ExecutorPool) else self._settings.workers
        return max(_LEAST_OPEN, _OPEN_PER_WORKER * slots)

    def _begin(self, watch: Watch) -> Computation:
        """Starts workers and trackers, and takes up what is there."""
        settings = self._settings
        trackers = trackers_for((), self._folder, settings.trackers)
        # Which checks a checkpoint gets must not depend on what was computed before it, or here.
        asked = replace(settings.run_options(), timed=False)
        work = Computation(asked, pool_for(settings, _NO_LIMIT), trackers, settings.described(watch.layers))
        varying = {Watched.of_text(key, watch.layers): units for key, units in self._ledger.varying.items()}
        earlier = EarlierPart(records=tuple(self._there.values()), varying=varying, folder=self._folder, here=True)
        work.run.take_up(earlier)
        return work
