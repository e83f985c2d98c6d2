"""How fast IIT 4.0 is, on dense random systems and in one thread: the search against a product of matrices, and the rest of a call.

All partitions are tried. The unit of time is the product of two matrices of 512 x 512 numbers by NumPy with one thread, measured in
the same run. Figures are printed.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from lightning_iit import Structure, System, SystemPhi, compute_phi, compute_structure
from lightning_iit.phi.iit4 import systems
from lightning_iit.phi.iit4.search import minimum
from lightning_iit.phi.registry import get_engine

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(1800)]

PRODUCTS = {4: 0.05, 6: 0.25, 8: 14.0}
"""By number of units, how many products of matrices the search may take."""
REST_SECONDS = 0.0003
"""What a call may take beside its search on a machine whose product takes ``PRODUCT_SECONDS``."""
PRODUCT_SECONDS = 0.0043
COLD = """
import time
from lightning_iit import System, compute_phi
compute_phi(System(tpm=[[.1, .1], [.1, .9], [.9, .1], [.9, .9]], state=(0, 1)), formalism="iit4-2023")
print(time.process_time())
"""


def dense(n: int, seed: int) -> System:
    rng = np.random.default_rng(seed)
    return System(tpm=rng.uniform(0.02, 0.98, (2**n, n)), state=tuple(rng.integers(0, 2, n).tolist()))


def seconds_of(work, repeats: int) -> float:
    """The fastest of several runs, in processor time."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def seconds_of_a_product() -> float:
    """Seconds of a product of matrices."""
    one, other = np.random.default_rng(0).random((2, 512, 512))
    with threadpool_limits(1):
        return seconds_of(lambda: [one @ other for _ in range(5)], 3) / 5


def searches(system: System, monkeypatch) -> tuple[list, list]:
    """What the search for the minimum partition was given in a call, and what came out."""
    given, found = [], []

    def noted(*arguments):
        given.append(arguments)
        found.append(minimum(*arguments))
        return found[-1]

    with monkeypatch.context() as patch:
        patch.setattr(systems, "minimum", noted)
        assert isinstance(compute_phi(system, formalism="iit4-2023"), SystemPhi)
    return given, found


def search_and_rest(n: int, seed: int, monkeypatch) -> tuple[float, float, float]:
    """What the search takes, and a call whose searches answer at once, in products of matrices, and the seconds of a product."""
    product = seconds_of_a_product()
    system, repeats = dense(n, seed), max(1, int(0.02 / (PRODUCTS[n] * product)))
    given, found = searches(system, monkeypatch)
    search = seconds_of(lambda: [minimum(*each) for _ in range(repeats) for each in given], 5) / repeats
    answers = itertools.cycle(found)
    with monkeypatch.context() as patch:
        patch.setattr(systems, "minimum", lambda *_: next(answers))
        rest = seconds_of(lambda: [compute_phi(system, formalism="iit4-2023") for _ in range(20)], 5) / 20
    return search / product, rest / product, product


@pytest.mark.parametrize("n", PRODUCTS)
def test_the_search(n, monkeypatch, capsys):
    each = [search_and_rest(n, seed, monkeypatch) for seed in range(15)]
    search, rest, product = (statistics.median(numbers) for numbers in zip(*each, strict=True))
    with capsys.disabled():
        words = f"search {search:.4f} products of matrices ({search * product * 1000:.3f} ms), the rest of a call {rest:.4f}"
        print(f"\n{n} units: {words}; a product takes {product * 1000:.2f} ms")
    assert search <= PRODUCTS[n]
    assert rest <= REST_SECONDS / PRODUCT_SECONDS


def test_ten_units_and_structures(capsys):
    lines, found, product = [], None, seconds_of_a_product()
    for n in (9, 10):
        system = dense(n, 0)
        took = seconds_of(lambda system=system: compute_phi(system, formalism="iit4-2023"), 2)
        assert 0.3 < took / get_engine("fast", "iit4-2023").seconds(n) < 3.0
        lines.append(f"{n} units: φ_s in {took / product:.0f} products of matrices ({took:.2f} s)")
    for n in (3, 4, 5, 6):
        system = dense(n, 0)
        found = compute_structure(system, formalism="iit4-2023")
        took = seconds_of(lambda system=system: compute_structure(system, formalism="iit4-2023"), 3)
        lines.append(f"{n} units: structure in {took / product:.1f} products ({took * 1000:.1f} ms)")
    lines.append(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB in this process")
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert isinstance(found, Structure)


def test_cold_start(tmp_path, monkeypatch, capsys):
    """Processor time of a process whose engine is not compiled yet, imports included."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cold, warm = (
        float(subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, check=True).stdout) for _ in range(2)
    )
    with capsys.disabled():
        print(f"\ncold {cold:.1f} s of processor time, warm {warm:.1f} s")
    assert cold < warm + 15.0
