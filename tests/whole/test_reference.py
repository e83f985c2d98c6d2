"""The measures of whole layers, against PhiToolbox and an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from whole_systems import NAMES, covariances_of, gaussian_systems, parts_of

from lightning_iit.whole.search.minimum import minimum_bipartition
from lightning_iit.whole.search.queyranne import LogDetOrdering, ordering_by_values, queyranne
from lightning_iit.whole.values.determinants import information
from lightning_iit.whole.values.measures import OF_DETERMINANTS, values_at
from lightning_iit.whole.values.partitions import atomic, cut
from lightning_iit.whole.values.phi_g import phi_g
from lightning_iit.whole.values.phi_star import phi_star

SYSTEMS = gaussian_systems()
EXACT, STAR, GEOMETRIC = 1e-12, 2e-9, 1e-6
"""Tolerances in nats: of determinants; of Φ*, where the toolbox stops early; of Φ_G, which is a minimum of several searches."""


def each(system):
    return tuple((unit,) for unit in range(system["N"]))


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system["name"])
def test_atomic_values(system):
    given = covariances_of(system)
    found = values_at(given, atomic(each(system)), list(NAMES.values()))
    for short in ("MI1", "MI", "SI"):
        assert found[NAMES[short]].value == pytest.approx(system["atomic"][short], abs=EXACT)
    assert information(given) == pytest.approx(system["atomic"]["I_XY"], abs=EXACT)
    own = system["own_numpy_atomic"]
    assert found["phi_star"].value == pytest.approx(system["atomic"]["star"], abs=STAR)
    assert found["phi_star"].value == pytest.approx(own["star"], abs=EXACT)
    if found["phi_star"].beta is not None and own["star"] < own["I_XY"] - 1e-9:
        assert found["phi_star"].beta == pytest.approx(own["star_beta"], abs=1e-6)
    assert found["phi_g"].value == pytest.approx(own["Geo_multistart_min"], abs=GEOMETRIC)


@pytest.mark.parametrize("system", [one for one in SYSTEMS if one["exhaustive"]], ids=lambda system: system["name"])
def test_the_smallest_of_all_bipartitions(system):
    given = covariances_of(system)
    for short, name in NAMES.items():
        if short not in system["exhaustive"] or short == "Geo" or (short == "star" and system["N"] > 9):
            continue
        wanted, found = system["exhaustive"][short], minimum_bipartition(given, each(system), name)
        tolerance = STAR if short == "star" else EXACT
        assert found.search == "exhaustive"
        assert values_at(given, found.partition, [name])[name].value == pytest.approx(wanted["phi"], abs=tolerance)
        if system["N"] > 2:
            assert found.gap == pytest.approx(wanted["second"] - wanted["phi"], abs=2 * tolerance)
            if wanted["second"] - wanted["phi"] > 1e-9:
                assert found.partition == parts_of(wanted["Z"])
        else:
            assert found.gap is None


@pytest.mark.parametrize(
    "system", [one for one in SYSTEMS if one["exhaustive"] and one["N"] <= 6], ids=lambda system: system["name"]
)
def test_every_bipartition(system):
    given, wanted = covariances_of(system), system["exhaustive"]
    for index, labels in enumerate(wanted["all_Z"]):
        parts = parts_of(labels)
        for short in ("MI1", "MI", "SI"):
            assert OF_DETERMINANTS[NAMES[short]](given).at(parts) == pytest.approx(wanted[short]["all_phi"][index], abs=EXACT)
        assert phi_star(given, parts).value == pytest.approx(wanted["star"]["all_phi"][index], abs=STAR)
        if "own_multistart_all_phi" in wanted["Geo"]:
            assert phi_g(given, parts).value == pytest.approx(wanted["Geo"]["own_multistart_all_phi"][index], abs=GEOMETRIC)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system["name"])
def test_what_queyrannes_algorithm_meets(system):
    """Also where it misses the minimum (``qmiss...``): the same values are met."""
    given = covariances_of(system)
    for short in ("MI1", "MI", "SI"):
        function = OF_DETERMINANTS[NAMES[short]](given)

        def value(side, function=function):
            return function.at(cut(side, given.units))

        fast, side = queyranne(each(system), value, LogDetOrdering(function))
        assert fast == pytest.approx(system["queyranne"][short]["phi"], abs=EXACT)
        assert value(side) == pytest.approx(fast, abs=1e-15)
        if system["N"] <= 12:
            slow, _ = queyranne(each(system), value, ordering_by_values(value, given.units))
            assert slow == pytest.approx(fast, abs=EXACT)
    if "star" in system["queyranne"] and system["N"] <= 5:

        def star(side):
            return phi_star(given, cut(side, given.units)).value

        found, _ = queyranne(each(system), star, ordering_by_values(star, given.units))
        assert found == pytest.approx(system["queyranne"]["star"]["phi"], abs=STAR)


def test_the_search_reaches_a_minimum_that_one_start_misses():
    """At the predictions of the parts themselves the rotation has a saddle point."""
    (system,) = [one for one in SYSTEMS if one["name"] == "rot_N3"]
    one_start = phi_g(covariances_of(system), atomic(each(system)), starts=1)
    several = phi_g(covariances_of(system), atomic(each(system)))
    assert (one_start.value, several.value) == pytest.approx((2.4260661, 1.8599121), abs=1e-6)
    assert several.spread == pytest.approx(2.4260661 - 1.8599121, abs=1e-6)


def test_parts_that_predict_nothing_have_no_beta():
    (system,) = [one for one in SYSTEMS if one["name"] == "qmiss0_N4"]
    found = phi_star(covariances_of(system), atomic(each(system)))
    assert found.beta is None
    assert found.value == pytest.approx(system["own_numpy_atomic"]["I_XY"], abs=EXACT)


def test_stochastic_interaction_of_units_that_correlate_at_one_time_only():
    """A prediction of each unit by itself, with correlated noise: nothing goes across, and SI is above 0 even so."""
    (system,) = [one for one in SYSTEMS if one["name"] == "inst_N5"]
    found = values_at(covariances_of(system), atomic(each(system)), list(NAMES.values()))
    assert found["phi_g"].value == pytest.approx(0.0, abs=1e-9)
    assert found["stochastic_interaction"].value > 0.1
    assert np.isclose(
        found["total_correlation_pairs"].value, found["total_correlation"].value + found["stochastic_interaction"].value, atol=1e-12
    )
