"""Units of two bits: the Gray code of a unit's quartiles, counted, set and named, with an oracle in plain loops."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from models import Gru, perturbed_tpm, seen_layer, sequence_data
from plain_loops import Digits, as_counter, batches_of, check_consistent, raw_of
from plain_loops import train as run_batches
from torch import nn
from training import train

from lightning_iit.capture import Capture, CaptureOptions
from lightning_iit.capture.choose.units import auto_units
from lightning_iit.capture.count.coding import Coding, ThresholdTensors
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import PerturbedTpm, observe, observed_thresholds
from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi.compute import compute_phi
from lightning_iit.records import Skipped, System, Units
from lightning_iit.report.report import markdown
from lightning_iit.run.run import TwoBitsWarning

GRAY = [(0, 0), (0, 1), (1, 1), (1, 0)]
"""The code of each quartile, from the lowest."""


def quartile(value: float, limits: np.ndarray) -> int:
    return sum(value > limit for limit in limits)


def code(values: list[float], limits: np.ndarray) -> int:
    """The index of the state of some units, by hand; ``limits [3, unit]``."""
    bits = [bit for unit, value in enumerate(values) for bit in GRAY[quartile(value, limits[:, unit])]]
    return sum(bit << place for place, bit in enumerate(bits))


def test_counts_equal_plain_loops() -> None:
    torch.manual_seed(0)
    model = Digits()
    options = CaptureOptions(layers="net.2", units=[7, 3], bits=2, calibration_batches=5)
    with Capture(model, options) as capture:
        for epoch in range(2):
            capture.begin_epoch(29)
            batches = batches_of(1797, seed=epoch)
            raw = raw_of(model.net[2], model, lambda batches=batches: run_batches(model, batches, capture))
            (layer,) = capture.end_epoch()
            assert layer.units == Units(indices=(7, 7, 3, 3), width=128, selection="given", bits=2)
            assert layer.units.labels == ("7a", "7b", "3a", "3b")
            limits = np.quantile(np.concatenate(raw[:5])[:, [7, 3]], [0.25, 0.5, 0.75], axis=0)
            stored = layer.thresholds
            assert (stored.values, stored.upper) == (
                (limits[1, 0], limits[0, 0], limits[1, 1], limits[0, 1]),
                (None, limits[2, 0], None, limits[2, 1]),
            )
            assert (stored.strategy, stored.samples) == ("quartiles", 5 * 64)
            codes = [code(row[[7, 3]].tolist(), limits) for row in np.concatenate(raw)]
            assert as_counter(layer.counts) == Counter(pairwise(codes))
            check_consistent(layer.counts, 4)
            assert sum(bit << place for place, bit in enumerate(layer.last_state)) == codes[-1]
            assert any("two readings of one unit" in note for note in layer.notes)


def test_neighbouring_quartiles_differ_in_one_element() -> None:
    coding = Coding(((0,),), bits=2)
    thresholds = coding.thresholds("median", np.repeat(np.arange(8.0), 2).reshape(-1, 2), frozen=False)
    values = torch.tensor([[-1.0], [2.0], [5.0], [99.0]])
    bits = ThresholdTensors.of(thresholds, like=values).bits(coding.values(values))
    assert [tuple(row) for row in bits.int().tolist()] == GRAY
    assert coding.levels(bits)[:, 0].tolist() == [0, 1, 2, 3]


def test_quartiles_taken_again_say_of_how_many_samples_they_are() -> None:
    values = np.random.default_rng(0).normal(size=(40, 1)).repeat(2, axis=1)
    coding = Coding(((0,),), bits=2)
    first = coding.thresholds("median", values, frozen=False)
    assert coding.thresholds(first.strategy, values, frozen=False) == first
    assert first.samples == 40


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_a_perturbed_tpm_is_what_its_definition_says(kind: type[nn.GRU | nn.LSTM]) -> None:
    """Both elements of a unit are set by setting it to the mean of its values in one quartile."""
    layer, stepper, seen = seen_layer(kind)
    units = [4, 1]
    coding = Coding(((4,), (1,)), bits=2)
    thresholds = observed_thresholds(seen, stepper, coding, "median")
    found = perturbed_tpm(layer, stepper, coding, thresholds, seen)
    assert isinstance(found, PerturbedTpm)
    limits = np.quantile(seen.state[0][:, units].double().numpy(), [0.25, 0.5, 0.75], axis=0)
    quartiles = [
        [quartile(value, limits[:, place]) for value in seen.state[0][:, unit].tolist()] for place, unit in enumerate(units)
    ]
    table = np.zeros((16, 4))
    for row in range(16):
        wanted = [GRAY.index((row >> 2 * place & 1, row >> 2 * place + 1 & 1)) for place in range(2)]
        for *state, now in zip(*seen.state, seen.inputs, strict=True):
            parts = [part.clone() for part in state]
            for part, whole in zip(parts, seen.state, strict=True):
                for place, unit in enumerate(units):
                    part[unit] = whole[:, unit][np.array(quartiles[place]) == wanted[place]].mean()
            given = tuple(part[None, None] for part in parts)
            with torch.no_grad():
                after = layer(now[None, None], given[0] if kind is nn.GRU else given)[0][0, 0, units]
            index = code(after.tolist(), limits)
            table[row] += [(index >> element & 1) / len(seen.inputs) for element in range(4)]
    np.testing.assert_allclose(found.state_by_node, table, atol=1e-12)
    assert len(np.unique(found.state_by_node)) > 5
    assert [len(part) for part in (found.off, found.on, found.between)] == [len(seen.state), len(seen.state), 2]
    means = [values[0][0] for values in (found.off, *found.between, found.on)]
    assert means == sorted(means)


def test_a_quartile_that_was_never_seen_has_no_value_to_set() -> None:
    torch.manual_seed(0)
    layer = nn.RNN(3, 4, nonlinearity="relu", batch_first=True)
    with torch.no_grad():
        layer.bias_hh_l0[2] = -99.0
    reservoir = Reservoir()
    with reservoir.attach(layer):
        layer(torch.randn(8, 6, 3))
    stepper, coding = step_for(layer), Coding(((0,), (2,)), bits=2)
    seen = observe(layer, stepper, reservoir.calls)
    found = perturbed_tpm(layer, stepper, coding, observed_thresholds(seen, stepper, coding, "median"), seen)
    assert isinstance(found, Skipped)
    assert found.code == "quartile_not_seen"
    assert "2 was never in quartile" in found.reason or "2 were never in quartile" in found.reason


@pytest.mark.parametrize(("transitions", "n"), [(0, 2), (1600, 2), (3200, 2), (6400, 3), (1e9, 3)])
def test_auto_counts_elements(transitions: float, n: int) -> None:
    assert auto_units(transitions, bits=2) == n


@pytest.mark.parametrize("most", range(2, 7))
@pytest.mark.parametrize("transitions", [0, 1600, 1e9])
def test_auto_takes_no_more_elements_than_are_allowed(most: int, transitions: float) -> None:
    assert 2 <= 2 * auto_units(transitions, most=most, bits=2) <= most


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bits": 3}, "bits=3: a unit is coded as 1 binary element, or as 2"),
        ({"bits": True}, "bits=True"),
        ({"bits": 2, "threshold": "zero"}, "made of its quartiles, so threshold='zero' has no use"),
        ({"bits": 2, "threshold": 0.5}, "threshold=0.5 has no use"),
        ({"bits": 2, "transitions": "depth"}, "bits=2: not with transitions='depth'"),
    ],
)
def test_options_that_cannot_be(options: dict, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        CaptureOptions(**options)


def test_elements_count_against_what_the_engine_serves() -> None:
    CaptureOptions(units=4, bits=2, max_units=8)
    with pytest.raises(TooManyUnitsError, match=r"units=5: 10 elements \(bits=2 for each unit\) have 1024 states"):
        CaptureOptions(units=5, bits=2, max_units=8)


@pytest.mark.parametrize(("tpm", "kind"), [("observe", "observational"), ("perturb", "causal")])
def test_a_run_of_two_bits_says_what_they_are(tmp_path, tpm: str, kind: str) -> None:
    with pytest.warns(TwoBitsWarning, match="not separate causal elements") as said:
        callback = train(
            tmp_path, model=Gru(), data=sequence_data(800), layers="net.gru", units=2, bits=2, tpm=tpm, epochs=2, initial=False
        )
    assert len([warning for warning in said if warning.category is TwoBitsWarning]) == 1
    assert len(callback.records) == 2
    for record in callback.records:
        assert record.kind == kind
        assert record.units.bits == 2
        assert len(record.units.indices) == len(record.units.labels) == len(record.thresholds.values) == 4
        assert len(record.tpm.state_by_node) == 16
        assert any("two readings of one unit" in note for note in record.notes)
        assert (record.perturbation is not None and len(record.perturbation.between)) == (2 if tpm == "perturb" else False)
        again = compute_phi(System(tpm=record.tpm.state_by_node, state=record.states[0].state))
        assert record.phi == pytest.approx(again.phi, abs=1e-9)
    text = markdown(callback.records)
    assert "two elements, which are not separate causal elements" in text
    assert "coded as 00, 01, 11 or 10" in text
