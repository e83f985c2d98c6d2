"""The counts of a capture are exactly those of plain loops over raw activations."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from lightning_iit.capture import Capture, CaptureOptions


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


@pytest.mark.parametrize("threshold", ["median", "mean", "zero", 0.1])
@pytest.mark.parametrize("selection", ["variance", "random", "first"])
def test_mlp_counts_equal_plain_loops(threshold, selection):
    torch.manual_seed(0)
    model = Digits()
    capture = Capture(
        model, CaptureOptions(layers="net.2", units=4, threshold=threshold, selection=selection, calibration_batches=5)
    )
    chosen = set()
    with capture:
        for epoch in range(3):
            capture.begin_epoch(29)
            batches = batches_of(1797, seed=epoch)
            raw = raw_of(model.net[2], model, lambda batches=batches: train(model, batches, capture))
            (layer,) = capture.end_epoch()
            assert layer.problem is None
            calibration = np.concatenate(raw[:5])[:, layer.units.indices]
            expected = {"median": np.median(calibration, 0), "mean": calibration.mean(0), "zero": np.zeros(4)}.get(
                threshold, np.full(4, threshold)
            )
            assert layer.thresholds.values == pytest.approx(tuple(expected), rel=1e-12)
            stream = np.concatenate(raw)
            assert as_counter(layer.counts) == loop_counts([stream], layer.units.indices, layer.thresholds.values)
            assert layer.counts.transitions == 1796
            check_consistent(layer.counts, 4)
            last = stream[-1][list(layer.units.indices)]
            assert layer.last_state == tuple(int(value > cut) for value, cut in zip(last, layer.thresholds.values, strict=True))
            assert (layer.axis, layer.kind, layer.structural_phi) == ("stream", "statistical", 0.0)
            chosen.add(layer.units)
            if epoch == 0 and selection == "variance":
                best = np.sort(np.argsort(-raw[0].var(0))[:4])
                assert layer.units.indices == tuple(best)
    assert len(chosen) == 1


@pytest.mark.parametrize("batch_first", [True, False])
def test_gru_counts_equal_plain_loops(batch_first):
    torch.manual_seed(0)
    model = Rows(batch_first=batch_first)
    capture = Capture(model, CaptureOptions(units=4))
    assert capture.layers == ("rnn",)
    with capture:
        for epoch in range(2):
            capture.begin_epoch(16)
            batches = batches_of(1000, seed=epoch)
            raw = raw_of(model.rnn, model, lambda batches=batches: train(model, batches, capture))
            (layer,) = capture.end_epoch()
            raw = [batch if batch_first else batch.swapaxes(0, 1) for batch in raw]
            sequences = [sequence for batch in raw for sequence in batch]
            assert as_counter(layer.counts) == loop_counts(sequences, layer.units.indices, layer.thresholds.values)
            assert layer.counts.transitions == 1000 * 7
            calibration = np.concatenate(raw[:10]).reshape(-1, 32)[:, layer.units.indices]
            assert layer.thresholds.values == tuple(np.median(calibration, 0))
            assert (layer.axis, layer.kind, layer.structural_phi) == ("time", "observational", None)
