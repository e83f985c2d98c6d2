"""Records Φ of two layers while a small network learns handwritten digits (no download); `make demo` runs this file."""

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import MLFlowLogger, TensorBoardLogger
from rich.console import Console
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit import IITCallback
from lightning_iit.report.tables import epochs_table


class Digits(LightningModule):
    """Reads an image row by row with a GRU, then classifies the GRU's last state with an MLP."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.rows = nn.GRU(8, hidden, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(hidden, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.mlp(self.rows(images)[0][:, -1])

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        self.log("accuracy", (self(batch[0]).argmax(1) == batch[1]).float().mean(), prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def loaders() -> tuple[DataLoader, DataLoader]:
    """Returns the loaders of 1,500 training images and 297 validation images."""
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.images / 16, dtype=torch.float32), torch.tensor(digits.target))
    train, held_out = torch.utils.data.random_split(data, [1500, 297], torch.Generator().manual_seed(0))
    return DataLoader(train, 32, shuffle=True), DataLoader(held_out, 297)


def main(epochs: int = 6, root: str = "runs/demo") -> None:
    seed_everything(0, verbose=False)
    uri = f"sqlite:///{root}/mlflow.db"
    callback = IITCallback(["rows", "mlp.1"], table=False)
    six = IITCallback("rows", units=6, groups=1, states="mode", name="six-units", table=False)
    loggers = [TensorBoardLogger(root, name=""), MLFlowLogger("digits", tracking_uri=uri, artifact_location=f"{root}/mlflow")]
    Trainer(max_epochs=epochs, logger=loggers, callbacks=[six, callback], log_every_n_steps=10).fit(Digits(), *loaders())
    Console().print(epochs_table(callback.records), epochs_table(six.records))
    for one, name in ((callback, "rows"), (callback, "mlp.1"), (six, "rows")):
        print(f"\n{name}: {one.change(name).words}")
    print(f"\nOpen:  tensorboard --logdir {root}\n       mlflow ui --backend-store-uri {uri}\n       lightning-iit studio")


if __name__ == "__main__":
    main()
