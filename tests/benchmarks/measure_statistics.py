"""Measures the tables of docs/statistics.md: python tests/benchmarks/measure_statistics.py nulls|intervals [repetitions]."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from chains import BASIC, CHAIN, COIN, DENSE, NEARLY_CERTAIN, RING, STICKY, above, covered, likeliest, phi_of

JUMPS = np.random.default_rng(7).random((2, 8, 3))
"""Two chains close to a jump of Φ."""
NETWORKS = {f"dense chain {i + 1}": tpm for i, tpm in enumerate(DENSE)} | {
    f"near a jump {i + 1}": tpm for i, tpm in enumerate(JUMPS)
}
NETWORKS |= {"noisy basic network": BASIC, "nearly deterministic": NEARLY_CERTAIN, "noisy ring": RING}
NETWORKS |= {"coin flips": COIN, "sticky units": STICKY, "noisy chain": CHAIN}


def nulls(repetitions: int) -> None:
    print(f"above the null, of {repetitions}: cut 200, cut 1000, shuffle 200, shuffle 1000")
    for name in ("coin flips", "sticky units", "noisy chain", "noisy basic network"):
        found = [above(NETWORKS[name], size, repetitions, null) for null in ("cut", "shuffle") for size in (200, 1000)]
        print(name, found, flush=True)


def intervals(repetitions: int) -> None:
    print(f"90 % intervals that hold the true Φ, of {repetitions}: 200, 1000, 5000 transitions")
    for name, tpm in NETWORKS.items():
        found = [covered(tpm, size, repetitions) for size in (200, 1000, 5000)]
        print(name, f"Φ = {phi_of(tpm, likeliest(tpm)):.4f}", found, flush=True)


if __name__ == "__main__":
    measure = {"nulls": nulls, "intervals": intervals}[sys.argv[1]]
    measure(int(sys.argv[2]) if len(sys.argv) > 2 else 100)
