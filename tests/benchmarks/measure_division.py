"""Measures what it saves to divide what the measures of a whole layer are judged by: see docs/cluster.md.

    nice python tests/benchmarks/measure_division.py [rounds, 3] [units, 40]

One layer's nulls (with and without a search in each surrogate), its intervals, and the null of the pairs of its units are computed
by two workers of the local pool, in one piece and in parts, in turns in one run. Each line ends with the ratio of the medians; the
results are compared to the bit. On a machine that does other things as well it tells nothing, so the load is printed.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import msgspec
import numpy as np

from lightning_iit.job.split import with_parts
from lightning_iit.phi.pool.cores import available_cores
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.records import Counts, PhiTask
from lightning_iit.records.whole.tasks import WholeName, WholeSeries, WholeTask
from lightning_iit.whole.cost import layer_seconds

WORKERS = 2
SI: tuple[WholeName, ...] = ("stochastic_interaction",)


def asked(units: int) -> dict[str, WholeTask]:
    """What is measured, by its words: 3,000 steps of a ring of units."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3000, units))
    for now in range(1, len(rows)):
        rows[now] += 0.4 * np.roll(rows[now - 1], 1)
    series = WholeSeries(units=tuple(range(units)), width=units, lengths=(3000,), rows=rows.astype(np.float32).tobytes())
    return {
        "19 surrogates, each with a search": WholeTask(series=series, names=SI, surrogates=19, searched=True),
        "499 surrogates, partition held": WholeTask(series=series, names=(*SI, "phi_g"), surrogates=499),
        "499 resamples of the intervals": WholeTask(series=series, names=(*SI, "phi_g"), resamples=499),
        "19 surrogates of pairs (CCS)": WholeTask(series=series, names=(*SI, "phiid_ccs"), surrogates=19),
    }


def timeless(told: object) -> object:
    """Returns a record without what depends on the clock."""
    if isinstance(told, dict):
        return {name: timeless(part) for name, part in told.items() if name != "seconds"}
    return [timeless(part) for part in told] if isinstance(told, list | tuple) else told


def main(rounds: int, units: int) -> None:
    print(f"{available_cores()} cores, {WORKERS} workers, {units} units, load {os.getloadavg()[0]:.1f}")
    counts = Counts(visits=(3, 2, 1, 0), on=((1, 2), (0, 1), (1, 1), (0, 0)), joint=())
    about = {"layer": "layer", "epoch": 0, "global_step": 0, "kind": "causal", "axis": "time", "pictures": False, "prior": 0.5}
    pool = WorkerPool(workers=WORKERS)
    for words, whole in asked(units).items():
        one = PhiTask(counts=counts, states=(), whole=whole, **about)
        parts = with_parts(one, 0.0, layer_seconds(whole))
        took: dict[str, list[float]] = {"one piece": [], "parts": []}
        found = []
        for _ in range(rounds):
            for way, task in (("one piece", one), ("parts", parts)):
                began = time.monotonic()
                found.append(timeless(msgspec.to_builtins(pool.submit(task).result().whole)))
                took[way].append(time.monotonic() - began)
        assert found[0]["measures"], found[0]
        assert all(result == found[0] for result in found)
        alone, divided = (statistics.median(each) for each in took.values())
        print(
            f"{words}: {alone:.2f} s in one piece, {divided:.2f} s in {len(parts.split)} parts by {WORKERS} workers, "
            f"ratio {divided / alone:.2f} (medians of {rounds})",
            flush=True,
        )
    pool.close()


if __name__ == "__main__":
    main(*map(int, [*sys.argv[1:], *("3", "40")[len(sys.argv) - 1 :]]))
