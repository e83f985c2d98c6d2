"""Trains on two CPU processes, of which the second is slower, and takes commands; run by run/test_control.py."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.strategies import DDPStrategy
from models import Gru, sequence_data

from lightning_iit import IITCallback


class Slower(Callback):
    """Makes the second rank slower, and writes at the end how many steps each rank made in which epoch."""

    def __init__(self):
        self.steps = []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        time.sleep(0.15 if trainer.global_rank else 0.02)
        self.steps.append((trainer.current_epoch, trainer.global_step))

    def on_train_end(self, trainer, module):
        Path(trainer.default_root_dir, f"steps-of-rank-{trainer.global_rank}").write_text(str(self.steps))


def main(folder: str) -> None:
    seed_everything(3)
    callback = IITCallback("net.gru", units=3, groups=2, table=False)
    Trainer(
        max_epochs=30,
        min_epochs=3,
        accelerator="cpu",
        devices=2,
        strategy=DDPStrategy(timeout=timedelta(seconds=20)),
        callbacks=[callback, Slower()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=folder,
    ).fit(Gru(), sequence_data(16 * 2 * 20))


if __name__ == "__main__":
    main(sys.argv[1])
