"""estimate_tpm against hand-counted chains and a plain loop; what it refuses."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_iit import estimate_tpm
from lightning_iit.errors import InvalidArgumentError, InvalidStatesError, TooManyUnitsError
from lightning_iit.tpm import estimate


def chain(tpm: np.ndarray, steps: int, rng: np.random.Generator) -> np.ndarray:
    """States [time, unit] of a Markov chain with independent units given the state."""
    n = tpm.shape[1]
    states = np.zeros((steps, n), dtype=int)
    for t in range(1, steps):
        states[t] = rng.random(n) < tpm[states[t - 1] @ (1 << np.arange(n))]
    return states


def test_a_hand_counted_chain():
    # (0,0) -> (1,0) -> (1,1) -> (0,0) -> (1,0) -> (0,0); unit 0 is the least significant bit, so the codes are 0 1 3 0 1 0
    tpm = estimate_tpm(np.array([[0, 0], [1, 0], [1, 1], [0, 0], [1, 0], [0, 0]]))
    assert tpm.state_by_node.tolist() == [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]
    assert tpm.state_by_state.tolist() == [[0, 1, 0, 0], [0.5, 0, 0, 0.5], [0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0]]
    assert tpm.visits.tolist() == [2, 2, 0, 1]
    assert tpm.visited.tolist() == [True, True, False, True]
    assert (tpm.n, tpm.transitions, tpm.prior) == (2, 5, 0.5)
    assert tpm.counts.on == ((2, 0), (1, 1), (0, 0), (0, 0))
    assert tpm.counts.joint == ((0, 1, 2), (1, 0, 1), (1, 3, 1), (3, 0, 1))
    assert tpm.record.state_by_node == ((1.0, 0.0), (0.5, 0.5), (0.5, 0.5), (0.0, 0.0))
    assert tpm.record.visited == (True, True, False, True)


def test_rows_are_little_endian():
    # Only unit 0 is ON first: row 1. Big-endian rows would put it into row 4.
    tpm = estimate_tpm([[1, 0, 0], [0, 0, 1]])
    assert tpm.visits.tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    assert tpm.state_by_node[1].tolist() == [0.0, 0.0, 1.0]
    assert tpm.state_by_state[1].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]


def test_no_transition_crosses_from_one_sequence_to_the_next():
    apart = estimate_tpm([np.array([[0], [0], [0]]), np.array([[1], [1]]), np.array([[0]])])
    assert apart.counts.joint == ((0, 0, 2), (1, 1, 1))
    joined = estimate_tpm(np.array([[0], [0], [0], [1], [1], [0]]))
    assert joined.counts.joint == ((0, 0, 2), (0, 1, 1), (1, 0, 1), (1, 1, 1))


def test_unvisited_rows_hold_the_prior_and_visited_rows_none_of_it():
    tpm = estimate_tpm([[0, 0], [0, 0], [0, 1]], prior=0.25)
    assert tpm.state_by_node.tolist() == [[0.0, 0.5], [0.25, 0.25], [0.25, 0.25], [0.25, 0.25]]
    assert tpm.state_by_state[3].tolist() == [0.75 * 0.75, 0.25 * 0.75, 0.75 * 0.25, 0.25 * 0.25]
    assert tpm.state_by_state[0].tolist() == [0.5, 0.0, 0.5, 0.0]
    np.testing.assert_allclose(tpm.state_by_state.sum(axis=1), 1.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=2))))
def test_counts_equal_a_plain_loop(sequences):
    if not sequences:
        return
    n = len(sequences[0][0])
    expected = np.zeros((2**n, 2**n), dtype=int)
    for sequence in sequences:
        for before, after in itertools.pairwise(sequence):
            expected[sum(b << i for i, b in enumerate(before)), sum(b << i for i, b in enumerate(after))] += 1
    tpm = estimate_tpm([np.array(sequence) for sequence in sequences])
    np.testing.assert_array_equal(estimate.joint(tpm.counts), expected)
    np.testing.assert_array_equal(tpm.visits, expected.sum(axis=1))
    assert tpm.counts == estimate.counts_from_joint(expected)
    for row, visited in enumerate(tpm.visited):
        for unit in range(n):
            on = sum(expected[row, code] for code in range(2**n) if code >> unit & 1)
            assert tpm.state_by_node[row, unit] == (on / expected[row].sum() if visited else 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_random_chains_are_found_again(seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.1, 0.9, (16, 4))
    tpm = estimate_tpm(chain(truth, 5000, rng))
    deviation = (tpm.state_by_node - truth) / np.sqrt(truth * (1 - truth) / np.maximum(tpm.visits, 1)[:, None])
    assert tpm.visited.mean() > 0.9
    assert (np.abs(deviation[tpm.visited]) <= 3.5).mean() >= 0.99


def test_bool_list_tensor_and_whole_floats_are_the_same_states():
    torch = pytest.importorskip("torch")
    states = np.array([[0, 1], [1, 1], [1, 0], [0, 1]])
    expected = estimate_tpm(states).counts
    for same in (states.astype(bool), states.tolist(), states.astype(np.uint8), states.astype(float), [states], (states,)):
        assert estimate_tpm(same).counts == expected
    assert estimate_tpm(torch.tensor(states)).counts == expected
    assert estimate_tpm([torch.tensor(states).bool()]).counts == expected


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ([[0, 2], [1, 0]], r"entry \[0, 1\] is 2"),
        ([[0.0, np.nan], [1.0, 0.0]], "nan"),
        ([[0.1, 0.9], [1.0, 0.0]], "threshold"),
        ([[-1, 1], [1, -1]], "-1"),
        (np.zeros((2, 3, 4), dtype=int), "separate sequences"),
        (np.zeros(5, dtype=int), "shape"),
        (np.zeros((5, 0), dtype=int), "shape"),
        ([np.zeros((3, 2), int), np.zeros((3, 3), int)], "the same units"),
        ([[0, 1], [0]], "states"),
        ([[[0, 1], [0, 1]], [[0, 1], [0]]], r"states\[1\]"),
        (np.array([["0", "1"], ["1", "0"]]), "integers"),
        (np.zeros((1, 2), dtype=int), "two steps"),
        ([np.zeros((1, 2), int), np.zeros((0, 2), int)], "two steps"),
        ([], "empty"),
        (None, "shape"),
        ("0101", "shape"),
    ],
)
def test_anything_else_is_refused_in_words(states, word):
    with pytest.raises(InvalidStatesError, match=word):
        estimate_tpm(states)


def test_too_many_units_and_a_prior_that_is_none():
    with pytest.raises(TooManyUnitsError, match="16"):
        estimate_tpm(np.zeros((3, 17), dtype=int))
    for prior in (-0.1, 1.5, float("nan")):
        with pytest.raises(InvalidArgumentError, match="prior"):
            estimate_tpm([[0], [1]], prior=prior)


def test_a_tpm_is_frozen():
    tpm = estimate_tpm([[0], [1]])
    with pytest.raises(dataclasses.FrozenInstanceError):
        tpm.prior = 0.1
