"""Trains on CPU processes with weights frozen and a probe watched, which may break; run by watch/test_probe.py."""

from __future__ import annotations

import sys
from datetime import timedelta

from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.strategies import DDPStrategy
from models import Gru, sequence_data
from torch import distributed

from lightning_iit import IITCallback


class Breaking(Gru):
    """Whose third call fails, in a pass over the probe, on the second rank."""

    def __init__(self, breaks: str) -> None:
        super().__init__(lr=0.0)
        self.breaks, self.calls = breaks, 0

    def forward(self, x):
        beside = not self.training
        self.calls += beside
        if beside and self.breaks != "nowhere" and self.calls == 3 and distributed.get_rank() == 1:
            raise RuntimeError("batch 2 cannot be run")
        return super().forward(x)


def main(folder: str, devices: int, breaks: str) -> None:
    seed_everything(3)
    probe = sequence_data(40, seed=7, batch=4)
    callback = IITCallback("net.gru", units=3, probe=probe, calibration_batches=3)
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=devices,
        # Ranks that wait for each other in vain give up soon.
        strategy=DDPStrategy(timeout=timedelta(seconds=30)) if devices > 1 else "auto",
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=folder,
    )
    trainer.fit(Breaking(breaks), sequence_data(64))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
