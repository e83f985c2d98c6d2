"""How long a training goes on, changed while it runs: it ends after this epoch, at once, or after another number of epochs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lightning_iit.run.commands.steering import Refused

if TYPE_CHECKING:
    from lightning.pytorch import Trainer


def check_may_stop(trainer: Trainer, *, now: bool) -> None:
    """Checks that Lightning would end a training after this epoch, or ``now``.

    Raises:
        Refused: the trainer's ``min_epochs`` or ``min_steps`` is not reached by then.
    """
    loop = trainer.fit_loop
    epochs = trainer.current_epoch + (not now)
    if loop.min_epochs and epochs < loop.min_epochs:
        msg = f"the trainer has min_epochs={loop.min_epochs}, and {epochs} would have ended by then."
        raise Refused(msg)
    steps = trainer.global_step if now else trainer.global_step + _steps_left(trainer)
    if loop.min_steps and steps < loop.min_steps:
        msg = f"the trainer has min_steps={loop.min_steps}, and {int(steps)} would have been made by then."
        raise Refused(msg)


def set_epochs(trainer: Trainer, epochs: int) -> str:
    """Sets how many epochs a training has; a number that is reached already ends it after this epoch.

    Returns:
        What was done, in a sentence.

    Raises:
        Refused: the number cannot be, is below the trainer's ``min_epochs``, or is beyond what a learning-rate scheduler allows.
    """
    if epochs < 1:
        msg = f"a training has 1 epoch or more, not {epochs}."
        raise Refused(msg)
    loop, before = trainer.fit_loop, trainer.fit_loop.max_epochs
    wanted = max(epochs, trainer.current_epoch + 1)
    if loop.min_epochs and wanted < loop.min_epochs:
        msg = f"the trainer has min_epochs={loop.min_epochs}."
        raise Refused(msg)
    for config in trainer.lr_scheduler_configs:
        total = getattr(config.scheduler, "total_steps", None)
        if isinstance(total, int):
            steps = wanted if config.interval == "epoch" else wanted * _steps_of_an_epoch(trainer)
            if steps > total:
                name = type(config.scheduler).__name__
                msg = f"the learning-rate scheduler {name} has total_steps={total}, and {wanted} epochs take {steps:g}."
                raise Refused(msg)
    loop.max_epochs = wanted
    said = (
        f"The training has {wanted} epochs now, not {before}" if before not in {-1, wanted} else f"The training has {wanted} epochs"
    )
    if wanted > epochs:
        return f"{said}, as epoch {trainer.current_epoch} has begun: it ends after this one."
    if trainer.max_steps != -1:
        return f"{said}; max_steps={trainer.max_steps} may end it earlier."
    return f"{said}."


def _steps_of_an_epoch(trainer: Trainer) -> float:
    """Returns how many optimizer steps an epoch has; infinite where it is not known."""
    batches = float(trainer.num_training_batches)
    return math.ceil(batches / trainer.accumulate_grad_batches) if math.isfinite(batches) else math.inf


def _steps_left(trainer: Trainer) -> float:
    """Returns about how many optimizer steps are left of this epoch; infinite where it is not known."""
    batches = float(trainer.num_training_batches) - trainer.fit_loop.epoch_loop.batch_progress.current.ready
    return max(0.0, batches / trainer.accumulate_grad_batches)
