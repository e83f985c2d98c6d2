"""How fast the measures of whole layers are, in one thread, against 1,000 eigendecompositions of 100 x 100 numbers in the same run.

Stochastic interaction with its minimum bipartition; random series with a spectral radius of 0.8. Figures are printed.
"""

from __future__ import annotations

import resource
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits
from whole_systems import autoregressive, stationary

from lightning_iit.whole.search.minimum import minimum_bipartition
from lightning_iit.whole.values.measures import values_at
from lightning_iit.whole.values.partitions import cut

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(1800)]

SECONDS = {40: 1.0, 100: 10.0}
"""What the search may take, on a machine on which the eigendecompositions take ``REFERENCE_SECONDS``."""
REFERENCE_SECONDS = 0.9


def seconds_of(work, *given) -> float:
    start = time.process_time()
    work(*given)
    return time.process_time() - start


def eigendecompositions() -> float:
    """Seconds of 1,000 eigendecompositions of symmetric matrices."""
    made = np.random.default_rng(0).standard_normal((1000, 100, 100))
    return seconds_of(np.linalg.eigh, made + made.transpose(0, 2, 1))


def test_stochastic_interaction_with_its_partition(capsys):
    lines, ratios = [], {}
    with threadpool_limits(1):
        reference = eigendecompositions()
        lines.append(f"1,000 eigendecompositions of 100 x 100: {reference:.2f} s")
        for units in (10, 20, 40, 100, 200):
            given, elements = stationary(autoregressive(units, 0)), [(unit,) for unit in range(units)]
            took = {
                name: seconds_of(minimum_bipartition, given, elements, name)
                for name in ("total_correlation", "total_correlation_pairs", "stochastic_interaction")
            }
            ratios[units] = took["stochastic_interaction"] / reference
            told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items())
            lines.append(f"{units} units: {told}; stochastic interaction is {ratios[units]:.2f} of the reference")
        for units in (100, 200):
            given, half = stationary(autoregressive(units, 0)), cut(range(units // 2), units)
            each = tuple((unit,) for unit in range(units))
            for name in ("phi_star", "phi_g"):
                one, other = (seconds_of(values_at, given, parts, [name]) for parts in (each, half))
                lines.append(f"{units} units, {name} at one partition: {one:.2f} s between all units, {other:.2f} s of halves")
        lines.append(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB in this process")
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    for units, most in SECONDS.items():
        assert ratios[units] <= most / REFERENCE_SECONDS
