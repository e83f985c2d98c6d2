"""Measures all 48 units of an LSTM that learns to write English, over training: Φ*, and synergy of its pairs of units.

The text is Python's own help. Both numbers are statistics of activity on fixed sequences, less the mean of their null.
"""

from __future__ import annotations

from pydoc_data.topics import topics

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from lightning_iit import IITCallback

TEXT = " ".join(" ".join(topics.values()).split())[:160_000]
LETTERS = sorted(set(TEXT))
STEPS = 64


class Writer(LightningModule):
    """Says which character comes next."""

    def __init__(self, hidden: int = 48) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), 32)
        self.lstm = nn.LSTM(32, hidden, batch_first=True)
        self.next = nn.Linear(hidden, len(LETTERS))

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        return self.next(self.lstm(self.embed(codes))[0])

    def training_step(self, codes: torch.Tensor, _: int) -> torch.Tensor:
        loss = cross_entropy(self(codes[:, :-1]).transpose(1, 2), codes[:, 1:])
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


def main(epochs: int = 4, root: str = "runs/whole_layer") -> IITCallback:
    seed_everything(0, verbose=False)
    codes = torch.tensor([LETTERS.index(letter) for letter in TEXT]).unfold(0, STEPS + 1, STEPS)
    probe = codes[torch.randperm(len(codes))[:96]]
    callback = IITCallback("lstm", units=3, groups=4, measures=("phi_star", "phiid"), probe=[probe[:, :-1]])
    logger = TensorBoardLogger(root, name="", version="")
    Trainer(max_epochs=epochs, logger=logger, callbacks=[callback]).fit(Writer(), DataLoader(codes, 32, shuffle=True))
    print("epoch  Φ* of the loosest cut  Φ* between all units  synergy of pairs")
    for record in callback.records:
        star, synergy = record.whole["phi_star"], record.whole.pairs["synergy"]
        print(f"{record.epoch:5}  {star.minimum.excess:22.4f}  {star.atomic.excess:21.3f}  {synergy.excess:16.5f}")
    return callback


if __name__ == "__main__":
    main()
