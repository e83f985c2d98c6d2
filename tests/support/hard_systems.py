"""Systems that are full of ties, or whose connectivity contradicts their TPM."""

from __future__ import annotations

import numpy as np

from lightning_iit.records import System

GATES = {
    "xor": lambda inputs: inputs.sum(axis=1) % 2,
    "and": lambda inputs: inputs.all(axis=1),
    "majority": lambda inputs: 2 * inputs.sum(axis=1) > inputs.shape[1],
    "copy": lambda inputs: inputs[:, 0],
    "nor": lambda inputs: ~inputs.any(axis=1),
}


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


def hard_system(kind, n, seed):
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
