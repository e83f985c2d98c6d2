"""Small real models and data that the tests train."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from lightning.pytorch import LightningModule
from places import EXAMPLES
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.stepper import Observations, Stepper
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import PerturbedTpm, observe, perturbed_tpms
from lightning_iit.records import Skipped, State, Thresholds


def example(name: str, folder: Path = EXAMPLES) -> ModuleType:
    """An example (or another script) as a module, loaded from its file."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Mlp(LightningModule):
    """64-128-128-10."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        loss = cross_entropy(self(batch[0]), batch[1])
        self.log("loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        self.log("val_loss", cross_entropy(self(batch[0]), batch[1]))

    def test_step(self, batch: list[torch.Tensor], _: int) -> None:
        self.log("test_loss", cross_entropy(self(batch[0]), batch[1]))

    def predict_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        return self(batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Gru(Mlp):
    """A GRU over sequences of 8, with its last output classified."""

    def __init__(self, hidden: int = 16, lr: float = 0.1) -> None:
        super().__init__()
        self.lr = lr
        self.net = nn.ModuleDict({"gru": nn.GRU(8, hidden, batch_first=True), "out": nn.Linear(hidden, 10)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net["out"](self.net["gru"](x)[0][:, -1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.lr)


def flat_data(samples: int = 200, *, batch: int = 32, shuffle: bool = False, seed: int = 0) -> DataLoader:
    """Random vectors of 64 with labels that depend on them."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, 64, generator=generator)
    return DataLoader(TensorDataset(x, x[:, :10].argmax(1)), batch, shuffle=shuffle)


def sequence_data(samples: int = 60, *, steps: int = 9, batch: int = 16, shuffle: bool = False, seed: int = 0) -> DataLoader:
    """Random sequences of vectors of 8 with labels that depend on them."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, steps, 8, generator=generator)
    return DataLoader(TensorDataset(x, x.sum(1).argmax(1)), batch, shuffle=shuffle)


def seen_layer(kind: type[nn.GRU | nn.LSTM]) -> tuple[nn.GRU | nn.LSTM, Stepper, Observations]:
    """A recurrent layer of 6 units with strong weights, how it is stepped, and where it was seen in 8 sequences."""
    torch.manual_seed(7)
    layer = kind(3, 6, batch_first=True)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(3)
    reservoir = Reservoir()
    with reservoir.attach(layer):
        layer(torch.randn(8, 6, 3))
    stepper = step_for(layer)
    return layer, stepper, observe(layer, stepper, reservoir.calls)


def single_units(units: Iterable[int]) -> Coding:
    """The coding in which each of these units of a layer is one element."""
    return Coding(tuple((unit,) for unit in units))


def perturbed_tpm(
    layer: nn.Module,
    stepper: Stepper,
    coding: Coding,
    thresholds: Thresholds,
    observations: Observations | None,
    *,
    at: State | None = None,
    **options: Any,
) -> PerturbedTpm | Skipped:
    """The TPM of one group of elements that are set."""
    (found,) = perturbed_tpms(layer, stepper, [(coding, thresholds)], observations, at=[at], **options)
    return found
