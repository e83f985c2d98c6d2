"""Trains a model with some sharded modules on two CPU processes, and writes the weights; run by watch/test_sharded.py."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.strategies import ModelParallelStrategy
from models import Mlp, sequence_data
from torch import nn
from torch.distributed.fsdp import fully_shard

from lightning_iit import IITCallback


class Sharded(Mlp):
    """Has a frozen GRU that each rank has whole, and a GRU and blocks that are spread over the ranks."""

    def __init__(self) -> None:
        super().__init__()
        self.net = None
        self.whole = nn.GRU(8, 12, batch_first=True).requires_grad_(False)
        self.spread = nn.GRU(12, 12, batch_first=True)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(12, 12), nn.Tanh()) for _ in range(3))
        self.out = nn.Linear(12, 10)

    def configure_model(self) -> None:
        mesh = self.device_mesh["data_parallel"]
        for module in (self.spread, *self.blocks, self.out):
            fully_shard(module, mesh=mesh)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.spread(self.whole(x)[0])[0]
        for block in self.blocks:
            x = x + block(x)
        return self.out(x[:, -1])


def main(folder: str, how: str) -> None:
    seed_everything(3)
    told = {"units": 2, "groups": 2, "null_model": None, "table": False, "network": False, "control": False, "pictures": False}
    callbacks = [
        IITCallback(["whole", "spread"], transitions="time", **told),
        IITCallback("blocks.*", transitions="depth", name="depth", **(told | {"groups": 1})),
    ]
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=2,
        strategy=ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1, process_group_backend="gloo"),
        callbacks=callbacks if how == "watched" else [],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    model = Sharded()
    trainer.fit(model, sequence_data(256))
    weights = {name: value.full_tensor() if hasattr(value, "full_tensor") else value for name, value in model.state_dict().items()}
    torch.save([weights, torch.get_rng_state()], Path(folder, f"{how}-{trainer.global_rank}.pt"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
