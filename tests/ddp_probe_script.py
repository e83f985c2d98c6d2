"""Trains on CPU processes with weights frozen and a probe watched; run by test_probe.py."""

from __future__ import annotations

import sys

from lightning.pytorch import Trainer, seed_everything
from models import Gru, sequence_data

from lightning_iit import IITCallback


def main(folder: str, devices: int) -> None:
    seed_everything(3)
    callback = IITCallback("net.gru", units=3, probe=sequence_data(40, seed=7, batch=4), calibration_batches=3)
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=folder,
    )
    trainer.fit(Gru(lr=0.0), sequence_data(64))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
