"""Transition counts by plain loops over raw activations, and the small modules whose activations are counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from lightning.pytorch import Callback
from torch import nn


class Digits(nn.Module):
    """An MLP 64-128-128-10."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, x):
        return self.net(x)


class Rows(nn.Module):
    """A GRU that reads digits row by row."""

    def __init__(self, *, batch_first=True):
        super().__init__()
        self.rnn = nn.GRU(8, 32, batch_first=batch_first)
        self.head = nn.Linear(32, 10)
        self.batch_first = batch_first

    def forward(self, x):
        x = x.reshape(-1, 8, 8)
        hidden = self.rnn(x if self.batch_first else x.transpose(0, 1))[0]
        return self.head(hidden[:, -1] if self.batch_first else hidden[-1])


def train(model, batches, capture=None, *, validate=True):
    """A few steps of training, with a validation pass in the middle."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for number, (x, y) in enumerate(batches):
        if validate and number == len(batches) // 2:
            model.eval()
            model(x)
            model.train()
        if capture is not None:
            capture.begin_step()
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if capture is not None:
            capture.end_step()


def batches_of(rows, size=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, 64, generator=generator)
    y = torch.randint(10, (rows,), generator=generator)
    return list(zip(x.split(size), y.split(size), strict=True))


def raw_of(module, model, run):
    """The raw outputs of a module in training passes, by a hook of the test's own."""
    raw = []

    def hook(_module, _inputs, output):
        if model.training:
            raw.append((output[0] if isinstance(output, tuple) else output).detach().double().numpy().copy())

    handle = module.register_forward_hook(hook)
    run()
    handle.remove()
    return raw


def loop_counts(sequences, units, thresholds):
    """Transition counts by plain loops: sequences of rows of raw activations."""
    joint = Counter()
    for sequence in sequences:
        previous = None
        for row in sequence:
            code = None
            if all(np.isfinite(row[unit]) for unit in units):
                code = 0
                for position, unit in enumerate(units):
                    if row[unit] > thresholds[position]:
                        code += 2**position
            if previous is not None and code is not None:
                joint[previous, code] += 1
            previous = code
    return joint


def as_counter(counts):
    return Counter({(first, then): number for first, then, number in counts.joint})


def check_consistent(counts, n):
    """Visits and next-ON counts are those of the joint counts."""
    visits, on = [0] * 2**n, [[0] * n for _ in range(2**n)]
    for first, then, number in counts.joint:
        visits[first] += number
        for unit in range(n):
            on[first][unit] += number * (then >> unit & 1)
    assert counts.visits == tuple(visits)
    assert counts.on == tuple(map(tuple, on))


class Lines(nn.Module):
    """A layer whose activations are its inputs."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()
        self.other = nn.Identity()

    def forward(self, x):
        return self.layer(x)


class RawActivations(Callback):
    """Keeps every training output of a layer, epoch by epoch, with a hook of its own."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.epochs: list[list[torch.Tensor]] = []

    def on_train_start(self, trainer, pl_module):
        def keep(_module, _inputs, output):
            if pl_module.training and torch.is_grad_enabled():
                raw = output[0] if isinstance(output, tuple) else output
                self.epochs[-1].append(raw.detach().clone())

        pl_module.get_submodule(self.layer).register_forward_hook(keep)

    def on_train_epoch_start(self, trainer, pl_module):
        self.epochs.append([])
