"""Measures of discrete units, against PhiToolbox."""

from __future__ import annotations

import numpy as np
import pytest
from whole_systems import parts_of, reference

from lightning_iit import InvalidArgumentError
from lightning_iit.whole import discrete_measures

SYSTEMS = reference("whole_layer")["discrete"]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system["name"])
def test_every_bipartition(system):
    for labels, mi1, si, star in zip(system["all_Z"], system["all_MI1"], system["all_SI"], system["all_star"], strict=True):
        found = discrete_measures(system["joint"], parts_of(labels))
        assert found.total_correlation == pytest.approx(mi1, abs=1e-12)
        assert found.stochastic_interaction == pytest.approx(si, abs=1e-12)
        assert found.phi_star == pytest.approx(star, abs=1e-7)
        assert found.information == pytest.approx(system["I"], abs=1e-12)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system["name"])
def test_atomic_values(system):
    found = discrete_measures(system["joint"])
    assert found.total_correlation == pytest.approx(system["MI1"], abs=1e-12)
    assert found.stochastic_interaction == pytest.approx(system["SI"], abs=1e-12)
    assert found.phi_star == pytest.approx(system["star"], abs=1e-7)


def test_what_is_refused():
    for wrong in (np.ones((4, 4)), np.full((3, 3), 1 / 9), np.full((4, 2), 1 / 8), np.ones(4) / 4, [[1.0]]):
        with pytest.raises(InvalidArgumentError, match="probabilities"):
            discrete_measures(wrong)
