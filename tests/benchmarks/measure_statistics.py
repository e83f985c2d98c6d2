"""Measures the tables of docs/statistics.md: python tests/benchmarks/measure_statistics.py nulls|intervals|blocks [repetitions]."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from chains import BASIC, CHAIN, COIN, DENSE, NEARLY_CERTAIN, RING, STICKY, above, covered, intervals_cover, likeliest, phi_of

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


def blocks(repetitions: int) -> None:
    """Sequences that are all of one chain (spread 0), or each of another one."""
    sizes = [(60, 21, 0.0), (60, 21, 1.0), (300, 21, 1.0), (60, 101, 1.0), (60, 401, 1.0)]
    print(
        f"intervals that hold the true Φ, of {repetitions}: resampled parts, posterior; (sequences, rows of each, spread) {sizes}"
    )
    for name in (*(f"dense chain {i + 1}" for i in range(len(DENSE))), "noisy basic network", "noisy ring", "coin flips"):
        found = [intervals_cover(NETWORKS[name], *size, repetitions, spread=spread) for *size, spread in sizes]
        print(name, [f"{truth:.3f}: {parts}, {posterior}" for truth, parts, posterior in found], flush=True)


if __name__ == "__main__":
    measure = {"nulls": nulls, "intervals": intervals, "blocks": blocks}[sys.argv[1]]
    measure(int(sys.argv[2]) if len(sys.argv) > 2 else 100)
