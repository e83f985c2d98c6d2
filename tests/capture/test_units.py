"""The choice of units, thresholds, and options that cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightning_iit.capture import CaptureOptions
from lightning_iit.capture.choose.units import Moments, auto_units, choose
from lightning_iit.capture.count.binarize import encode, threshold_tensor, threshold_values
from lightning_iit.capture.count.transitions import NO_STATE
from lightning_iit.errors import IITError, InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi.cost import units_for

tables = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(-100, 100))


@given(tables, st.integers(0, 12))
def test_moments_of_parts_are_those_of_the_whole(table, cut):
    parts = [Moments.of(torch.from_numpy(part)) for part in (table[:cut], table[cut:])]
    merged = Moments.merged(parts)
    np.testing.assert_allclose(merged.variance, table.var(0), atol=1e-8)
    np.testing.assert_allclose(merged.mean, table.mean(0), atol=1e-9)


def test_moments_leave_out_what_is_not_finite():
    table = torch.tensor([[1.0, float("nan")], [3.0, float("inf")], [float("nan"), float("nan")]])
    moments = Moments.of(table)
    assert moments.count.tolist() == [2, 0]
    assert moments.variance.tolist() == [1.0, -1.0]


def test_selection():
    activations = torch.randn(500, 10, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 9, 1, 8, 1, 7, 1, 6, 1, 1])
    moments = Moments.of(activations)
    assert choose(4, selection="variance", seed=0, moments=moments).indices == (1, 3, 5, 7)
    assert choose(3, selection="first", seed=0, moments=moments).indices == (0, 1, 2)
    assert choose([5, 2], selection="variance", seed=0, moments=moments).indices == (5, 2)
    drawn = [choose(4, selection="random", seed=seed, moments=moments) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0].seed == 1
    assert choose(99, selection="first", seed=0, moments=moments).indices == tuple(range(10))
    with pytest.raises(InvalidArgumentError, match="10 units and no unit 10"):
        choose([0, 10], selection="first", seed=0, moments=moments)


@pytest.mark.parametrize(("transitions", "n"), [(0, 2), (799, 2), (800, 3), (1599, 3), (1600, 4), (3200, 5), (6400, 6), (1e9, 6)])
def test_auto_units_have_a_hundred_transitions_for_each_state(transitions, n):
    assert auto_units(transitions) == n
    assert auto_units(transitions, most=3) == min(n, 3)
    assert units_for(transitions) == n


@example(np.zeros((7, 3), np.float32), -3.402823364973241e38)  # below the lowest float32 that is finite
@given(hnp.arrays(np.float32, (7, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32)), st.floats(-1e300, 1e300))
def test_states_are_those_of_comparing_exact_numbers(table, threshold):
    values = (threshold, float(table[0, 1]), float(np.nextafter(table[0, 2], np.float32(np.inf))))
    for activations in (torch.from_numpy(table), torch.from_numpy(table).double()):
        codes, left_out = encode(activations, threshold_tensor(values, like=activations))
        expected = [sum(2**unit for unit in range(3) if float(row[unit]) > values[unit]) for row in table]
        assert codes.tolist() == expected
        assert int(left_out) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_row_with_an_activation_that_is_not_finite_has_no_state(dtype):
    rows = torch.tensor([[1, 1], [float("nan"), 1], [1, float("inf")], [-1, 1]], dtype=dtype)
    codes, left_out = encode(rows, threshold_tensor((0.0, 0.0), like=rows))
    assert codes.tolist() == [3, NO_STATE, NO_STATE, 2]
    assert int(left_out) == 2


def test_threshold_values():
    samples = np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 6.0], [9.0, 8.0]])
    assert threshold_values("median", samples) == (3.0, 5.5)
    assert threshold_values("mean", samples) == (4.0, 6.0)
    assert threshold_values("zero", samples) == (0.0, 0.0)
    assert threshold_values(0.25, samples) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"selection": "best"}, "'variance'"),
        ({"threshold": "midian"}, "'median'"),
        ({"threshold": float("nan")}, "finite"),
        ({"threshold": True}, "finite"),
        ({"transitions": "space"}, "'stream'"),
        ({"units": 0}, "at least one"),
        ({"units": "many"}, "'auto'"),
        ({"units": 2.5}, "how many"),
        ({"units": [1, 1]}, "twice"),
        ({"units": [-1, 1]}, "from 0"),
        ({"calibration_batches": 0}, "1 or more"),
        ({"lag": 0}, "1 or more"),
        ({"window": 1.5}, "whole number"),
        ({"layout": "BTN"}, "exactly one of them U or C"),
        ({"layout": "BUC"}, "exactly one"),
        ({"layout": {"rnn": "btu"}}, "capital"),
        ({"units": 13}, "states"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(InvalidArgumentError, match=words) as caught:
        CaptureOptions(**options)
    assert isinstance(caught.value, IITError)
    assert next(iter(options)) in str(caught.value)


def test_more_units_than_the_engine_serves_are_refused_with_the_cost():
    with pytest.raises(TooManyUnitsError, match="128 states"):
        CaptureOptions(units=7, max_units=6)
