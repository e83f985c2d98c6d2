"""Trains on two CPU processes and writes the weights of each; run by watch/test_untrained_ranks.py."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.strategies import DDPStrategy
from models import Mlp, flat_data
from torch import distributed

from lightning_iit import IITCallback


class Breaking(Mlp):
    """Whose step fails in the pass of the untrained network, on the second rank."""

    breaks = False

    def training_step(self, batch, index):
        if self.breaks and self._current_fx_name != "training_step" and index == 1 and distributed.get_rank() == 1:
            raise RuntimeError("batch 1 cannot be run")
        return super().training_step(batch, index)


def main(folder: str, how: str) -> None:
    seed_everything(3)
    model = Breaking(dropout=0.3)
    model.breaks = how == "breaks"
    callback = IITCallback("net.1", units=[0, 1], threshold="zero", network=False)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        devices=2,
        # Ranks that wait for each other in vain give up soon.
        strategy=DDPStrategy(timeout=timedelta(seconds=60)),
        callbacks=[callback if how != "plain" else Callback()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=folder,
    )
    trainer.fit(model, flat_data(1024))
    torch.save([model.state_dict(), torch.get_rng_state()], Path(folder, f"{how}-{trainer.global_rank}.pt"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
