"""The model and the data of the checkpoints that the tests sweep; the command line names them too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from models import Gru, sequence_data

if TYPE_CHECKING:
    from pathlib import Path

QUICK = {"units": 3, "groups": 2, "workers": 0, "null_model": None, "pictures": False, "progress": False}
LAYERS = "net.*"


class Kept(Gru):
    """Keeps its hyperparameters, which differ from the defaults."""

    def __init__(self, hidden: int = 16, lr: float = 0.1) -> None:
        super().__init__(hidden, lr)
        self.save_hyperparameters()


def batches() -> list[torch.Tensor]:
    """The data of the sweeps."""
    return [batch[0] for batch in sequence_data(40, seed=3)]


def train_with_checkpoints(folder: Path) -> None:
    """Writes the checkpoints of one training: before it, after each epoch, within one, and the last one once more."""
    torch.manual_seed(0)
    keep = [
        ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1, save_last=True),
        ModelCheckpoint(folder, filename="within-{step}", every_n_train_steps=2, save_top_k=-1),
    ]
    model = Kept(12, lr=0.5)
    trainer = Trainer(max_epochs=3, logger=False, callbacks=keep, enable_progress_bar=False, enable_model_summary=False)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(folder / "before.ckpt")
    trainer.fit(model, sequence_data(48), datamodule=None)
    trainer.save_checkpoint(folder / "trained.ckpt")
    for file in folder.glob("within-*"):
        if file.name != "within-step=5.ckpt" and file.name != "within-step=4.ckpt":
            file.unlink()
