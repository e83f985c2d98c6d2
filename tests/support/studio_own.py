"""Classes of a user's own, which the studio's tests train: ``studio_own:Slow``."""

from __future__ import annotations

import time

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch.utils.data import DataLoader, TensorDataset


class Slow(LightningModule):
    """Learns slowly.

    Args:
        hidden: how many units there are.
        pause: how long a step takes, in seconds.
        fails: whether the first step raises.
    """

    def __init__(self, hidden: int = 8, pause: float = 0.05, fails: bool = False) -> None:
        super().__init__()
        self.memory = torch.nn.RNN(2, hidden, batch_first=True)
        self.head = torch.nn.Linear(hidden, 1)
        self.pause, self.fails = pause, fails

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        time.sleep(self.pause)
        if self.fails:
            msg = "the moon is in the wrong house"
            raise RuntimeError(msg)
        return self.head(self.memory(batch[0])[0]).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Noise(LightningDataModule):
    """Has noise."""

    def __init__(self, many: int = 64) -> None:
        super().__init__()
        self.many = many

    def train_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(torch.randn(self.many, 6, 2)), batch_size=16)


class NoModule:
    """Is no module."""
