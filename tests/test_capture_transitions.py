"""State codes, transition counts, and their sum over ranks."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_iit.capture.transitions import NO_STATE, TransitionCounts, count, counts_record, pack

sizes = st.integers(1, 5)


@given(sizes.flatmap(lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=1, max_size=20)))
def test_unit_0_is_the_least_significant_bit(rows):
    codes = pack(torch.tensor(rows))
    assert codes.dtype == torch.int64
    assert codes.tolist() == [sum(2**unit for unit, bit in enumerate(row) if bit) for row in rows]


def test_a_big_endian_index_would_be_seen():
    assert pack(torch.tensor([[True, False, False], [False, False, True]])).tolist() == [1, 4]


@st.composite
def code_tables(draw):
    n = draw(sizes)
    width = draw(st.integers(0, 12))
    row = st.lists(st.integers(NO_STATE, 2**n - 1), min_size=width, max_size=width)
    return n, draw(st.integers(1, 3)), draw(st.lists(row, min_size=1, max_size=6))


@settings(deadline=None)
@given(code_tables())
def test_count_equals_a_plain_loop(table):
    n, lag, rows = table
    expected = Counter()
    for row in rows:
        for first, then in zip(row, row[lag:], strict=False):
            if first >= 0 and then >= 0:
                expected[first * 2**n + then] += 1
    counted = count(torch.tensor(rows, dtype=torch.int64), n, lag=lag)
    assert {index: number for index, number in enumerate(counted.tolist()) if number} == dict(expected)


@settings(deadline=None)
@given(code_tables())
def test_a_record_holds_visits_and_next_on_counts_of_the_joint_counts(table):
    n, _, rows = table
    record = counts_record(count(torch.tensor(rows, dtype=torch.int64), n), n)
    assert list(record.joint) == sorted(record.joint)
    assert record.transitions == sum(number for *_, number in record.joint)
    for state in range(2**n):
        after = [(then, number) for first, then, number in record.joint if first == state]
        assert record.visits[state] == sum(number for _, number in after)
        assert record.on[state] == tuple(sum(number for then, number in after if then >> unit & 1) for unit in range(n))


def test_metric_adds_up_and_starts_anew():
    metric = TransitionCounts(1)
    metric.update(torch.tensor([[0, 1, 1]]), left_out=2)
    metric.update(torch.tensor([[1, 0, NO_STATE, 0]]), left_out=1)
    assert metric.compute().tolist() == [0, 1, 1, 1]
    assert int(metric.left_out) == 3
    metric.reset()
    metric.update(torch.tensor([[0, 0]]))
    assert metric.compute().tolist() == [1, 0, 0, 0]


def test_metric_counts_across_inference_mode():
    metric = TransitionCounts(1)
    with torch.inference_mode():
        metric.update(torch.tensor([[0, 1]]))
    metric.update(torch.tensor([[0, 1]]))
    assert metric.compute().tolist() == [0, 2, 0, 0]


@pytest.mark.parametrize("n", [1, 3])
def test_nothing_to_count(n):
    assert count(torch.empty((0, 0), dtype=torch.int64), n).tolist() == [0] * 4**n
    assert count(torch.zeros((5, 1), dtype=torch.int64), n).sum() == 0
