"""Trains on two CPU processes with weights frozen, and writes what was counted; run by test_run_ddp.py."""

from __future__ import annotations

import sys

import torch
from lightning.pytorch import Trainer, seed_everything
from models import Gru, Mlp, flat_data, sequence_data

from lightning_iit import IITCallback


def main(folder: str, transitions: str, devices: int) -> None:
    seed_everything(3)
    model, loader, layer = (Gru(lr=0.0), sequence_data(64), "net.gru") if transitions == "time" else (Mlp(), flat_data(64), "net.1")
    if transitions == "stream":
        model.configure_optimizers = lambda: torch.optim.SGD(model.parameters(), lr=0.0)
    callback = IITCallback(layer, units=[0, 1, 2], threshold="zero", transitions=transitions, initial=False, tpm="observe")
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
    trainer.fit(model, loader)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
