"""Compares how long the fast engine of IIT 3.0 takes in two checkouts, by turns in one run. ``engine.txt`` is what it printed.

Each number is the median of the processor time of dense systems with random entries, with one thread. Φ of both must be equal.

    git worktree add /tmp/earlier COMMIT
    python tests/benchmarks/measure_engine.py /tmp/earlier 4 5 6 7 8 > tests/benchmarks/engine.txt
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).parents[2]
SYSTEMS = {4: 15, 5: 15, 6: 9, 7: 3, 8: 1}
"""How many systems of each number of units are analysed."""
ONE = """
import sys, time
import numpy as np
from lightning_iit.phi.registry import get_engine
from lightning_iit.records import PhiOptions, System

engine, n, seed = get_engine("fast"), int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(seed)
system = System(tpm=rng.random((2**n, n)), state=rng.integers(0, 2, n))
small = System(tpm=rng.random((8, 3)), state=rng.integers(0, 2, 3))
engine.analyse([small], PhiOptions())
repeats = 20 if n < 5 else 3 if n < 7 else 1
best = float("inf")
for _ in range(repeats):
    start = time.process_time()
    (found,) = engine.analyse([system], PhiOptions())
    best = min(best, time.process_time() - start)
print(best, found.phi)
"""


def seconds(checkout: Path, n: int, seed: int) -> tuple[float, float]:
    """Processor seconds and Φ of one system, in a process of its own that imports the package from a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ONE, str(n), str(seed)]
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    took, phi = done.stdout.split()
    return float(took), float(phi)


def _commit(checkout: Path) -> str:
    command = ["git", "log", "-1", "--format=%h of %cs"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    earlier, sizes = Path(sys.argv[1]).resolve(), [int(text) for text in sys.argv[2:]] or list(SYSTEMS)
    now = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    print(f"{now}, Python {platform.python_version()}, {platform.machine()}, one thread")
    print(f"dense systems; processor seconds, median; earlier: {_commit(earlier)}; here: {_commit(HERE)}")
    print("units  systems   earlier      here     ratio   least and most")
    for n in sizes:
        pairs = []
        for seed in range(SYSTEMS[n]):
            (before, phi_before), (here, phi_here) = seconds(earlier, n, seed), seconds(HERE, n, seed)
            assert abs(phi_before - phi_here) < 1e-9, f"Φ of {n} units, seed {seed}: {phi_before} and {phi_here}"
            pairs.append((before, here))
        medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
        ratios = sorted(here / before for before, here in pairs)
        bounds = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(
            f"{n:5}  {len(pairs):7}  {medians[0]:9.4f} {medians[1]:9.4f}   {statistics.median(ratios):7.2f}   {bounds}", flush=True
        )


if __name__ == "__main__":
    main()
