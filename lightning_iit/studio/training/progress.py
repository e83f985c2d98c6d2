"""Writes what a training logs, for the studio's list."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_iit.studio.records import Progress, write_progress

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 50
"""The most numbers that are kept."""


class ProgressWriter(Callback):
    """Writes the numbers that a training has logged into its run's folder, at the end of each epoch.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes them."""
        del pl_module
        if not trainer.is_global_zero:
            return
        found = {name: float(value) for name, value in trainer.callback_metrics.items() if value.numel() == 1}
        metrics = {name: value for name, value in list(found.items())[:_MOST] if math.isfinite(value)}
        with contextlib.suppress(OSError):  # a full disk must not end a training
            write_progress(self._folder, Progress(epoch=trainer.current_epoch, metrics=metrics))
