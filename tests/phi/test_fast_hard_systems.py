"""The fast engine on systems that are full of ties, or whose connectivity contradicts their TPM, against PyPhi and known values."""

from __future__ import annotations

import time

import numpy as np
import pytest
from fast_systems import analyse, differences

from lightning_iit.records import Computed, System

GATES = {
    "xor": lambda inputs: inputs.sum(axis=1) % 2,
    "and": lambda inputs: inputs.all(axis=1),
    "majority": lambda inputs: 2 * inputs.sum(axis=1) > inputs.shape[1],
    "copy": lambda inputs: inputs[:, 0],
    "nor": lambda inputs: ~inputs.any(axis=1),
}
RULE_110 = np.array([0, 1, 1, 1, 0, 1, 1, 0])


def states(n):
    return np.arange(2**n)[:, None] >> np.arange(n) & 1


def gates(n, rng, *, noise=0.0):
    """Random gates on random inputs: the TPM and which connections it uses."""
    tpm, cm = np.zeros((2**n, n)), np.zeros((n, n), int)
    for node in range(n):
        inputs = rng.choice(n, rng.integers(1, n + 1), replace=False)
        tpm[:, node] = GATES[rng.choice(list(GATES))](states(n)[:, inputs])
        cm[inputs, node] = 1
    return np.where(tpm > 0.5, 1 - noise, noise), cm


def system(kind, n, seed):
    rng = np.random.default_rng(seed)
    tpm, cm = gates(n, rng, noise=0.1 if kind == "unused" else 0.0)
    if kind == "lacking":  # connections that the TPM uses are not there
        tpm = rng.random((2**n, n)) if seed % 2 else rng.integers(0, 5, (2**n, n)) / 4
        cm = np.ones((n, n), int)
        cm[rng.integers(n, size=2), rng.integers(n, size=2)] = 0
    elif kind == "unused":  # connections are there that the TPM does not use
        cm = np.ones((n, n), int)
    elif kind == "both":
        cm = (rng.random((n, n)) < 0.8).astype(int)
    elif kind == "permutation":
        tpm, cm = states(n)[rng.permutation(2**n)], np.ones((n, n), int)
    after = tpm[rng.integers(2**n)]
    return System(tpm=tpm, cm=cm, state=(rng.random(n) < after).astype(int))


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
    return [system(kind, n, seed) for seed in range(count)]


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
