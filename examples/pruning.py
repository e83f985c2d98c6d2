"""Records Φ (perturbed units) while recurrent weights are pruned; only the remaining weights count as connections."""

from __future__ import annotations

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from torch.nn.utils import prune
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit import IITCallback


class Memory(LightningModule):
    """Learns with a recurrent layer to say at each step whether the last two bits differed."""

    def __init__(self, hidden: int = 12) -> None:
        super().__init__()
        self.memory = nn.RNN(1, hidden, batch_first=True)
        self.answer = nn.Linear(hidden, 1)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        bits, wanted = batch
        said = self.answer(self.memory(bits)[0])[:, 1:]
        return nn.functional.binary_cross_entropy_with_logits(said, wanted[:, 1:])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


class Prune(Callback):
    """Removes the smallest quarter of the remaining recurrent weights at the start of each epoch, from epoch 2 on."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch >= 2:
            prune.l1_unstructured(pl_module.memory, "weight_hh_l0", amount=0.25)


def main(epochs: int = 10, root: str = "runs/pruning") -> IITCallback:
    """Trains with pruning, prints Φ of each epoch and returns the callback."""
    seed_everything(0, verbose=False)
    bits = torch.randint(2, (1024, 16, 1)).float()
    data = DataLoader(TensorDataset(bits, (bits != bits.roll(1, 1)).float()), 64, shuffle=True)
    callback = IITCallback("memory", units=4, tpm="perturb", cm="weights")
    logger = TensorBoardLogger(root, name="", version="")
    Trainer(max_epochs=epochs, logger=logger, callbacks=[Prune(), callback], log_every_n_steps=8).fit(Memory(), data)
    for record in callback.records:
        left = 0.75 ** max(0, record.epoch - 1)
        phi = "-" if record.phi is None else f"{record.phi:.4f}"
        print(f"epoch {record.epoch:2}  {left:4.0%} of the recurrent weights left  Φ = {phi}  {record.result.reason}")
    return callback


if __name__ == "__main__":
    main()
