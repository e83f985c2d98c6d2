"""Φ of independent coin flips, simulated: where the table in lightning_iit.phi.cost comes from."""

from __future__ import annotations

import numpy as np

from lightning_iit.phi.registry import get_engine
from lightning_iit.records import Computed, PhiOptions, System


def simulate_coin_flips(n: int, transitions: int, *, samples: int, seed: int = 0) -> float:
    """Simulates ``n`` independent fair coins and returns the mean Φ of the TPMs estimated from the flips (fast engine).

    The true Φ is 0. Each simulation is analysed in the state that was visited most often. Rows of the TPM whose state was never
    visited hold 1/2, as in the callback. Simulations whose state is unreachable are left out of the mean.

    Args:
        n: the number of coins.
        transitions: the number of transitions of each simulation.
        samples: the number of simulations.
        seed: seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    systems = [_coins(rng, n, transitions) for _ in range(samples)]
    results = [result for system in systems for result in get_engine("fast").analyse([system], PhiOptions())]
    return float(np.mean([result.phi for result in results if isinstance(result, Computed)]))


def _coins(rng: np.random.Generator, n: int, transitions: int) -> System:
    """Simulates ``transitions`` transitions of ``n`` fair coins; returns the estimated system in its most visited state."""
    codes = rng.integers(0, 2**n, transitions + 1)
    states = (codes[:, None] >> np.arange(n)) & 1
    visits = np.bincount(codes[:-1], minlength=2**n)
    on = np.zeros((2**n, n))
    np.add.at(on, codes[:-1], states[1:])
    tpm = np.where(visits[:, None] > 0, on / np.maximum(visits, 1)[:, None], 0.5)
    mode = int(visits.argmax())
    return System(tpm=tpm, state=tuple(int(mode >> unit & 1) for unit in range(n)))  # type: ignore[arg-type]
