"""Influence of unit on unit, by hand."""

from __future__ import annotations

import numpy as np

from lightning_iit.tpm.conversion import bits
from lightning_iit.tpm.influence import influence


def test_copies_noise_and_gates():
    state = bits(3).astype(float)
    # Unit 0 copies unit 1, unit 1 is AND of 0 and 2, unit 2 is noise.
    tpm = np.stack([state[:, 1], state[:, 0] * state[:, 2], np.full(8, 0.3)], axis=1)
    assert influence(tpm).tolist() == [[0, 0.5, 0], [1, 0, 0], [0, 0.5, 0]]


def test_pairs_with_an_unvisited_row_are_left_out():
    tpm = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.4], [0.5, 0.5]])
    visited = np.array([True, True, True, False])
    np.testing.assert_allclose(influence(tpm, visited), [[1.0, 0.0], [0.0, 0.4]])
    np.testing.assert_array_equal(influence(tpm, np.array([True, True, False, False])), [[1.0, 0.0], [np.nan, np.nan]])
