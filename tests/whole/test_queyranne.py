"""Queyranne's algorithm against the search through all bipartitions."""

from __future__ import annotations

import numpy as np
import pytest
from whole_systems import autoregressive, stationary

from lightning_iit.whole.search.queyranne import LogDetOrdering, queyranne
from lightning_iit.whole.values.measures import OF_DETERMINANTS, values_at
from lightning_iit.whole.values.partitions import bipartitions, cut

SYSTEMS = 200
UNITS = 10


def compared(name: str, elements: list[tuple[int, ...]], units: int, seed: int) -> tuple[float, float]:
    """The value that the algorithm finds, and the smallest of all."""
    rng = np.random.default_rng(seed + 1000)
    noise = rng.standard_normal((units, units))
    given = stationary(autoregressive(units, seed, radius=rng.uniform(0.3, 0.95)), noise @ noise.T / units + 0.1 * np.eye(units))
    function = OF_DETERMINANTS[name](given)
    found, _ = queyranne(elements, lambda side: function.at(cut(side, units)), LogDetOrdering(function))
    return found, float(function.at_cuts(list(bipartitions(elements))).min())


@pytest.mark.parametrize("name", ["total_correlation", "total_correlation_pairs"])
def test_exact_for_total_correlation(name):
    elements = [(unit,) for unit in range(UNITS)]
    found, smallest = np.array([compared(name, elements, UNITS, seed) for seed in range(SYSTEMS)]).T
    assert len(found) == SYSTEMS
    assert np.abs(found - smallest).max() < 1e-12


def test_misses_of_stochastic_interaction(capsys):
    """An upper bound of the minimum; how often it is above it is printed, and stands in docs/whole-layers.md."""
    elements = [(unit,) for unit in range(UNITS)]
    found, smallest = np.array([compared("stochastic_interaction", elements, UNITS, seed) for seed in range(SYSTEMS)]).T
    assert (found >= smallest - 1e-12).all()
    missed = int((found > smallest + 1e-9).sum())
    with capsys.disabled():
        print(f"\nstochastic interaction: {missed} of {SYSTEMS} minima of {UNITS} units missed")
    assert missed == 0


def test_groups_are_not_divided():
    groups = [(0, 5), (1,), (2, 3, 8), (4, 6), (7,), (9,)]
    for seed in range(20):
        for name in OF_DETERMINANTS:
            found, smallest = compared(name, groups, UNITS, seed)
            assert found >= smallest - 1e-12
            if name != "stochastic_interaction":
                assert found == pytest.approx(smallest, abs=1e-12)


def test_values_of_many_cuts_are_those_of_each():
    given = stationary(autoregressive(7, 3))
    sides = list(bipartitions([(unit,) for unit in range(7)]))
    assert len(sides) == len(set(sides)) == 2**6 - 1
    for name, function in OF_DETERMINANTS.items():
        many = function(given).at_cuts(sides)
        each = [values_at(given, cut(side, 7), [name])[name].value for side in sides]
        assert np.allclose(many, each, atol=1e-13)
