"""Counts: from codes, from a table, back again, and their sum."""

from __future__ import annotations

import numpy as np
import pytest

from lightning_iit.errors import InvalidArgumentError, InvalidStatesError
from lightning_iit.records import Counts
from lightning_iit.tpm import counts


def test_codes_and_table_give_the_same_counts():
    before, after = np.array([0, 1, 1, 2, 1]), np.array([1, 3, 3, 0, 0])
    expected = Counts(visits=(1, 3, 1, 0), on=((1, 0), (2, 2), (0, 0), (0, 0)), joint=((0, 1, 1), (1, 0, 1), (1, 3, 2), (2, 0, 1)))
    assert counts.counts_from_codes(before, after, units=2) == expected
    table = np.zeros((4, 4))
    np.add.at(table, (before, after), 1)
    assert counts.counts_from_joint(table) == expected
    np.testing.assert_array_equal(counts.joint(expected), table)
    assert expected.transitions == 5


def test_nothing_counted_is_a_count_too():
    empty = counts.counts_from_codes([], [], units=2)
    assert empty == Counts(visits=(0,) * 4, on=((0, 0),) * 4, joint=())
    assert counts.joint(empty).sum() == 0
    assert counts.merge([empty, empty]) == empty


def test_merge_is_counting_everything_at_once():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 8, (3, 2, 50))
    parts = [counts.counts_from_codes(before, after, units=3) for before, after in codes]
    together = counts.counts_from_codes(codes[:, 0].ravel(), codes[:, 1].ravel(), units=3)
    assert counts.merge(parts) == together
    assert counts.merge(iter(parts[:1])) == parts[0]


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(InvalidStatesError, match="0 to 3"):
        counts.counts_from_codes([0, 4], [0, 0], units=2)
    with pytest.raises(InvalidStatesError, match="0 to 3"):
        counts.counts_from_codes([0, 1], [0, -1], units=2)
    with pytest.raises(InvalidStatesError, match="integers"):
        counts.counts_from_codes([0.0], [1.0], units=2)
    with pytest.raises(InvalidStatesError, match="shapes"):
        counts.counts_from_codes([0, 1], [1], units=2)
    for table in (np.zeros((3, 3)), np.zeros((2, 4)), np.zeros(4), np.zeros((1, 1)), np.full((2, 2), 0.5), -np.ones((2, 2))):
        with pytest.raises(InvalidStatesError, match="joint"):
            counts.counts_from_joint(table)
    one, two = (counts.counts_from_codes([0], [1], units=units) for units in (1, 2))
    with pytest.raises(InvalidArgumentError, match="same units"):
        counts.merge([one, two])
    with pytest.raises(InvalidArgumentError, match="at least one"):
        counts.merge([])
