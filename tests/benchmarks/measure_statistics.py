"""Measures the tables of docs/statistics.md: python tests/benchmarks/measure_statistics.py [repetitions]."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chains import BASIC, CHAIN, COIN, DENSE, NEARLY_CERTAIN, RING, STICKY, above, covered, likeliest, phi_of

JUMPS = np.random.default_rng(7).random((2, 8, 3))
"""Two chains close to a jump of Φ."""
REPETITIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 50

print(f"above the null, of {REPETITIONS}: cut 200, cut 1000, shuffle 200, shuffle 1000")
for name, tpm in {"coin flips": COIN, "sticky units": STICKY, "noisy chain": CHAIN, "noisy basic network": BASIC}.items():
    print(
        name, [above(tpm, transitions, REPETITIONS, null) for null in ("cut", "shuffle") for transitions in (200, 1000)], flush=True
    )

print(f"intervals that hold the true Φ, of {REPETITIONS}: 200, 1000, 5000 transitions")
NETWORKS = {f"dense chain {i + 1}": tpm for i, tpm in enumerate(DENSE)} | {
    f"near a jump {i + 1}": tpm for i, tpm in enumerate(JUMPS)
}
NETWORKS |= {"coin flips": COIN, "sticky units": STICKY, "noisy chain": CHAIN, "noisy ring": RING}
NETWORKS |= {"noisy basic network": BASIC, "nearly deterministic": NEARLY_CERTAIN}
for name, tpm in NETWORKS.items():
    print(
        name, f"Φ = {phi_of(tpm, likeliest(tpm)):.4f}", [covered(tpm, size, REPETITIONS) for size in (200, 1000, 5000)], flush=True
    )
