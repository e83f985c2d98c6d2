"""Records Φ of an MLP on MNIST: `python examples/mnist_mlp.py` (downloads), or `--root FOLDER` with the test set's IDX files."""

from __future__ import annotations

import argparse
import gzip
import shutil
import tempfile
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision.datasets import MNIST
from torchvision.datasets.mnist import read_image_file, read_label_file
from torchvision.transforms.functional import to_tensor

from lightning_iit import IITCallback


class Classifier(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        loss = cross_entropy(self.net(batch[0]), batch[1])
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def images(root: Path | None) -> Dataset:
    if root is None:
        return MNIST("data", download=True, transform=to_tensor)
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(root.glob("t10k-*-ubyte.gz")):
            with gzip.open(file) as packed, Path(folder, file.stem).open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        pixels = read_image_file(f"{folder}/t10k-images-idx3-ubyte").float().unsqueeze(1) / 255
        return TensorDataset(pixels, read_label_file(f"{folder}/t10k-labels-idx1-ubyte"))


def main() -> IITCallback:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--root", type=Path, help="folder with t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz")
    arguments.add_argument("--epochs", type=int, default=3)
    given = arguments.parse_args()
    seed_everything(0, verbose=False)
    callback = IITCallback()
    Trainer(max_epochs=given.epochs, callbacks=[callback]).fit(Classifier(), DataLoader(images(given.root), 64, shuffle=True))
    return callback


if __name__ == "__main__":
    main()
