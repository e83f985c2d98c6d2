"""The measures of a whole layer in one call: what is measured, left out, refused and said."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whole_systems import autoregressive, covariances_of, gaussian_systems, series_of, stationary

from lightning_iit import InvalidArgumentError, UnusableSeriesError, WholeLayer, whole_layer
from lightning_iit.errors import InvalidStatesError
from lightning_iit.whole import Covariances
from lightning_iit.whole.notes import broken_order, notes_on_values
from lightning_iit.whole.values.measures import MEASURES, expected_bias, values_at
from lightning_iit.whole.values.partitions import cut, partition_of


def blocks(steps: int, seed: int = 0) -> np.ndarray:
    """Two rings of three units each that have nothing to do with each other."""
    ring = 0.6 * np.roll(np.eye(3), 1, axis=0)
    return series_of(np.kron(np.eye(2), ring), steps, seed)


def test_values_are_those_of_the_covariances():
    system = next(one for one in gaussian_systems() if one["name"] == "dense_N8")
    found = whole_layer(covariances_of(system), measures=["total_correlation", "stochastic_interaction", "phi_star"])
    for short, name in (("MI1", "total_correlation"), ("SI", "stochastic_interaction"), ("star", "phi_star")):
        wanted = system["exhaustive"][short]
        assert found[name].minimum.value == pytest.approx(wanted["phi"], abs=2e-9)
        assert found[name].gap == pytest.approx(wanted["gap_to_second"], abs=4e-9)
        assert found[name].atomic.value == pytest.approx(system["atomic"][short], abs=2e-9)
    assert found.information == pytest.approx(system["atomic"]["I_XY"], abs=1e-12)
    assert found.kind == "statistical"


def test_estimates_come_near_the_values_of_the_model():
    matrix = autoregressive(4, 1)
    true = whole_layer(stationary(matrix), measures=["stochastic_interaction", "phi_g"])
    found = whole_layer(series_of(matrix, 100_000, 2), measures=["stochastic_interaction", "phi_g"], surrogates=0)
    for one in true.measures:
        assert found[one.name].atomic.value == pytest.approx(one.atomic.value, rel=0.02)
        assert found[one.name].partition == one.partition


def test_the_covariance_of_a_series_by_hand():
    """Past and present are centred apart, the divisor is the pairs less one, and no pair goes from one sequence to the next."""
    sequences = [np.random.default_rng(seed).standard_normal((40, 2)).cumsum(axis=0) for seed in range(3)]
    past = np.concatenate([one[:-2] for one in sequences])
    present = np.concatenate([one[2:] for one in sequences])
    joint = np.cov(np.hstack([past, present]), rowvar=False)
    values = values_at(Covariances(joint[:2, :2], joint[2:, 2:], joint[:2, 2:]), ((0,), (1,)), MEASURES)
    found = whole_layer(sequences, lag=2, surrogates=0)
    assert (found.samples, found.sequences, found.lag) == (3 * 38, 3, 2)
    for name in MEASURES:
        assert found[name].atomic.value == pytest.approx(values[name].value, abs=1e-9)
    joined = whole_layer(np.concatenate(sequences), lag=2, surrogates=0)
    assert joined["stochastic_interaction"].atomic.value != pytest.approx(values["stochastic_interaction"].value, rel=1e-3)


def test_rows_that_are_not_finite_end_a_sequence():
    series = blocks(500)
    series[200, 4] = np.nan
    found = whole_layer(series, measures=["stochastic_interaction"], surrogates=0)
    apart = whole_layer([series[:200], series[201:]], measures=["stochastic_interaction"], surrogates=0)
    assert found.measures == apart.measures
    assert found.samples == 199 + 298
    assert any("1 rows were left out" in note for note in found.notes)


def test_independent_blocks_are_the_minimum_partition():
    found = whole_layer(blocks(20_000), measures=["total_correlation_pairs", "stochastic_interaction", "phi_g"], surrogates=0)
    for one in found.measures:
        assert one.partition == ((0, 1, 2), (3, 4, 5))
        assert one.minimum.value < 0.003 < 0.3 < one.atomic.value


def test_groups_are_not_divided_and_a_partition_can_be_given():
    series = blocks(3000)
    heads = [[0, 3], [1, 4], [2, 5]]
    found = whole_layer(series, measures=["stochastic_interaction"], groups=heads, surrogates=0)["stochastic_interaction"]
    for part in found.partition:
        assert all(set(head) <= set(part) or not set(head) & set(part) for head in heads)
    given = whole_layer(series, measures=["stochastic_interaction"], partition=[[0, 1, 2], [3, 4, 5]], surrogates=0)
    assert given["stochastic_interaction"].search == "given"
    assert given["stochastic_interaction"].minimum.value < found.minimum.value
    some = whole_layer(series, measures=["stochastic_interaction"], groups=[[0], [2], [5]], surrogates=0)
    assert some.units == (0, 2, 5)
    only = whole_layer(series[:, [0, 2, 5]], measures=["stochastic_interaction"], surrogates=0)
    assert some["stochastic_interaction"].atomic == only["stochastic_interaction"].atomic
    with pytest.raises(InvalidArgumentError, match="divides one of the groups"):
        whole_layer(series, groups=heads, partition=[[0, 1, 2], [3, 4, 5]])


def test_units_that_cannot_be_measured_are_left_out_and_named():
    series = blocks(2000)
    dead, copied = np.zeros((2000, 1)), series[:, [1]] + 1e-4 * np.random.default_rng(0).standard_normal((2000, 1))
    total = series[:, [0]] + 2 * series[:, [3]]
    found = whole_layer(np.hstack([dead, series, copied, total]), measures=["stochastic_interaction"], surrogates=0)
    assert {one.unit: one.reason.split(" ")[1:3] for one in found.dropped} == {
        0: ["never", "varies"],
        7: ["correlates", "by"],
        8: ["is", "a"],
    }
    assert found.units == (1, 2, 3, 4, 5, 6)
    plain = whole_layer(series, measures=["stochastic_interaction"], surrogates=0)
    assert found["stochastic_interaction"].minimum.value == pytest.approx(plain["stochastic_interaction"].minimum.value, abs=1e-12)
    chances = np.exp(series[:, :4]) / np.exp(series[:, :4]).sum(axis=1, keepdims=True)  # their sum is 1
    assert [one.unit for one in whole_layer(chances, surrogates=0).dropped] == [3]


def test_what_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(UnusableSeriesError, match="singular below 82"):
        whole_layer(rng.standard_normal((70, 40)))
    delayed = rng.standard_normal((999, 1))
    with pytest.raises(UnusableSeriesError, match="exact linear function of the past"):
        whole_layer(np.hstack([delayed, np.roll(delayed, 1, axis=0)]))
    with pytest.raises(UnusableSeriesError, match="0 of 3 elements"):
        whole_layer(np.zeros((99, 3)))
    with pytest.raises(InvalidStatesError, match="shape"):
        whole_layer(np.zeros((3, 4, 5)))
    with pytest.raises(InvalidStatesError, match="same units"):
        whole_layer([np.zeros((9, 2)), np.zeros((9, 3))])
    with pytest.raises(InvalidArgumentError, match="no measure 'phi'"):
        whole_layer(np.zeros((9, 2)), measures=["phi"])
    with pytest.raises(InvalidArgumentError, match="without an order"):
        whole_layer(np.zeros((9, 2)), measures=["phi_star"], ordered=False)
    with pytest.raises(InvalidArgumentError, match="lag=0"):
        whole_layer(np.zeros((9, 2)), lag=0)
    with pytest.raises(InvalidArgumentError, match="hold each of the units"):
        partition_of([[0], [0, 1]], 2)


def test_samples_without_an_order_have_total_correlation_alone():
    rows = np.random.default_rng(0).multivariate_normal(np.zeros(3), np.eye(3) + 0.3, 4000)
    found = whole_layer(rows, ordered=False, surrogates=99)
    assert [one.name for one in found.measures] == ["total_correlation"]
    correlation = np.corrcoef(rows, rowvar=False)
    assert found["total_correlation"].atomic.value == pytest.approx(-0.5 * np.log(np.linalg.det(correlation)), abs=1e-12)
    shuffled = whole_layer(np.random.default_rng(1).permutation(rows), ordered=False, surrogates=99)
    assert shuffled["total_correlation"].atomic.value == pytest.approx(found["total_correlation"].atomic.value, abs=1e-12)
    null = found["total_correlation"].atomic.null
    assert (null.method, null.p) == ("samples", 0.01)
    assert (found.lag, found.information, found.effective_samples) == (0, None, None)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(-4, 4))
def test_scale_and_place_of_units_do_not_matter(seed, exponent):
    rng = np.random.default_rng(seed)
    series = series_of(autoregressive(4, seed % 50), 300, seed)
    moved = series * 10.0 ** (exponent * rng.random(4)) + rng.standard_normal(4)
    one, other = (whole_layer(each, partition=[[0], [1, 2, 3]], surrogates=0) for each in (series, moved))
    for measure in one.measures:
        assert other[measure.name].atomic.value == pytest.approx(measure.atomic.value, abs=1e-7)
        assert other[measure.name].minimum.value == pytest.approx(measure.minimum.value, abs=1e-7)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_the_measures(seed):
    """0 <= Φ_G <= min(SI, I), SI <= MI = MI1 + SI, 0 <= Φ* <= I; refining a partition never makes MI1, MI and SI smaller."""
    series = whole_layer(stationary(autoregressive(5, seed, radius=0.9)), partition=[[0, 1], [2, 3, 4]])
    value = {one.name: one.minimum.value for one in series.measures}
    assert 0 <= value["phi_g"] <= min(value["stochastic_interaction"], series.information) + 1e-9
    assert value["total_correlation_pairs"] == pytest.approx(
        value["total_correlation"] + value["stochastic_interaction"], abs=1e-10
    )
    assert 0 <= value["phi_star"] <= series.information + 1e-9
    for one in series.measures[:3]:
        assert one.atomic.value >= one.minimum.value - 1e-12


def test_bias_of_independent_units():
    """To first order; Φ* and Φ_G are near to each other there."""
    steps, sets = 500, 400
    rng = np.random.default_rng(0)
    each = [[unit] for unit in range(5)]
    found = [whole_layer(rng.standard_normal((steps + 1, 5)), partition=each, surrogates=0) for _ in range(sets)]
    for name in MEASURES:
        mean = np.mean([one[name].atomic.value for one in found])
        wanted = expected_bias(name, tuple((unit,) for unit in range(5)), steps) or 0.0202
        assert mean == pytest.approx(wanted, rel=0.06)
    assert expected_bias("stochastic_interaction", cut((0, 1), 5), steps) == pytest.approx(3 * 2 * 3 / (2 * steps))
    assert expected_bias("phi_star", cut((0,), 5), steps) is None


def test_what_is_said():
    trend = blocks(1000) + np.linspace(-2, 2, 1000)[:, None]
    assert any("straight line" in note for note in whole_layer(trend, surrogates=0).notes)
    slow = series_of(0.95 * np.eye(3), 4000, 0)
    found = whole_layer(slow, surrogates=0)
    assert any("resemble each other" in note for note in found.notes)
    assert found.effective_samples == pytest.approx(3999 * (1 - 0.95**2) / (1 + 0.95**2), rel=0.25)
    few = whole_layer(blocks(60), surrogates=0)
    assert any("fewer than 20 for each unit" in note for note in few.notes)
    sparse = np.maximum(blocks(1000) - 0.5, 0.0)
    assert any("0 in more than half" in note for note in whole_layer(sparse, surrogates=0).notes)
    assert "heuristic minimum, an upper bound" in whole_layer(stationary(autoregressive(14, 0)))["stochastic_interaction"].words


def test_wide_layers():
    given = stationary(autoregressive(40, 0))
    found = whole_layer(given)
    assert [one.search for one in found.measures] == [
        *("queyranne", "queyranne", "heuristic"),
        *("as_stochastic_interaction", "as_stochastic_interaction"),
    ]
    assert found["phi_star"].partition == found["phi_g"].partition == found["stochastic_interaction"].partition
    assert any("nearly the information" in note for note in found.notes)


def test_a_record_travels_as_json():
    from msgspec import json

    found = whole_layer(blocks(400)[:, :3], surrogates=3, resamples=3, pairs="mmi")
    assert json.decode(json.encode(found), type=WholeLayer) == found


def test_nothing_loads_torch():
    code = "import sys, lightning_iit; lightning_iit.whole_layer; lightning_iit.phiid; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_values_that_contradict_each_other_are_said():
    """Each inequality is looked at in every result; here one value at a time is made wrong."""
    found = whole_layer(blocks(2000), surrogates=0)
    assert broken_order(found.measures, found.information) == ""
    value = {one.name: one.atomic.value for one in found.measures}
    wrong = {
        "phi_g": (value["stochastic_interaction"] + 1e-3, "Φ_G"),
        "phi_star": (found.information + 1e-3, "Φ*"),
        "stochastic_interaction": (value["total_correlation_pairs"] + 1e-3, "SI"),
        "total_correlation": (value["total_correlation"] + 1e-3, "MI1 + SI"),
        "total_correlation_pairs": (value["total_correlation_pairs"] - 1e-3, "MI1 + SI"),
    }
    for name, (number, words) in wrong.items():
        measures = [
            msgspec.structs.replace(one, atomic=msgspec.structs.replace(one.atomic, value=number)) if one.name == name else one
            for one in found.measures
        ]
        assert broken_order(measures, found.information).startswith(words), name
        assert any("contradict each other" in note for note in notes_on_values(measures, found.information))
