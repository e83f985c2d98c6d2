"""The fast engine on systems that are full of ties, or whose connectivity contradicts their TPM, against PyPhi and known values."""

from __future__ import annotations

import time

import numpy as np
import pytest
from fast_systems import analyse, differences
from hard_systems import hard_system, states

from lightning_iit.records import Computed, System

RULE_110 = np.array([0, 1, 1, 1, 0, 1, 1, 0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lacking", "unused", "both", "permutation", "gates"])
def test_pyphi_agrees_on_contradictions_and_ties(kind):
    compared = [(analyse(hard, repertoires=True), analyse(hard, "pyphi", repertoires=True)) for hard in _many(kind, 3, 6)]
    assert [differences(found, expected) for found, expected in compared] == [[]] * 6


@pytest.mark.slow
def test_pyphi_agrees_on_gates_of_four_nodes():
    compared = [(analyse(hard), analyse(hard, "pyphi")) for hard in _many("both", 4, 6)]
    assert [differences(found, expected) for found, expected in compared] == [[]] * 6


def _many(kind, n, count):
    return [hard_system(kind, n, seed) for seed in range(count)]


def ring(n, gate):
    """A ring in which each node hears its two neighbours, and itself where the gate takes three."""
    own, left, right = states(n), np.roll(states(n), 1, axis=1), np.roll(states(n), -1, axis=1)
    next_ = {
        "xor": (left + right) % 2,
        "and": left & right,
        "copy": left,
        "majority": left + own + right >= 2,
        "rule 110": RULE_110[4 * left + 2 * own + right],
    }[gate].astype(float)
    steps = {"copy": (1,), "majority": (-1, 0, 1), "rule 110": (-1, 0, 1)}.get(gate, (-1, 1))
    cm = sum(np.roll(np.eye(n, dtype=int), step, axis=1) for step in steps)
    return System(tpm=next_, cm=cm, state=next_[0].astype(int))


@pytest.mark.slow
@pytest.mark.parametrize("gate", ["xor", "and", "copy", "majority", "rule 110"])
def test_deterministic_rings_of_seven_end_soon(gate):
    """They tie everywhere, so that bounds reject little. A ring of copies has Φ = 1 whatever its size."""
    start = time.process_time()
    result = analyse(ring(7, gate))
    assert time.process_time() - start < 20
    assert isinstance(result, Computed)
    assert 0 < result.cuts_evaluated <= 126
    assert result.phi == pytest.approx(1.0, abs=1e-6) if gate == "copy" else result.phi > 0


@pytest.mark.slow
@pytest.mark.parametrize("gate", ["and", "copy"])
def test_pyphi_agrees_on_rings_of_four(gate):
    assert differences(analyse(ring(4, gate)), analyse(ring(4, gate), "pyphi")) == []
