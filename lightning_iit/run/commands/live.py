"""What a training says of itself while somebody looks: how far it is, and what its units do."""

from __future__ import annotations

import logging
import math
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch

from lightning_iit.records.steering.activity import RING, ActivityRing
from lightning_iit.records.steering.status import STATUS, TrainingStatus, write_status
from lightning_iit.watch.guard import training_goes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lightning.pytorch import Trainer

    from lightning_iit.records.steering.status import Pace
    from lightning_iit.run.commands.audience import Audience
    from lightning_iit.snapshot.live import LiveActivity

log: logging.Logger = logging.getLogger(__name__)

_STATUS_EVERY = 0.5
"""The fewest seconds between two states that are written."""
_ACTIVITY_EVERY = 0.2
"""The fewest seconds between two steps whose activity is written."""


class Live:
    """Writes how far a training is, and the activity of single steps, while somebody looks; else nothing. Lives on the first rank.

    Args:
        trainer: the trainer, which has just begun.
        folder: the folder of commands.
        run: the run's id.
        audience: says whether somebody looks.
        layers: returns the names of the watched layers.
        waiting: returns how many analyses have no result yet.
        activity: copies activations; None where the run draws no network.
        units: returns the analysed units of each layer.
    """

    def __init__(
        self,
        trainer: Trainer,
        folder: Path,
        run: str,
        audience: Audience,
        *,
        layers: Callable[[], Sequence[str]],
        waiting: Callable[[], int],
        activity: LiveActivity | None,
        units: Callable[[], Mapping[str, Sequence[int]]],
    ) -> None:
        self.audience = audience
        self._trainer, self._folder, self._run = trainer, folder, run
        self._layers, self._waiting, self._activity, self._units = layers, waiting, activity, units
        self._ring = ActivityRing(folder / RING)
        self._next_status = self._next_activity = 0.0
        self._asked = self._broken = self._has_written = False
        self._batch = -1
        self._loss: float | None = None
        self._loss_at = -1
        self._began = time.monotonic(), self._progress(), trainer.global_step
        for name in (STATUS, RING):  # of an earlier part of the run
            with suppress(OSError):
                (folder / name).unlink(missing_ok=True)

    def after_batch(self, outputs: Any, batch_idx: int, *, ends: bool) -> None:
        """Writes what is due after a batch; called only while somebody looks.

        Args:
            outputs: what the training step returned.
            batch_idx: the index of the batch in its epoch.
            ends: whether the training ends after this epoch.
        """
        now = time.monotonic()
        if now >= self.audience.until or self._broken:
            self._stop()
            return
        self._batch = batch_idx
        with self._no_fault():
            if self._activity is not None:
                self._write_activity(self._activity, now)
            if now >= self._next_status:
                self._next_status = now + _STATUS_EVERY
                self._loss, self._loss_at = self._loss_of(outputs), self._trainer.global_step
                self._write("running", ends=ends)

    def while_paused(self, *, ends: bool) -> None:
        """Writes that training is paused; called again and again while it is."""
        now = time.monotonic()
        if self._broken or now >= self.audience.until:
            self._stop()
        elif now >= self._next_status:
            self._next_status = now + _STATUS_EVERY
            with self._no_fault():
                self._write("paused", ends=ends)

    def went_on(self, seconds: float) -> None:
        """Notes that a pause of so many seconds is over, which is not counted as time of training."""
        began, *rest = self._began
        self._began = (began + seconds, *rest)  # type: ignore[assignment]
        self._next_status = 0.0

    def end(self, *, broken: bool = False) -> None:
        """Says that no step follows, if anybody has ever looked, and takes the hooks away.

        Without this last word a page would tell for ever where the training was when somebody looked last.

        Args:
            broken: whether an error or an interrupt ended the training.
        """
        if not self._broken and (self._has_written or time.monotonic() < self.audience.until):
            with self._no_fault():
                progress: Any = self._trainer.fit_loop.epoch_loop.batch_progress.current
                self._batch = progress.processed - 1
                if self._loss_at != self._trainer.global_step:  # nobody saw the last batch
                    self._loss = None
                self._write("ending", ends=True, broken=broken)
        self._stop()

    def _stop(self) -> None:
        """Forgets that somebody looked; copies no more activity."""
        self.audience.until, self._asked = 0.0, False
        if self._activity is not None:
            with training_goes_on("taking hooks away"):
                self._activity.detach()

    @contextmanager
    def _no_fault(self) -> Iterator[None]:
        """Has training go on where writing fails: a disk may take the next file again; any other fault is said, and is the last."""
        try:
            yield
        except OSError as error:
            log.debug("Nobody hears how far training is: %s", error)
        except Exception:
            self._broken = True
            with training_goes_on("writing how far training is"):
                raise

    # --- what is written ---

    def _write_activity(self, activity: LiveActivity, now: float) -> None:
        """Writes the activity of the step that was asked for, and asks for another where one is due."""
        found = activity.take() if self._asked else []
        if found:
            self._asked = False
            units, values = zip(*found, strict=True)
            self._ring.write(self._trainer.global_step, units, values)
        if not self._asked and now >= self._next_activity:
            self._next_activity, self._asked = now + _ACTIVITY_EVERY, True
            activity.ask(self._units())

    def _write(self, pace: Pace, *, ends: bool, broken: bool = False) -> None:
        """Writes how far training is."""
        trainer = self._trainer
        status = TrainingStatus(
            run=self._run,
            pace=pace,
            epoch=trainer.current_epoch,
            epochs=None if trainer.max_epochs in {None, -1} else trainer.max_epochs,
            ends=ends,
            broken=broken,
            batch=self._batch + 1,
            batches=_whole(trainer.num_training_batches),
            step=trainer.global_step,
            steps=None if trainer.max_steps in {None, -1} else trainer.max_steps,
            loss=self._loss,
            seconds_left=self._seconds_left(ends=ends),
            waiting=self._waiting(),
            layers=tuple(self._layers()),
            written=time.time(),
        )
        self._has_written = True
        write_status(self._folder, status)

    def _loss_of(self, outputs: Any) -> float | None:
        """Returns the loss that a training step returned; Lightning divides it by the number of batches that make a step."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            return None
        automatic = self._trainer.lightning_module.automatic_optimization
        value = float(loss.detach()) * (self._trainer.accumulate_grad_batches if automatic else 1)
        return value if math.isfinite(value) else None

    def _progress(self) -> float:
        """Returns how many epochs were made, with the part of this one; that of an epoch of unknown length is 0."""
        batches = self._trainer.num_training_batches
        part = (self._batch + 1) / batches if batches and math.isfinite(batches) else 0.0
        return self._trainer.current_epoch + part

    def _seconds_left(self, *, ends: bool) -> float | None:
        """Returns about how long the training goes on, at the pace since it began; None where that is not known."""
        trainer = self._trainer
        began, progress, step = self._began
        passed = time.monotonic() - began
        epochs = trainer.current_epoch + 1 if ends else trainer.max_epochs
        known = []
        for made, left in (
            (self._progress() - progress, math.inf if epochs in {None, -1} else epochs - self._progress()),
            (trainer.global_step - step, math.inf if trainer.max_steps in {None, -1} else trainer.max_steps - trainer.global_step),
        ):
            if made > 0 and math.isfinite(left):
                known.append(max(0.0, left) * passed / made)
        return min(known, default=None)


def _whole(number: float | None) -> int | None:
    """Returns a number of batches; None where it is not known."""
    return int(number) if number is not None and math.isfinite(number) else None
