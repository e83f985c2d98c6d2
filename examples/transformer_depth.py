"""Records Φ with depth as the axis: units are coordinates of the residual stream, and one step is one transformer block."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel

from lightning_iit import IITCallback


class Copier(LightningModule):
    """Learns to repeat the first half of a sequence, with a small GPT-2 that is not pretrained."""

    def __init__(self) -> None:
        super().__init__()
        sizes = {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 32, "vocab_size": 16}
        self.gpt = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0, use_cache=False))

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        loss = self.gpt(batch[0], labels=batch[0]).loss
        self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def main(epochs: int = 5, root: str = "runs/transformer_depth") -> IITCallback:
    """Trains, prints Φ of each epoch and returns the callback."""
    seed_everything(0, verbose=False)
    half = torch.randint(16, (1024, 8))
    callback = IITCallback("gpt.transformer.h.*", transitions="depth", units=4)
    logger = TensorBoardLogger(root, name="", version="")
    trainer = Trainer(max_epochs=epochs, logger=logger, callbacks=[callback], log_every_n_steps=8)
    trainer.fit(Copier(), DataLoader(TensorDataset(torch.cat([half, half], dim=1)), 64, shuffle=True))
    for record in callback.records:
        phi = "-" if record.phi is None else f"{record.phi:.4f}"
        print(f"epoch {record.epoch:2}  {record.layer}  Φ = {phi}  ({record.kind}, axis {record.axis}) {record.result.reason}")
    return callback


if __name__ == "__main__":
    main()
