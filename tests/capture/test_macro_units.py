"""Macro units: clusters of units that correlate, each the mean of its members; an oracle in plain loops."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from models import Gru, perturbed_tpm, seen_layer, sequence_data
from plain_loops import Rows, as_counter, batches_of, loop_counts, raw_of
from plain_loops import train as run_batches
from torch import nn
from training import train

from lightning_iit.capture import Capture, CaptureOptions
from lightning_iit.capture.choose.clusters import correlation_clusters
from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.perturb.connectivity import weight_connectivity
from lightning_iit.capture.perturb.options import PerturbOptions
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import PerturbedTpm, observed_thresholds
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.compute import compute_phi
from lightning_iit.records import System
from lightning_iit.watch.watch import Watch

if TYPE_CHECKING:
    from lightning_iit.capture.count.epoch import LayerEpoch


def average_linkage(samples: np.ndarray, units: list[int], n: int) -> set[tuple[int, ...]]:
    """The two nearest clusters are joined, again and again; their distance is the mean of 1 - r over all pairs."""
    r = np.corrcoef(samples[:, units], rowvar=False)
    clusters = [[place] for place in range(len(units))]
    while len(clusters) > n:
        apart = {
            (a, b): np.mean([1 - r[i, j] for i in clusters[a] for j in clusters[b]]) for a in range(len(clusters)) for b in range(a)
        }
        a, b = min(apart, key=apart.__getitem__)
        clusters[b] += clusters.pop(a)
    return {tuple(sorted(units[place] for place in cluster)) for cluster in clusters}


@pytest.mark.parametrize("n", [1, 2, 3, 5, 9])
def test_clusters_are_those_of_average_linkage_by_hand(n: int) -> None:
    rng = np.random.default_rng(n)
    samples = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 9)) + rng.normal(size=(300, 9))
    samples = np.insert(samples, 4, 7.0, axis=1)  # a unit that never varies
    samples[5, 2] = np.nan
    live = [unit for unit in range(10) if unit != 4]
    found = correlation_clusters(samples, n, among=range(10))
    assert set(found) == average_linkage(np.delete(samples, 5, axis=0), live, n)
    assert list(found) == sorted(found)


def test_without_units_that_vary_there_is_nothing_to_cluster() -> None:
    with pytest.raises(InvalidArgumentError, match="0 of the 4 units vary in the 20 finite rows"):
        correlation_clusters(np.ones((20, 4)), 2, among=range(4))


def means_of(raw: np.ndarray, clusters: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """The mean of each cluster's units, added one after the other in single precision."""
    columns = []
    for cluster in clusters:
        total = np.zeros(raw.shape[:-1], dtype=np.float32)
        for unit in cluster:
            total = total + raw[..., unit].astype(np.float32)
        columns.append(total / np.float32(len(cluster)))
    return np.stack(columns, -1)


def test_counts_equal_plain_loops_over_means() -> None:
    torch.manual_seed(0)
    model = Rows()
    with Capture(model, CaptureOptions(units=3, selection="clusters")) as capture:
        for epoch in range(2):
            capture.begin_epoch(16)
            batches = batches_of(600, seed=epoch)
            raw = raw_of(model.rnn, model, lambda batches=batches: run_batches(model, batches, capture))
            (layer,) = capture.end_epoch()
            if epoch == 0:
                assert set(layer.units.clusters) == average_linkage(raw[0].reshape(-1, 32), list(range(32)), 3)
                first = layer.units
            assert layer.units == first
            means = [means_of(batch, layer.units.clusters) for batch in raw]
            calibration = np.concatenate(means[:10]).reshape(-1, 3).astype(np.float64)
            assert layer.thresholds.values == tuple(np.median(calibration, 0))
            sequences = [sequence for batch in means for sequence in batch]
            assert as_counter(layer.counts) == loop_counts(sequences, range(3), layer.thresholds.values)
            assert layer.counts.transitions == 600 * 7
            assert layer.units.indices == tuple(cluster[0] for cluster in layer.units.clusters)
            assert any(note.startswith("3 macro units of ") for note in layer.notes)
    one = layer.units.clusters[0]
    assert layer.units.labels[0] == (f"{one[0]}+{len(one) - 1}" if len(one) > 1 else f"{one[0]}")


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_a_perturbed_tpm_is_what_its_definition_says(kind: type[nn.GRU | nn.LSTM]) -> None:
    """All members of a macro unit are set, each to its own mean while the macro unit was OFF or ON; their mean is read."""
    layer, stepper, seen = seen_layer(kind)
    clusters = ((0, 3), (1,), (2, 4, 5))
    coding = Coding(clusters)
    thresholds = observed_thresholds(seen, stepper, coding, "mean")
    found = perturbed_tpm(layer, stepper, coding, thresholds, seen)
    assert isinstance(found, PerturbedTpm)
    macro = means_of(seen.state[0].numpy(), clusters)
    np.testing.assert_allclose(thresholds.values, macro.mean(0), rtol=1e-6)
    on = macro > np.array(thresholds.values)
    table = np.zeros((8, 3))
    for row in range(8):
        for *state, now in zip(*seen.state, seen.inputs, strict=True):
            parts = [part.clone() for part in state]
            for part, whole in zip(parts, seen.state, strict=True):
                for place, cluster in enumerate(clusters):
                    for unit in cluster:
                        part[unit] = whole[:, unit][on[:, place] == bool(row >> place & 1)].mean()
            given = tuple(part[None, None] for part in parts)
            with torch.no_grad():
                after = layer(now[None, None], given[0] if kind is nn.GRU else given)[0][0, 0]
            table[row] += (means_of(after.numpy(), clusters) > np.array(thresholds.values)) / len(seen.inputs)
    np.testing.assert_allclose(found.state_by_node, table, atol=1e-12)
    assert len(np.unique(found.state_by_node)) > 5
    assert len(found.off[0]) == len(found.on[0]) == 6


