"""The scalars beside Φ, in closed form and against the definitions written out."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from lightning_iit import estimate_tpm
from lightning_iit.records import Counts
from lightning_iit.tpm.conversion import bits, state_by_state
from lightning_iit.tpm.diagnostics import effective_information, entropy, scalars
from lightning_iit.tpm.estimate import tpm_from_counts

KEYS = {"coverage", "transitions", "effective_information", "determinism", "degeneracy", "entropy"}


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_permutation_of_states_has_n_bits(n):
    order = np.random.default_rng(n).permutation(2**n)
    assert effective_information(bits(n)[order].astype(float)) == pytest.approx((n, 1.0, 0.0))


def test_equal_rows_have_none():
    assert effective_information(np.tile([0.0, 1.0, 1.0], (8, 1))) == pytest.approx((0.0, 1.0, 1.0))
    assert effective_information(np.full((8, 3), 0.5)) == pytest.approx((0.0, 0.0, 0.0))
    information, determinism, degeneracy = effective_information(np.tile([0.2, 0.7], (4, 1)))
    assert (information, determinism) == (pytest.approx(0.0, abs=1e-12), pytest.approx(degeneracy))


def test_and_gates_by_hand():
    # Two AND gates: three states go to (0,0), one to (1,1). H(mean row) = H(1/4) = 0.811278 bit; rows are certain.
    information, determinism, degeneracy = effective_information(np.array([[0, 0], [0, 0], [0, 0], [1, 1.0]]))
    assert information == pytest.approx(0.8112781245)
    assert determinism == 1.0
    assert degeneracy == pytest.approx(1 - 0.8112781245 / 2)


@pytest.mark.parametrize("seed", range(5))
def test_effective_information_by_its_definition(seed):
    # Hoel et al. (2013): EI is the mean divergence of the rows from their mean; determinism and degeneracy are the divergences
    # of the rows, and of their mean, from uniform, over log2 of the number of states.
    tpm = np.random.default_rng(seed).random((8, 3)) ** 3
    square = state_by_state(tpm)
    mean, uniform = square.mean(axis=0), np.full(8, 1 / 8)
    expected = (
        np.mean([scipy.stats.entropy(row, mean, base=2) for row in square]),
        np.mean([scipy.stats.entropy(row, uniform, base=2) for row in square]) / 3,
        scipy.stats.entropy(mean, uniform, base=2) / 3,
    )
    found = effective_information(tpm)
    assert found == pytest.approx(expected)
    assert found[0] == pytest.approx(3 * (found[1] - found[2]))


def test_scalars_of_a_hand_counted_chain():
    # Codes 0 1 3 0 1 0: visits 2 2 0 1 of 5 transitions.
    found = scalars(estimate_tpm([[0, 0], [1, 0], [1, 1], [0, 0], [1, 0], [0, 0]]))
    assert set(found) == KEYS
    assert all(type(value) is float for value in found.values())
    assert found["coverage"] == 0.75
    assert found["transitions"] == 5.0
    assert found["entropy"] == pytest.approx(-2 * 0.4 * np.log2(0.4) - 0.2 * np.log2(0.2))
    # Rows (1,0), (.5,.5), prior (.5,.5), (0,0): the mean row is (1+.25+.25, .25+.25+1, .25+.25, .25+.25) / 4.
    mean = np.array([1.5, 1.5, 0.5, 0.5]) / 4
    of_mean = -(mean * np.log2(mean)).sum()
    assert found["effective_information"] == pytest.approx(of_mean - 1.0)
    assert found["determinism"] == pytest.approx(0.5)
    assert found["degeneracy"] == pytest.approx(1 - of_mean / 2)


def test_scalars_of_nothing_are_finite():
    found = scalars(tpm_from_counts(Counts(visits=(0,) * 4, on=((0, 0),) * 4, joint=())))
    assert found == dict.fromkeys(KEYS, 0.0)


def test_entropy_against_scipy():
    distributions = np.random.default_rng(0).dirichlet(np.ones(5), 7).T
    np.testing.assert_allclose(entropy(distributions), scipy.stats.entropy(distributions, base=2))
    assert entropy(np.array([0.0, 1.0])) == 0.0
