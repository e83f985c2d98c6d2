"""Integrated information decomposition of two units, against the package phyid."""

from __future__ import annotations

import numpy as np
import pytest
from whole_systems import reference

from lightning_iit import InvalidArgumentError, UnusableSeriesError, phiid
from lightning_iit.whole import phiid_of_counts, phiid_of_covariance, phiid_sums
from lightning_iit.whole.decomposition import ATOMS, atoms_of_covariances

DATA = reference("phiid")
TOLERANCE = 1e-13


def names(entries):
    return {"argvalues": entries, "ids": [one["name"] for one in entries]}


def assert_equal(found, wanted):
    assert list(found) == list(ATOMS)
    assert found == pytest.approx({name: wanted[name] for name in ATOMS}, abs=TOLERANCE)


@pytest.mark.parametrize("entry", **names(DATA["gaussian_exact_cov"]))
def test_covariances(entry):
    covariance = np.array(entry["cov4"])
    found = phiid_of_covariance(covariance)
    assert_equal(found, entry["MMI"]["atoms"])
    assert sum(found.values()) == pytest.approx(entry["mutual_infos"]["I_xytab"], abs=TOLERANCE)
    scales = np.array([3.0, 1e-4, 3.0, 1e-4])
    assert_equal(phiid_of_covariance(covariance * scales[:, None] * scales), entry["MMI"]["atoms"])


def test_many_pairs_at_once():
    entries = DATA["gaussian_exact_cov"]
    found = atoms_of_covariances(np.array([one["cov4"] for one in entries]))
    for index, one in enumerate(entries):
        assert_equal({name: values[index] for name, values in found.items()}, one["MMI"]["atoms"])


@pytest.mark.parametrize("redundancy", ["mmi", "ccs"])
@pytest.mark.parametrize("entry", **names(DATA["gaussian_series"]))
def test_series(entry, redundancy):
    series, lag = np.array([entry["src"], entry["trg"]]).T, entry["lag"]
    assert_equal(phiid(series[:-lag], series[lag:], redundancy), entry[redundancy.upper()]["atoms"])


@pytest.mark.parametrize("redundancy", ["mmi", "ccs"])
@pytest.mark.parametrize("entry", **names([*DATA["discrete_counts"], *DATA["discrete_series"]]))
def test_counts(entry, redundancy):
    if "counts" in entry:
        counts = entry["counts"]
    else:
        source, target = (np.array(list(map(int, entry[name]))) for name in ("src", "trg"))
        lag = entry["lag"]
        codes = 8 * source[:-lag] + 4 * target[:-lag] + 2 * source[lag:] + target[lag:]
        counts = np.bincount(codes, minlength=16)
    wanted = entry[redundancy.upper()]
    assert_equal(phiid_of_counts(counts, redundancy), wanted.get("own_atoms_if_differs", wanted["atoms"]))


def test_sums_of_atoms():
    entry = next(one for one in DATA["gaussian_exact_cov"] if "random" in one["name"])
    told, atoms = entry["mutual_infos"], entry["MMI"]["atoms"]
    sums = phiid_sums(phiid_of_covariance(np.array(entry["cov4"])))
    wms = told["I_xytab"] - told["I_xta"] - told["I_ytb"]
    assert sums["phi_wms"] == pytest.approx(wms, abs=TOLERANCE)
    assert sums["phi_r"] == pytest.approx(wms + atoms["rtr"], abs=TOLERANCE)
    each = ("storage", "transfer", "copy", "erasure", "upward_causation", "downward_causation")
    assert sum(sums[name] for name in each) == pytest.approx(told["I_xytab"], abs=TOLERANCE)


def test_what_is_refused():
    x = np.random.default_rng(0).standard_normal((100, 1))
    with pytest.raises(UnusableSeriesError, match="linearly dependent"):
        phiid(np.hstack([x, x]), np.random.default_rng(1).standard_normal((100, 2)))
    with pytest.raises(UnusableSeriesError, match="never varies"):
        phiid_of_covariance(np.diag([1.0, 0.0, 1.0, 1.0]))
    with pytest.raises(InvalidArgumentError, match="16 numbers"):
        phiid_of_counts([1, 2, 3])
