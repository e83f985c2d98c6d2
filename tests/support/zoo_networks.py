"""Small networks of the kinds that people train, each with data that it can be trained on in a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

if TYPE_CHECKING:
    from collections.abc import Callable


class Classified(LightningModule):
    """Trains a network by the cross entropy of what it answers and a label."""

    def __init__(self, net: nn.Module, answer: Callable[[nn.Module, Tensor], Tensor] = lambda net, x: net(x)) -> None:
        super().__init__()
        self.net, self._answer = net, answer

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        return cross_entropy(self._answer(self.net, batch[0]).flatten(0, -2), batch[1].flatten())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def cnn() -> LightningModule:
    """Two convolutions, a pooling and a head."""
    layers = [
        nn.Conv2d(1, 8, 3),
        nn.ReLU(),
        nn.Conv2d(8, 12, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 4),
    ]
    return Classified(nn.Sequential(*layers))


def images(samples: int = 240) -> DataLoader:
    """Random pictures of 8 x 8, with the brightest corner as label."""
    pictures = torch.randn(samples, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    corners = nn.functional.avg_pool2d(pictures, 4).flatten(1)
    return DataLoader(TensorDataset(pictures, corners.argmax(1)), 16)


def lstm() -> LightningModule:
    """An LSTM of two layers, of which a head reads the last output."""
    net = nn.ModuleDict({"lstm": nn.LSTM(8, 12, num_layers=2, batch_first=True), "out": nn.Linear(12, 10)})
    return Classified(net, lambda net, x: net["out"](net["lstm"](x)[0][:, -1]))


def transformer() -> LightningModule:
    """PyTorch's encoder of two blocks, whose mean over the steps a head reads."""
    block = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, dropout=0.0, batch_first=True)
    net = nn.ModuleDict({"encoder": nn.TransformerEncoder(block, 2), "out": nn.Linear(8, 10)})
    return Classified(net, lambda net, x: net["out"](net["encoder"](x).mean(1)))


def gpt2() -> LightningModule:
    """Hugging Face's GPT-2 with twelve blocks of 16 units."""
    import architectures

    return Classified(architectures.gpt2(12), lambda net, tokens: net(tokens).logits)


def bert() -> LightningModule:
    """Hugging Face's BERT with two blocks of 16 units."""
    import architectures

    return Classified(architectures.bert(), lambda net, tokens: net(tokens).logits)


def tokens(samples: int = 200) -> DataLoader:
    """Random texts of 10 tokens, each with the token before it as label."""
    texts = torch.randint(30, (samples, 10), generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(texts, texts.roll(1, 1)), 16)