def test_macro_units_are_connected_where_any_of_their_members_is() -> None:
    layer = nn.RNN(3, 5)
    weights = torch.zeros(5, 5)  # [to, from]
    weights[3, 0] = weights[2, 2] = weights[1, 4] = 1.0
    with torch.no_grad():
        layer.weight_hh_l0.copy_(weights)
    clusters = ((0, 1), (2, 3), (4,))
    coding = Coding(clusters)
    cm = coding.connected(weight_connectivity(layer, step_for(layer), coding.columns))
    expected = [[int(any(weights[j, i] for i in one for j in other)) for other in clusters] for one in clusters]
    assert [list(row) for row in cm] == expected
    two = Coding(clusters, bits=2).connected(weight_connectivity(layer, step_for(layer), coding.columns))
    assert [list(row) for row in two] == [[expected[i // 2][j // 2] for j in range(6)] for i in range(6)]


def test_clusters_of_a_lower_level_are_not_those_of_the_output() -> None:
    model = nn.Sequential(nn.GRU(3, 6, num_layers=2))
    with pytest.raises(InvalidArgumentError, match=r"selection='clusters', level=0: it goes by the output of layer '0'"):
        Watch(model, CaptureOptions(layers="0", units=2, selection="clusters"), PerturbOptions(level=0))
    with pytest.raises(InvalidArgumentError, match="not with transitions='depth'"):
        CaptureOptions(selection="clusters", transitions="depth")


def test_more_clusters_than_units_that_vary() -> None:
    model = nn.Sequential(nn.Linear(3, 4))
    with torch.no_grad():
        model[0].weight[2] = 0.0
    with Capture(model, CaptureOptions(layers="0", units=4, selection="clusters")) as capture:
        capture.begin_step()
        model(torch.randn(50, 3))
        capture.end_step()
        (layer,) = capture.end_epoch()
    assert layer.units.indices == (0, 1, 3)
    assert "4 units were asked for; the layer has 3 that vary, and all of them are analysed." in layer.notes


@pytest.mark.parametrize("options", [{}, {"bits": 2}])
def test_a_resumed_capture_goes_on_with_its_macro_units(options: dict) -> None:
    model = Rows()

    def run(capture: Capture) -> LayerEpoch:
        with capture:
            capture.begin_epoch(3)
            for step in range(3):
                capture.begin_step()
                model(torch.rand(50, 64, generator=torch.Generator().manual_seed(step)))
                capture.end_step()
            return capture.end_epoch()[0]

    first = Capture(model, CaptureOptions(units=2, selection="clusters", **options))
    before = run(first)
    again = Capture(model, CaptureOptions(units=2, selection="clusters", **options))
    again.load_state_dict(json.loads(json.dumps(first.state_dict())))
    after = run(again)
    assert (after.units, after.thresholds, after.counts, after.notes) == (
        *(before.units, before.thresholds, before.counts),
        before.notes,
    )
    other = Capture(model, CaptureOptions(units=3))
    other.load_state_dict(first.state_dict())
    resumed = run(other)
    assert resumed.units == before.units
    assert "units=3, bits=1, groups=auto was asked for; the run was resumed with the units that it began with." in resumed.notes


@pytest.mark.parametrize(
    "options", [{"tpm": "observe"}, {"tpm": "perturb", "cm": "weights"}, {"tpm": "perturb", "bits": 2, "units": 2}]
)
@pytest.mark.filterwarnings("ignore::lightning_iit.run.run.TwoBitsWarning")
def test_a_run_of_macro_units(tmp_path, options: dict) -> None:
    given = {"units": 3} | options
    callback = train(tmp_path, model=Gru(), data=sequence_data(400), layers="net.gru", selection="clusters", epochs=2, **given)
    assert len(callback.records) == 3
    bits = given.get("bits", 1)
    for record in callback.records:
        assert record.units.selection == "clusters"
        assert len(record.units.clusters) == given["units"] * bits
        assert sorted(unit for cluster in record.units.clusters[::bits] for unit in cluster) == list(range(16))
        cm = None if record.perturbation is None else record.perturbation.cm
        again = compute_phi(System(tpm=record.tpm.state_by_node, state=record.states[0].state, cm=cm))
        assert record.phi == pytest.approx(again.phi, abs=1e-9)
