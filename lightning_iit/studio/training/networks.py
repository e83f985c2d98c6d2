"""The networks that the studio trains: one class each, for every task."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import nn

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.studio.training.pruning import get_ready, prune_to, share_at
from lightning_iit.studio.training.shape import Shape

CLOSE = 0.04
"""A number counts as a right answer where it is off by no more (Hochreiter and Schmidhuber 1997, of the adding problem)."""
MOST_WIDTH, MOST_DEPTH = 1024, 16
"""The widest and deepest network."""


class Network(LightningModule):
    """Trains on a task with Adam; what the network is, its subclasses say.

    Logged are ``loss`` and ``train_accuracy`` (training), ``val_loss`` and ``accuracy`` (held-out data), each once in an epoch.

    Args:
        shape: what the task asks of the network.
        width: how many units a layer has.
        depth: how many layers there are.
        learning_rate: the step size of Adam.
        weight_decay: how much weights are drawn to 0 (AdamW).

    Raises:
        InvalidArgumentError: a value that cannot be.
    """

    def __init__(self, shape: Shape, *, width: int, depth: int, learning_rate: float, weight_decay: float) -> None:
        super().__init__()
        if not shape:
            msg = (
                f"{type(self).__name__} is not told what the task asks of it: the DataModule has no attribute `shape`. Give it "
                "one, as lightning_iit.studio.training.shape says, or train a network of your own."
            )
            raise InvalidArgumentError(msg)
        _check("width", width, 2, MOST_WIDTH)
        _check("depth", depth, 1, MOST_DEPTH)
        _check("learning_rate", learning_rate, 0.0, 10.0)
        _check("weight_decay", weight_decay, 0.0, 100.0)
        self.shape: Shape = shape
        self.learning_rate: float = learning_rate
        self.weight_decay: float = weight_decay
        self._answered = max(1, shape["outputs"])
        given = {"width": width, "depth": depth, "learning_rate": learning_rate, "weight_decay": weight_decay}
        self.save_hyperparameters({"network": type(self).__name__, "shape": dict(shape), **given})

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        """Returns the loss of a batch of inputs and answers."""
        loss, accuracy = self._judged(batch)
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train_accuracy", accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, _: int) -> None:
        """Logs loss and accuracy of a batch of held-out data."""
        loss, accuracy = self._judged(batch)
        self.log_dict({"val_loss": loss, "accuracy": accuracy}, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Returns the optimizer."""
        return torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)

    def _judged(self, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the loss of a batch, and which share of the answers is right."""
        inputs, wanted = batch
        said = self(inputs)
        if not self.shape["outputs"]:
            off = said.squeeze(2) - wanted
            return off.square().mean(), (off.abs() <= CLOSE).float().mean()
        loss = nn.functional.cross_entropy(said.flatten(0, 1), wanted.flatten())
        return loss, (said.argmax(2) == wanted).float().mean()

    def _reader(self, width: int) -> tuple[nn.Module, int]:
        """Returns what makes numbers [batch, step, feature] of the inputs, and how many features these have."""
        if self.shape["tokens"]:
            return nn.Embedding(self.shape["features"], width), width
        return nn.Identity(), self.shape["features"]


class MLP(Network):
    """Reads the whole input at once, through fully connected layers. No unit of a layer acts on another: its Φ by structure is 0.

    Args:
        shape: what the task asks of the network.
        width: how many units a layer has.
        depth: how many hidden layers there are.
        learning_rate: the step size of Adam.
        weight_decay: how much weights are drawn to 0 (AdamW).
    """

    def __init__(
        self, shape: Shape, width: int = 32, depth: int = 2, learning_rate: float = 0.003, weight_decay: float = 0.0
    ) -> None:
        super().__init__(shape, width=width, depth=depth, learning_rate=learning_rate, weight_decay=weight_decay)
        reader, features = self._reader(width)
        self.read: nn.Module = reader
        sizes = [features * shape["steps"], *[width] * depth]
        pairs = itertools.pairwise(sizes)
        self.layers: nn.Sequential = nn.Sequential(*[part for one, other in pairs for part in (nn.Linear(one, other), nn.ReLU())])
        self.answer: nn.Linear = nn.Linear(width, shape["answers"] * self._answered)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the scores [batch, answer, class] of inputs."""
        said = self.answer(self.layers(self.read(inputs).flatten(1)))
        return said.unflatten(1, (self.shape["answers"], self._answered))  # type: ignore[no-any-return]


class CNN(Network):
    """Convolves images along rows and columns, and other inputs along their steps, with pooling after each layer. Feed-forward.

    Args:
        shape: what the task asks of the network.
        width: how many channels a layer has.
        depth: how many convolutions there are.
        learning_rate: the step size of Adam.
        weight_decay: how much weights are drawn to 0 (AdamW).
    """

    def __init__(
        self, shape: Shape, width: int = 16, depth: int = 2, learning_rate: float = 0.003, weight_decay: float = 0.0
    ) -> None:
        super().__init__(shape, width=width, depth=depth, learning_rate=learning_rate, weight_decay=weight_decay)
        reader, features = self._reader(width)
        self.read: nn.Module = reader
        convolution, pooling = (nn.Conv2d, nn.MaxPool2d) if shape["image"] else (nn.Conv1d, nn.MaxPool1d)
        size = [shape["steps"], features] if shape["image"] else [shape["steps"]]
        parts: list[nn.Module] = []
        channels = 1 if shape["image"] else features
        for _ in range(depth):
            parts += [convolution(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
            if min(size) >= 4:
                parts.append(pooling(2))
                size = [one // 2 for one in size]
        self.layers: nn.Sequential = nn.Sequential(*parts)
        self.answer: nn.Linear = nn.Linear(width * math.prod(size), shape["answers"] * self._answered)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the scores [batch, answer, class] of inputs."""
        read = self.read(inputs)
        read = read.unsqueeze(1) if self.shape["image"] else read.transpose(1, 2)
        said = self.answer(self.layers(read).flatten(1))
        return said.unflatten(1, (self.shape["answers"], self._answered))  # type: ignore[no-any-return]


class _Recurrent(Network):
    """Reads the input step by step, and answers from its last states."""

    layer: type[nn.RNN | nn.GRU | nn.LSTM]

    def __init__(
        self,
        shape: Shape,
        width: int = 32,
        depth: int = 1,
        learning_rate: float = 0.003,
        weight_decay: float = 0.0,
        pruned: float = 0.0,
    ) -> None:
        super().__init__(shape, width=width, depth=depth, learning_rate=learning_rate, weight_decay=weight_decay)
        _check("pruned", pruned, 0.0, 1.0)
        self.pruned: float = pruned
        self.hparams["pruned"] = pruned
        reader, features = self._reader(width)
        self.read: nn.Module = reader
        self.memory: nn.RNNBase = self.layer(features, width, depth, batch_first=True)
        if pruned:
            get_ready(self.memory)
        self.answer: nn.Linear = nn.Linear(width, self._answered)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the scores [batch, answer, class] of inputs."""
        states, _ = self.memory(self.read(inputs))
        return self.answer(states[:, -self.shape["answers"] :])  # type: ignore[no-any-return]

    def on_train_epoch_start(self) -> None:
        """Takes further connections between units away, where that was asked for, and logs the share that is 0."""
        if not self.pruned:
            return
        epochs = self.trainer.max_epochs or 0
        share = share_at(self.current_epoch, epochs, self.pruned)
        prune_to(self.memory, share)
        self.log("pruned", share)


class RNN(_Recurrent):
    """Reads the input step by step with a plain tanh recurrence (nn.RNN): its units act on each other.

    Args:
        shape: what the task asks of the network.
        width: how many units a layer has.
        depth: how many recurrent layers are stacked.
        learning_rate: the step size of Adam.
        weight_decay: how much weights are drawn to 0 (AdamW).
        pruned: which share of the weights between units is set to 0 by the last epoch, the weakest ones first.
    """

    layer: type[nn.RNN | nn.GRU | nn.LSTM] = nn.RNN


class GRU(_Recurrent):
    """Reads the input step by step with gated units (nn.GRU): its units act on each other.

    Args:
        shape: what the task asks of the network.
        width: how many units a layer has.
        depth: how many recurrent layers are stacked.
        learning_rate: the step size of Adam.
        weight_decay: how much weights are drawn to 0 (AdamW).
        pruned: which share of the weights between units is set to 0 by the last epoch, the weakest ones first.
    """

    layer: type[nn.RNN | nn.GRU | nn.LSTM] = nn.GRU


class LSTM(_Recurrent):
    """Reads the input step by step with long short-term memory (nn.LSTM): its units act on each other.

    Args:
        shape: what the task asks of the network.
        width: how many units a layer has.
        depth: how many recurrent layers are stacked.
        learning_rate: the step size of Adam.
        weight_decay: how much weights are drawn to 0 (AdamW).
        pruned: which share of the weights between units is set to 0 by the last epoch, the weakest ones first.
    """

    layer: type[nn.RNN | nn.GRU | nn.LSTM] = nn.LSTM


class Transformer(Network):
    """Attends to all steps at once, block after block (nn.TransformerEncoderLayer). Feed-forward: positions are no time.

    Args:
        shape: what the task asks of the network.
        width: how many units a position has; a multiple of ``heads``.
        depth: how many blocks there are.
        heads: how many attention heads a block has.
        learning_rate: the step size of Adam.
        weight_decay: how much weights are drawn to 0 (AdamW).
    """

    def __init__(
        self,
        shape: Shape,
        width: int = 32,
        depth: int = 2,
        heads: int = 4,
        learning_rate: float = 0.003,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(shape, width=width, depth=depth, learning_rate=learning_rate, weight_decay=weight_decay)
        _check("heads", heads, 1, width)
        if width % heads:
            msg = f"width={width} with heads={heads}: each head has width / heads units. Give a width that is a multiple of heads."
            raise InvalidArgumentError(msg)
        self.hparams["heads"] = heads
        self.read: nn.Module = nn.Embedding(shape["features"], width) if shape["tokens"] else nn.Linear(shape["features"], width)
        self.place: nn.Parameter = nn.Parameter(0.02 * torch.randn(shape["steps"], width))
        self.blocks: nn.ModuleList = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True) for _ in range(depth)
        )
        self.answer: nn.Linear = nn.Linear(width, self._answered)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the scores [batch, answer, class] of inputs."""
        states = self.read(inputs) + self.place
        for block in self.blocks:
            states = block(states)
        return self.answer(states[:, -self.shape["answers"] :])  # type: ignore[no-any-return]


def _check(name: str, value: float, least: float, most: float) -> None:
    """Raises InvalidArgumentError for a value outside of its range."""
    if not least <= value <= most:
        msg = f"{name}={value!r}: give a value from {least:g} to {most:g}."
        raise InvalidArgumentError(msg)
