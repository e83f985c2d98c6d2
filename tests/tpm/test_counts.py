"""Counts: from codes, from a table, back again, and their sum."""

from __future__ import annotations

import numpy as np
import pytest
from chains import triples_from_codes

from lightning_iit.errors import InvalidArgumentError, InvalidStatesError
from lightning_iit.records import Counts, Dynamics
from lightning_iit.run.windows import Window
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


def dynamics_of(codes: np.ndarray) -> Dynamics:
    middle = len(codes) // 2
    halves = [counts.counts_from_codes(part[:-1], part[1:], units=3) for part in (codes[: middle + 1], codes[middle:])]
    triples = triples_from_codes([codes], units=3)
    return Dynamics(triples=tuple(map(tuple, triples.tolist())), halves=tuple(halves))


def test_merged_dynamics_are_those_of_all_epochs_split_nearest_to_the_middle():
    rng = np.random.default_rng(0)
    epochs = [rng.integers(0, 8, size) for size in (101, 301, 201)]
    parts = [dynamics_of(codes) for codes in epochs]
    merged = counts.merge_dynamics(parts)
    assert np.array_equal(merged.triples, triples_from_codes(epochs, units=3))
    # 50 + 50 + 150 of 600 transitions are nearer to the middle than 50 + 50 + 150 + 150.
    assert merged.halves[0] == counts.merge([*parts[0].halves, parts[1].halves[0]])
    assert merged.halves[1] == counts.merge([parts[1].halves[1], *parts[2].halves])
    assert counts.merge_dynamics(parts[:1]) == parts[0]
    some = [parts[0], Dynamics(triples=None, halves=parts[1].halves), Dynamics(triples=parts[2].triples)]
    assert counts.merge_dynamics(some) == Dynamics(triples=None, halves=())


def test_a_window_holds_the_last_epochs_and_carries_those_that_the_next_is_joined_to():
    rng = np.random.default_rng(1)
    parts = [dynamics_of(rng.integers(0, 8, 50)) for _ in range(4)]
    window = Window(3)
    for part in parts:
        window.add(counts.merge(part.halves), part)
    assert window.counts == counts.merge([half for part in parts[1:] for half in part.halves])
    assert window.dynamics == counts.merge_dynamics(parts[1:])
    assert [epoch.dynamics for epoch in window.carried] == parts[2:]
    again = Window(3, window.carried)
    for one in (window, again):
        one.add(counts.merge(parts[0].halves), parts[0])
    assert again.counts == window.counts
    assert Window(1, window.epochs).carried == []
    window.add(parts[0].halves[0], None)
    assert window.dynamics is None, "of one of its epochs nothing was counted"
