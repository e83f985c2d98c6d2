"""Computes Φ from checkpoints: trains without the plugin, then sweeps the checkpoint files that the training wrote."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit import sweep
from lightning_iit.records import Records


class Memory(LightningModule):
    """Learns with a recurrent layer to say at each step whether the last two bits differed."""

    def __init__(self, hidden: int = 12) -> None:
        super().__init__()
        self.memory = nn.GRU(1, hidden, batch_first=True)
        self.answer = nn.Linear(hidden, 1)

    def forward(self, bits: torch.Tensor) -> torch.Tensor:
        return self.answer(self.memory(bits)[0])

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        bits, wanted = batch
        return nn.functional.binary_cross_entropy_with_logits(self(bits)[:, 1:], wanted[:, 1:])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


def data(samples: int, seed: int) -> TensorDataset:
    """Returns sequences of 16 random bits, and for each bit whether it differs from the bit before."""
    bits = torch.randint(2, (samples, 16, 1), generator=torch.Generator().manual_seed(seed)).float()
    return TensorDataset(bits, (bits != bits.roll(1, 1)).float())


def main(epochs: int = 5, root: str = "runs/checkpoints") -> Records:
    """Trains, analyses the recurrent layer of each checkpoint (systems of four units), and returns the records."""
    seed_everything(0, verbose=False)
    keep = ModelCheckpoint(root, filename="{epoch:02d}", save_top_k=-1)
    Trainer(max_epochs=epochs, logger=False, callbacks=[keep]).fit(Memory(), DataLoader(data(1024, 0), 64, shuffle=True))
    held_out = DataLoader(data(256, 1), 64)
    found = sweep(f"{root}/*.ckpt", Memory, held_out, "memory", units=4, workers=0, log_dir=root)
    for record in found.records:
        null = "" if record.null is None else f"null up to {record.null.upper:.4f}, p = {record.null.p:.2f}"
        print(f"epoch {record.epoch}  Φ = {record.phi}  {record.kind}  {null}  {record.result.reason}")
    print("", *found.notes, found.words, *found.failures_in_words, f"lightning-iit view {root}", sep="\n")
    return found.records


if __name__ == "__main__":
    main()
