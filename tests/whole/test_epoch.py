"""Total correlation of a whole epoch, from sums: against one pass of NumPy over all activations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from training import train

from lightning_iit.capture.count.epoch import LayerEpoch
from lightning_iit.capture.epoch_sums import EpochSums, merged, sums_of
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.options import CaptureOptions
from lightning_iit.records.logged import logged
from lightning_iit.records.whole.tasks import WholeSums
from lightning_iit.whole.epoch import whole_epoch


def one_pass(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and products of the deviations from it, of all rows at once."""
    rows = rows.astype(np.longdouble)
    apart = rows - rows.mean(axis=0)
    return rows.mean(axis=0).astype(float), (apart.T @ apart).astype(float)


def total_correlation(rows: np.ndarray) -> float:
    """MI1 between all units."""
    return -0.5 * np.linalg.slogdet(np.atleast_2d(np.corrcoef(rows.astype(float), rowvar=False)))[1]


@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_merged_batches_are_one_pass(mean):
    """Also where sums of squares would keep no digit of the deviations: their square is 1e-12 of the mean's."""
    rng = np.random.default_rng(0)
    rows = mean + rng.standard_normal((5000, 1)) + rng.standard_normal((5000, 4))
    batches = np.split(rows, [1, 1, 40, 3000])  # one of them is empty, one a single row
    found = sums_of(torch.from_numpy(batches[0]))
    for one in batches[1:]:
        found = merged(found, sums_of(torch.from_numpy(one)))
    means, products = one_pass(rows)
    assert found.number == 5000
    assert found.left_out == 0
    np.testing.assert_allclose(found.mean, means, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(found.products, products, rtol=1e-9)


def test_padding_and_numbers_that_are_not_finite_are_no_samples():
    values = torch.randn(3, 5, 2)
    values[1, 1, 0], values[2, 4, 1] = float("nan"), float("inf")  # the second one is padding
    found = sums_of(values, torch.tensor([5, 3, 2]))
    kept = torch.cat([values[0], values[1, [0, 2]], values[2, :2]]).numpy()
    means, products = one_pass(kept)
    assert (found.number, found.left_out) == (9, 1)
    np.testing.assert_allclose(found.mean, means, atol=1e-15)
    np.testing.assert_allclose(found.products, products, atol=1e-12)


class Outputs(Callback):
    """Keeps what a layer returns in the training's own steps."""

    def __init__(self, name: str) -> None:
        self.name, self.of_epochs = name, []

    def on_train_epoch_start(self, trainer, module):
        self.of_epochs.append([])

    def on_train_start(self, trainer, module):
        def keep(_module, _inputs, output):
            if module._current_fx_name == "training_step":
                value = output[0] if isinstance(output, tuple) else output
                self.of_epochs[-1].append(value.detach().reshape(-1, value.shape[-1]).clone().numpy())

        self.handle = module.get_submodule(self.name).register_forward_hook(keep)

    def on_train_end(self, trainer, module):
        self.handle.remove()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A GRU of eight units with total correlation measured, and the same training without a callback that measures."""
    found = []
    for measures in (("total_correlation", "stochastic_interaction"), ()):
        torch.manual_seed(0)
        model, outputs = Gru(8), Outputs("net.gru")
        callback = train(
            tmp_path_factory.mktemp("run"),
            outputs,
            layers="net.gru",
            data=sequence_data(96),
            model=model,
            epochs=2,
            measures=measures,
            surrogates=9,
        )
        found.append((callback, outputs, model.state_dict()))
    return found


def test_it_is_that_of_all_activations_of_the_epoch(trained):
    (callback, outputs, _), _ = trained
    untrained, *records = callback.records
    assert untrained.whole.epoch is None
    for record, kept in zip(records, outputs.of_epochs, strict=True):
        rows, found = np.concatenate(kept), record.whole.epoch
        assert found.samples == len(rows) == 96 * 9
        assert found.measure.name == "total_correlation"
        assert found.measure.atomic.value == pytest.approx(total_correlation(rows), abs=1e-10)
        left, right = (rows[:, list(part)] for part in found.measure.partition)
        between = total_correlation(rows) - total_correlation(left) - total_correlation(right)
        assert found.measure.minimum.value == pytest.approx(between, abs=1e-10)
        assert found.measure.atomic.null is None
        of_pass = record.whole["total_correlation"].atomic.value
        assert abs(of_pass - found.measure.atomic.value) > 1e-6, "another number than that of fixed weights"


def test_what_is_logged_and_said(trained):
    (callback, *_), _ = trained
    record = callback.records[-1]
    numbers, found = logged(record), record.whole.epoch
    key = "iit_details/net.gru/whole/epoch"
    assert numbers[f"{key}_total_correlation"] == found.measure.minimum.value
    assert numbers[f"{key}_total_correlation_atomic"] == found.measure.atomic.value
    assert numbers[f"{key}_samples"] == 96 * 9
    assert found.words.startswith("The whole epoch, 864 samples while the weights changed: MI1 = ")


def test_training_is_the_same_to_the_bit(trained):
    (_, outputs, weights), (plain, others, the_same) = trained
    assert all(torch.equal(weights[name], the_same[name]) for name in weights)
    assert all(np.array_equal(one, other) for one, other in zip(outputs.of_epochs[1], others.of_epochs[1], strict=True))
    assert all(record.whole is None for record in plain.records)


def summed(model: nn.Module, batches, *, ranks: int = 1) -> WholeSums:
    """The sums of a model's first layer over batches, of which each rank has its share."""
    told, sums = [], None
    for rank in range(ranks):
        sums, gate = EpochSums(model, ["0"], CaptureOptions(layers="0", transitions="stream", seed=3)), Switch()
        sums.attach(model, gate)
        sums.begin_epoch()
        for batch in batches[rank::ranks]:
            gate.open = True
            model(batch)
            gate.open = False
            model(batch)
            sums.end_step()
        sums.detach()
        told.append(sums._layers[0].told())
    return sums._layers[0].packed(told)


def test_ranks_and_wide_layers():
    """Of a wide layer the same 200 units as in the pass; ranks add up, and one that has seen nothing adds nothing."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 250))
    batches = list(torch.randn(5, 30, 4))
    with torch.no_grad():
        rows = model(torch.cat(batches)).numpy()
    for ranks in (1, 2, 6):
        found = summed(model, batches, ranks=ranks)
        assert (len(found.units), found.width, found.samples) == (200, 250, 150)
        means, products = one_pass(rows[:, list(found.units)])
        np.testing.assert_allclose(np.frombuffer(found.means), means, atol=1e-12)
        np.testing.assert_allclose(np.frombuffer(found.products).reshape(200, 200), products, atol=1e-9)
    assert len(found.products) == 8 * 200**2, "N x N numbers, however long the epoch"


def test_what_cannot_be_measured_is_said():
    sums = summed(nn.Sequential(nn.Linear(4, 30)), [torch.randn(5, 4)])
    refused = whole_epoch(sums)
    assert "5 samples for 4 variables: their covariance is singular below 6" in refused.refused
    assert refused.words == refused.refused
    with torch.no_grad():
        layer = nn.Linear(4, 4)
        layer.weight[2], layer.bias[1] = 0.0, float("nan")
    layer.weight.data[3] = -layer.weight.data[0]
    bad = summed(nn.Sequential(layer), [torch.randn(50, 4)])
    assert (bad.samples, bad.left_out) == (0, 50)
    assert whole_epoch(bad).measure is None
    layer.bias.data[1] = 0.0
    found = whole_epoch(summed(nn.Sequential(layer), [torch.randn(50, 4)]))
    assert [one.unit for one in found.dropped] == [2, 3]
    assert "never varies" in found.dropped[0].reason
    assert "correlates by -1.00000 with unit 0" in found.dropped[1].reason
    assert found.units == (0, 1)
    problem = (
        EpochSums(nn.Sequential(nn.Linear(2, 2)), ["0"], CaptureOptions(layers="0"))
        .with_sums([LayerEpoch(layer="0", axis="stream", kind="statistical")])[0]
        .sums
    )
    assert whole_epoch(problem).refused == "There is no MI1 of the whole epoch of layer '0': it was not called in the epoch."


def test_not_with_a_probe_nor_without_total_correlation(tmp_path):
    probe = [x for x, _ in sequence_data(64, seed=3)]
    about = {"layers": "net.gru", "data": sequence_data(32), "epochs": 1, "surrogates": 9, "initial": False}
    for folder, options in (("a", {"measures": ["total_correlation"], "probe": probe}), ("b", {"measures": ["phi_star"]})):
        (record,) = train(tmp_path / folder, model=Gru(4), **about, **options).records
        assert record.whole.epoch is None
        assert record.whole.measures


def test_layers_whose_samples_have_no_order(tmp_path):
    model, outputs = Mlp(), Outputs("net.1")
    model.net[0], model.net[3] = nn.Linear(64, 6), nn.Linear(6, 128)
    callback = train(tmp_path, outputs, model=model, data=flat_data(320), epochs=1, measures=["total_correlation"])
    found = callback.records[-1].whole.epoch
    rows = np.concatenate(outputs.of_epochs[0])[:, list(found.units)]
    assert found.samples == 320
    assert found.measure.atomic.value == pytest.approx(total_correlation(rows), abs=1e-10)
