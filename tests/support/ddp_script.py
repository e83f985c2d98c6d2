"""Trains on two CPU processes with weights frozen, and writes what was counted; run by run/test_ddp.py."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import psutil
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from models import Gru, Mlp, flat_data, sequence_data

from lightning_iit import IITCallback


class CountWorkers(Callback):
    """Writes how many worker processes each rank has while it trains."""

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            deadline = time.monotonic() + 60.0
            while trainer.is_global_zero and not workers() and time.monotonic() < deadline:
                time.sleep(0.1)
            trainer.strategy.barrier()
            Path(trainer.default_root_dir, f"workers-of-rank-{trainer.global_rank}").write_text(str(len(workers())))


def workers() -> list[psutil.Process]:
    """Processes that a fork server of this process has forked."""
    servers = [child for child in psutil.Process().children() if any("forkserver" in part for part in child.cmdline())]
    return [worker for server in servers for worker in server.children()]


class CountClients(Callback):
    """Writes whether each rank is connected to a scheduler of Dask."""

    def on_train_epoch_end(self, trainer, pl_module):
        connected = any("dask" in thread.name for thread in threading.enumerate())
        Path(trainer.default_root_dir, f"clients-of-rank-{trainer.global_rank}").write_text(str(int(connected)))


def main(folder: str, transitions: str, devices: int) -> None:
    seed_everything(3)
    perturbed = transitions == "perturbed"
    if perturbed:
        transitions = "time"
    model, loader, layer = (Gru(lr=0.0), sequence_data(64), "net.gru") if transitions == "time" else (Mlp(), flat_data(64), "net.1")
    if transitions == "stream":
        model.configure_optimizers = lambda: torch.optim.SGD(model.parameters(), lr=0.0)
    tpm = "perturb" if perturbed else "observe"
    units = {"units": [0, 1, 2]} if transitions == "stream" else {"units": 3, "groups": 5, "selection": "random"}
    executor = os.environ.get("IIT_EXECUTOR", "processes")
    callback = IITCallback(layer, **units, threshold="zero", transitions=transitions, initial=False, tpm=tpm, executor=executor)
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        callbacks=[callback, CountWorkers() if executor == "processes" else CountClients()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=folder,
    )
    trainer.fit(model, loader)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
