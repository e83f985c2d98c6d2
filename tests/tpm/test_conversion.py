"""State-by-node to state-by-state and back, against PyPhi's own conversion written out and hand-made cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import lightning_iit
from lightning_iit.errors import InvalidSystemError
from lightning_iit.tpm.conversion import bits, conditional_independence, marginals, state_by_node, state_by_state


def product(tpm: np.ndarray) -> np.ndarray:
    """The product of the units' probabilities, entry by entry."""
    size, n = tpm.shape
    square = np.empty((size, size))
    for row, column in itertools.product(range(size), repeat=2):
        square[row, column] = np.prod([tpm[row, i] if column >> i & 1 else 1 - tpm[row, i] for i in range(n)])
    return square


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_there_and_back(n):
    tpm = np.random.default_rng(n).random((2**n, n))
    square = state_by_state(tpm)
    np.testing.assert_allclose(square, product(tpm), atol=1e-15)
    np.testing.assert_allclose(state_by_node(square), tpm, atol=1e-14)
    assert conditional_independence(square) < 1e-14


def test_states_are_little_endian():
    assert bits(2).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    swap = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])  # each unit takes the other's state
    assert state_by_state(swap).tolist() == np.eye(4)[[0, 2, 1, 3]].tolist()
    assert lightning_iit.state_by_node(np.eye(4)[[0, 2, 1, 3]]).tolist() == swap.tolist()


def test_dependence_is_measured_and_refused():
    # Both units ON or both OFF: each is ON half of the time, the product is 1/4 everywhere.
    square = np.tile([0.5, 0.0, 0.0, 0.5], (4, 1))
    assert conditional_independence(square) == pytest.approx(0.25)
    with pytest.raises(InvalidSystemError, match=r"0\.25 away"):
        state_by_node(square)
    assert state_by_node(square, tolerance=None).tolist() == [[0.5, 0.5]] * 4
    assert state_by_node(square, tolerance=0.3).tolist() == [[0.5, 0.5]] * 4


@pytest.mark.parametrize(
    ("square", "word"),
    [
        (np.full((3, 3), 1 / 3), "shape"),
        (np.ones((1, 1)), "shape"),
        (np.full((4, 2), 0.5), "shape"),
        (np.full((4, 4), 0.2), "sums to 0.8"),
        ([[np.nan, 1.0], [0.0, 1.0]], "nan"),
        ([[1.5, -0.5], [0.0, 1.0]], "1.5"),
        ([[0.5, 0.5], [1.0]], "two-dimensional"),
        ([0.5, 0.5], "two-dimensional"),
    ],
)
def test_what_is_no_state_by_state_tpm(square, word):
    for function in (marginals, conditional_independence, state_by_node):
        with pytest.raises(InvalidSystemError, match=word):
            function(square)


def test_what_is_no_state_by_node_tpm():
    with pytest.raises(InvalidSystemError, match="one row each"):
        state_by_state(np.full((3, 2), 0.5))
    with pytest.raises(InvalidSystemError, match="too large"):
        state_by_state(np.full((2**14, 14), 0.5))
