"""Finds published values of Φ: networks of logic gates become the weights of real layers, which the plugin analyses in training."""

from __future__ import annotations

import gates
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit import IITCallback
from lightning_iit.records.disk.payload import unpack

PUBLISHED = {  # the gates of each network, and its published Φ in some states
    "basic": (gates.BASIC, {(1, 0, 0): 2.3125}),
    "figure_4": (gates.FIGURE_4, {(1, 0, 0): 1.916666}),
    "rule_110": (gates.RULE_110, {(0, 0, 0): 1.357083, (1, 1, 1): 1.015239}),
    "chain": (gates.CHAIN, {(0, 0, 0): 0.0}),
}


class Gates(LightningModule):
    """Holds each network as a GRU and as an LSTM with fixed weights, and a linear readout that learns."""

    def __init__(self) -> None:
        super().__init__()
        for name, (network, _) in PUBLISHED.items():
            for kind in (nn.GRU, nn.LSTM):
                self.add_module(f"{name}_{kind.__name__.lower()}", gates.recurrent_layer(network, kind).requires_grad_(False))
        self.chain_rnn = gates.recurrent_layer(gates.CHAIN, nn.RNN).requires_grad_(False)  # the other networks need two sums a step
        self.layers = [name for name, _ in self.named_children()]
        self.readout = nn.Linear(3 * len(self.layers), 3)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        states = [getattr(self, name)(batch[0])[0] for name in self.layers]
        return (self.readout(torch.cat(states, dim=-1)) - batch[0]).pow(2).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.readout.parameters(), lr=0.01)


def main(root: str = "runs/known_phi") -> dict:  # the records, read from TensorBoard's file
    seed_everything(0, verbose=False)
    model, logger = Gates(), TensorBoardLogger(root, name="", version="")
    callback = IITCallback(model.layers, units=[0, 1, 2], tpm="perturb", threshold=0.3, states="all", initial=False)
    data = DataLoader(TensorDataset(gates.drive(256, 8, 3)), 32)
    Trainer(max_epochs=1, logger=logger, callbacks=[callback], log_every_n_steps=1).fit(model, data)
    events = EventAccumulator(logger.log_dir).Reload()
    records = {name: unpack(events.Tensors(f"iit/{name}/record")[0].tensor_proto.string_val[0]) for name in model.layers}
    for name, record in records.items():
        phi = {result.state: result.result for result in record.states}
        for state, published in PUBLISHED[name.rsplit("_", 1)[0]][1].items():
            print(f"{name:13} in {state}: Φ = {phi[state].phi:.6f}, published {published:.6f} ({record.kind})")
    return records


if __name__ == "__main__":
    main()
