"""Measures how often the nulls of whole layers reject where nothing is integrated: the size of the test at 5 %.

Each unit is a series of its own, ``x(t+1) = a x(t) + noise``. With 19 surrogates p is 0.05 at the least, so a test at 5 % rejects
where the value is above all of them. A cell is refused by a one-sided binomial test of ``rejections > 5 %`` at 1 % over all cells
(Bonferroni). Prints a table; ``nulls.txt`` is what it printed.

    nice python tests/whole/measure_nulls.py [sets of each cell, 1000] > tests/whole/nulls.txt
"""

from __future__ import annotations

import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from itertools import product

import numpy as np
from scipy.signal import lfilter
from scipy.stats import binom

from lightning_iit import UnusableSeriesError, whole_layer

SURROGATES = 19
AUTOCORRELATIONS, STEPS, UNITS = (0.0, 0.9, 0.97), (400, 1_000, 3_000, 10_000), (4, 8)
SEARCHED = ("total_correlation", "total_correlation_pairs", "stochastic_interaction", "phi_star")
NUMBERS = [f"{name} {where}" for where in ("minimum", "atomic") for name in SEARCHED] + ["phi_g atomic"]


def independent(a: float, steps: int, units: int, rng: np.random.Generator) -> np.ndarray:
    """Series [step, unit] of units that have nothing to do with each other, from their stationary distribution."""
    noise = rng.standard_normal((steps, units))
    noise[0] /= np.sqrt(1 - a**2)
    return lfilter([1.0], [1.0, -a], noise, axis=0)


def p_values(series: np.ndarray, seed: int) -> dict[str, float] | None:
    """The p of each number; None where the null is refused."""
    units = series.shape[1]
    found = whole_layer(series, measures=SEARCHED, surrogates=SURROGATES, search_null=True, seed=seed)
    if found.measures[0].atomic.null is None:
        assert any("No null" in note for note in found.notes)
        return None
    numbers = {f"{one.name} minimum": one.minimum.null.p for one in found.measures}
    numbers |= {f"{one.name} atomic": one.atomic.null.p for one in found.measures}
    each = [[unit] for unit in range(units)]
    geometric = whole_layer(series, measures=["phi_g"], partition=each, surrogates=SURROGATES, seed=seed)
    return numbers | {"phi_g atomic": geometric["phi_g"].atomic.null.p}


def rejections(cell: tuple[int, float, int], sets: int) -> tuple[int, dict[str, int], float]:
    """How many sets have a null, and of how many of these each number is rejected at 5 %; and the seconds that this took."""
    units, a, steps = cell
    start = time.process_time()
    tested, rejected = 0, dict.fromkeys(NUMBERS, 0)
    for seed in range(sets):
        rng = np.random.default_rng([int(1000 * a), steps, units, seed])
        try:
            found = p_values(independent(a, steps, units, rng), seed)
        except UnusableSeriesError:
            found = None
        if found is not None:
            tested += 1
            for name, p in found.items():
                rejected[name] += p <= 0.05
    return tested, rejected, time.process_time() - start


def most(tested: int, tests: int) -> int:
    """The most rejections that a size of 5 % explains, at 1 % over all tests."""
    return int(binom.isf(0.01 / tests, tested, 0.05))


def main() -> None:
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    cells = list(product(UNITS, AUTOCORRELATIONS, STEPS))
    now = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    print(f"{now}, Python {platform.python_version()}, NumPy {np.__version__}: {sets} sets of each cell, rejected at 5 %")
    print("number of the columns: " + ", ".join(f"{index} {name}" for index, name in enumerate(NUMBERS)))
    print("units  a     steps   refused  " + " ".join(f"{index:>5}" for index in range(len(NUMBERS))) + "   allowed")
    worst = []
    with ProcessPoolExecutor(2) as pool:
        for (units, a, steps), (tested, rejected, took) in zip(
            cells, pool.map(rejections, cells, [sets] * len(cells)), strict=True
        ):
            shares = " ".join(f"{count / tested:5.3f}" if tested else "    -" for count in rejected.values())
            limit = most(tested, len(cells) * len(NUMBERS)) if tested else 0
            worst += [f"{units} units, a = {a}, {steps} steps: {name}" for name, count in rejected.items() if count > limit]
            allowed = f"{limit / tested:5.3f}" if tested else "    -"
            print(f"{units:5}  {a:<5} {steps:6}  {sets - tested:7}  {shares}   {allowed}   ({took:.0f} s)", flush=True)
    print(f"above what a size of 5 % explains: {'; '.join(worst) or 'none'}")


if __name__ == "__main__":
    main()
