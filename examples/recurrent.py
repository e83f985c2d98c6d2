"""Compares two kinds of Φ of a GRU that learns to remember: units set into each state (perturbed) and units watched (observed)."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit import IITCallback, System, compute_phi
from lightning_iit.records import Computed, EpochRecord
from lightning_iit.tpm.estimate import tpm_from_counts
from lightning_iit.tpm.states import choose_states


class Recall(LightningModule):
    """Says at each step whether the bit two steps ago and the bit three steps ago differ: this needs memory and XOR."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.memory = nn.GRU(1, hidden, batch_first=True)
        self.answer = nn.Linear(hidden, 1)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        bits, wanted = batch
        loss = binary_cross_entropy_with_logits(self.answer(self.memory(bits)[0])[:, 3:], wanted[:, 3:])
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


def observed_phi(record: EpochRecord) -> str:
    """Returns Φ of the watched transitions (coded by their own thresholds) in their most visited state, or why there is none."""
    if record.observed is None:
        return "-"
    (state,) = choose_states(record.observed.visits, None, "mode")
    result = compute_phi(System(tpm=tpm_from_counts(record.observed).state_by_node, state=state))
    return f"{result.phi:.4f}" if isinstance(result, Computed) else result.reason


def main(epochs: int = 8, root: str = "runs/recurrent") -> IITCallback:
    seed_everything(1, verbose=False)
    bits = torch.randint(2, (1024, 20, 1)).float()
    wanted = (bits.roll(2, 1) != bits.roll(3, 1)).float()
    callback = IITCallback("memory", units=4, tpm="perturb")
    logger = TensorBoardLogger(root, name="", version="")
    data = DataLoader(TensorDataset(bits, wanted), 64, shuffle=True)
    Trainer(max_epochs=epochs, logger=logger, callbacks=[callback], log_every_n_steps=8).fit(Recall(), data)
    print("epoch  perturbed  observed")
    for record in callback.records:
        print(f"{record.epoch:5}  {record.phi:<9.4f}  {observed_phi(record)}" if record.phi is not None else record.result.reason)
    return callback


if __name__ == "__main__":
    main()
