"""Runs the digits example with LightningCLI: `python examples/cli.py fit --config examples/config.yaml`.

The callback and its options are in the YAML file.
"""

from __future__ import annotations

from digits_mlp import Digits, loaders
from lightning.pytorch import LightningDataModule
from lightning.pytorch.cli import LightningCLI
from torch.utils.data import DataLoader


class DigitsData(LightningDataModule):
    """Loads the handwritten digits of `digits_mlp.py`."""

    def train_dataloader(self) -> DataLoader:
        return loaders()[0]

    def val_dataloader(self) -> DataLoader:
        return loaders()[1]


if __name__ == "__main__":
    LightningCLI(Digits, DigitsData)
