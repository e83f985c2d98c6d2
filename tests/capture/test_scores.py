"""Selections that go by a score: entropy of the binary states, and norms of the incoming weights."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import nn

from lightning_iit.capture import Capture, CaptureOptions
from lightning_iit.capture.choose.scores import state_entropy, weight_norm
from lightning_iit.capture.choose.units import Moments, choose
from lightning_iit.capture.count.binarize import threshold_values
from lightning_iit.errors import InvalidArgumentError


def test_state_entropy_is_that_of_scipy():
    samples = np.random.default_rng(0).normal(np.linspace(-2, 2, 9), 1, (200, 9))
    on = (samples > 0.5).mean(0)
    np.testing.assert_allclose(state_entropy(samples, partial(threshold_values, 0.5)), entropy([on, 1 - on], base=2), atol=1e-12)
    always = np.array([[1.0, -1.0, 1.0], [1.0, -1.0, -1.0], [np.nan, 1.0, 1.0]])
    np.testing.assert_allclose(state_entropy(always, partial(threshold_values, "zero")), [0, 0, 1])
    np.testing.assert_allclose(state_entropy(np.full((3, 2), np.nan), partial(threshold_values, "median")), [0, 0])


@pytest.mark.parametrize("layer", [nn.Linear(5, 4), nn.Conv2d(3, 4, 2), nn.RNNCell(5, 4)])
def test_weight_norm_of_rows(layer):
    weights = [weight.detach().reshape(4, -1).numpy() for weight in layer.parameters() if weight.dim() > 1]
    np.testing.assert_allclose(weight_norm(layer, 4), np.linalg.norm(np.hstack(weights), axis=1), rtol=1e-6)


@pytest.mark.parametrize("make", [nn.RNN, nn.GRU, nn.LSTM])
def test_weight_norm_of_recurrent_layers_is_over_all_gates_of_the_last_layer(make):
    rnn = make(3, 4, num_layers=2, bidirectional=True)
    expected = []
    for direction in ("", "_reverse"):
        into, among = (getattr(rnn, f"weight_{kind}_l1{direction}").detach().numpy() for kind in ("ih", "hh"))
        gates = len(into) // 4
        rows = [
            [into[gate * 4 + unit] for gate in range(gates)] + [among[gate * 4 + unit] for gate in range(gates)]
            for unit in range(4)
        ]
        expected += [np.linalg.norm(np.concatenate(row)) for row in rows]
    np.testing.assert_allclose(weight_norm(rnn, 8), expected, rtol=1e-6)


def test_a_layer_without_weights_says_what_to_do():
    with pytest.raises(InvalidArgumentError, match="ReLU, has no incoming weights"):
        weight_norm(nn.ReLU(), 4)
    with pytest.raises(InvalidArgumentError, match="'variance'"):
        choose(2, selection="entropy", seed=0, moments=Moments.of(torch.randn(3, 4)))


def test_the_highest_scores_are_taken():
    model = nn.Sequential(nn.Linear(3, 6))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, 5, 2, 6, 1, 1]).unsqueeze(1).expand(6, 3))
        model[0].bias.copy_(torch.tensor([0.0, 99, 0, 99, -99, 0]))
    chosen = {}
    for selection in ("weight_norm", "entropy"):
        with Capture(model, CaptureOptions(layers="0", units=2, selection=selection, threshold="zero")) as capture:
            capture.begin_step()
            model(torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).round() + torch.tensor([0.1, 0.1, 0.1]))
            capture.end_step()
            (layer,) = capture.end_epoch()
        assert layer.units.selection == selection
        chosen[selection] = layer.units.indices
    assert chosen["weight_norm"] == (1, 3)
    assert set(chosen["entropy"]) <= {0, 2, 5}
