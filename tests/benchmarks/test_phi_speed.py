"""How fast Φ is: ratios of measured times within one run, peak memory, and the time of a cold start. Figures are printed.

``LIGHTNING_IIT_EVERYTHING=1`` adds the dense system of 8 units, which takes minutes.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import fast_systems
import numpy as np
import pytest
from fast_systems import analyse, dense, differences, majority_ring

from lightning_iit.phi.fast.fast_engine import FastEngine
from lightning_iit.phi.many import phis
from lightning_iit.phi.pyphi._import import DEFAULTS, import_pyphi
from lightning_iit.phi.registry import get_engine
from lightning_iit.records import Computed, PhiOptions, System

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(3600)]

PAIRS = {3: (1000, 5), 4: (2500, 3)}
"""For each number of units: how much faster than PyPhi at least, and how many systems are compared."""
MULTIPLES = {5: 20, 6: 250, 7: 3000}
"""At most so many times the time of 4 units."""


def _seconds(work):
    """Processor time of this process, so that what else the machine does is not counted."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _median(systems, repeats=1):
    times = []
    for system in systems:
        times += [min(_seconds(lambda system=system: analyse(system))[0] for _ in range(repeats))]
    return statistics.median(times)


@pytest.fixture(scope="module")
def four_units():
    FastEngine().load()
    analyse(dense(5, 0))
    return _median([dense(4, seed) for seed in range(15)], repeats=3)


@pytest.mark.parametrize("n", PAIRS)
def test_against_pyphi(n):
    pyphi = import_pyphi()
    FastEngine().load()
    analyse(dense(2, 0), "pyphi")
    least, count = PAIRS[n]
    ours, theirs = [], []
    for seed in range(count):
        system = dense(n, seed)
        slow, expected = _seconds(lambda system=system: analyse(system, "pyphi"))
        quick = [_seconds(lambda system=system: analyse(system)) for _ in range(15)]
        assert differences(quick[0][1], expected) == []
        ours.append(statistics.median(seconds for seconds, _ in quick))
        theirs.append(slow)
    ratio = statistics.median(theirs) / statistics.median(ours)
    shown = {name: getattr(pyphi.config, name) for name in DEFAULTS}
    print(f"\nPyPhi {pyphi.__version__}, EMD by POT (exact), {shown}")
    print(f"n={n}: PyPhi {statistics.median(theirs):.2f} s, fast {1000 * statistics.median(ours):.2f} ms, ratio {ratio:.0f}")
    assert ratio >= least


@pytest.mark.parametrize("n", MULTIPLES)
def test_growth_with_units(n, four_units):
    seconds = _median([dense(n, seed) for seed in range({5: 7, 6: 3, 7: 1}[n])])
    print(f"\nn={n} dense: {seconds:.3f} s, {seconds / four_units:.1f} times n=4 ({1000 * four_units:.2f} ms)")
    assert seconds / four_units <= MULTIPLES[n]


def test_major_complex_of_majority_rings(four_units):
    engine, multiples = FastEngine(), {}
    for n in (3, 5, 7):
        seconds, found = _seconds(lambda n=n: engine.major_complex(majority_ring(n), PhiOptions()))
        multiples[n] = seconds / four_units
        print(f"\nmajority ring of {n}: {seconds:.3f} s, {multiples[n]:.1f} times n=4; {found.nodes} with Φ = {found.result.phi}")
        assert found.result.phi > 0
    assert multiples[7] < 1500


def test_many_numbers_at_once():
    """The Φ of a survey: 20 groups of 4 units, each with 16 states of its TPM, and 2 states of each of 50 resampled TPMs."""
    rng, engine = np.random.default_rng(0), FastEngine()
    engine.load()
    states = np.arange(16)[:, None] >> np.arange(4) & 1
    many = single = 0.0
    for _ in range(20):
        fields = (2 * states - 1) @ rng.normal(size=(4, 4)) * rng.uniform(0.2, 1.0) + rng.normal(size=4)
        tpm = 1 / (1 + np.exp(-fields))
        resampled = np.clip(tpm + rng.normal(size=(50, 16, 4)) * 0.02, 0, 1)
        tpms = np.concatenate([np.repeat(tpm[None], 16, axis=0), np.repeat(resampled, 2, axis=0)])
        each = np.concatenate([states, np.tile(states[[3, 9]], (50, 1))])
        seconds, found = _seconds(lambda tpms=tpms, each=each: phis(engine, tpms, each))
        many += seconds
        seconds, expected = _seconds(
            lambda tpms=tpms, each=each: [analyse(System(tpm=a, state=b)) for a, b in zip(tpms[::8], each[::8], strict=True)]
        )
        single += 8 * seconds
        np.testing.assert_allclose(found[::8], [result.phi for result in expected], rtol=0, atol=1e-12)
    print(f"\n2,320 Φ of 4 units: {many:.2f} s at once ({1000 * many / 2320:.2f} ms each), {single:.2f} s one by one")
    assert single / many > 1.2


def test_peak_memory_of_seven_units():
    """Of a process of its own: all it has ever held, until it is stopped in the midst of the cuts."""
    code = """
from pathlib import Path
from lightning_iit.phi.fast.fast_engine import FastEngine
from lightning_iit.records import PhiOptions
from fast_systems import dense
class Enough(Exception): pass
def progress(fraction):
    if fraction > 0.3: raise Enough
try: list(FastEngine().analyse([dense(7, 0)], PhiOptions(), progress))
except Enough: pass
# not getrusage: its maximum is inherited from the process that started this one
(peak,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(fast_systems.__file__).parent)}
    command = [sys.executable, "-c", code]
    megabytes = int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    print(f"\npeak memory at n=7: {megabytes} MB")
    assert megabytes < 500


def test_cold_and_warm_start(tmp_path):
    """From an empty process to the first result of 6 units, first with nothing compiled, then with the machine code on disk."""
    code = """
import time; start = time.time()
from lightning_iit.phi.fast.fast_engine import FastEngine
from lightning_iit.records import PhiOptions, System
import numpy as np
rng = np.random.default_rng(0)
for n in (2, 6):
    list(FastEngine().analyse([System(tpm=rng.random((2**n, n)), state=[0] * n)], PhiOptions()))
    print(time.process_time())
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", code]
    (cold2, cold), (warm2, warm) = (
        map(float, subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout.split())
        for _ in range(2)
    )
    print(f"\nprocessor seconds from process start: cold n=2 {cold2:.1f}, n=6 {cold:.1f}; warm n=2 {warm2:.2f}, n=6 {warm:.2f}")
    assert warm < cold / 3


@pytest.mark.skipif("LIGHTNING_IIT_EVERYTHING" not in os.environ, reason="takes minutes: LIGHTNING_IIT_EVERYTHING=1")
def test_eight_units_run_to_their_end(four_units):
    result = analyse(dense(8, 0), threads=os.cpu_count() or 1)
    assert isinstance(result, Computed)
    assert result.phi > 0
    assert result.cuts_evaluated == 254
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\nn=8 dense: {result.seconds:.0f} s, estimate {get_engine('fast').seconds(8):.0f} s for one core; peak {peak} MB")
