"""Many Φ at once, as numbers only: the numbers of single analyses, whatever the systems, the states and the engine."""

from __future__ import annotations

import numpy as np
import pytest
from fast_systems import analyse, majority_ring, oracle

from lightning_iit import System, compute_phi, compute_phis
from lightning_iit.errors import InvalidArgumentError, InvalidSystemError, TooManyUnitsError
from lightning_iit.phi.fast.fast_engine import FastEngine
from lightning_iit.phi.many import phis
from lightning_iit.records import Computed, PhiOptions

KINDS = ("random", "reducible", "deterministic", "coarse", "majority")


def _states(n: int) -> np.ndarray:
    return np.arange(2**n)[:, None] >> np.arange(n) & 1


def _tpm(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "reducible":  # a chain: each unit depends on the unit before, the first on nothing
        return np.where(np.roll(_states(n), 1, axis=1) == 1, 0.8, 0.3) * (np.arange(n) > 0) + 0.4 * (np.arange(n) == 0)
    if kind == "deterministic":
        return rng.integers(0, 2, (2**n, n)).astype(float)
    if kind == "coarse":
        return rng.integers(0, 5, (2**n, n)) / 4
    if kind == "majority":
        return np.asarray(majority_ring(n).tpm)
    return rng.random((2**n, n))


def _single(tpms, states, cm, **options):
    results = [analyse(System(tpm=tpm, state=state, cm=cm), **options) for tpm, state in zip(tpms, states, strict=True)]
    return np.array([result.phi if isinstance(result, Computed) else np.nan for result in results])


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("connected", ["all", "cm"])
def test_the_numbers_of_single_analyses(n, connected):
    """In all states of one TPM, one after the other, and of TPM after TPM, whose arrays are used again."""
    rng = np.random.default_rng(n)
    cm = None if connected == "all" else np.ones((n, n), int) - np.eye(n, dtype=int)
    chosen = _states(n)[:: max(1, n - 2)]
    tpms = np.repeat([_tpm(kind, n, rng) for kind in (*KINDS, "random", "deterministic")], len(chosen), axis=0)
    states = np.tile(chosen, (7, 1))
    found = phis(FastEngine(), tpms, states, cm)
    np.testing.assert_allclose(found, _single(tpms, states, cm), rtol=0, atol=1e-12)
    by_kind = found.reshape(7, -1)
    assert np.isfinite(by_kind[0]).all()
    assert (by_kind[0] > 0).any()
    assert (by_kind[1] == 0).all()
    assert np.isnan(by_kind[[2, 6]]).any()


@pytest.mark.parametrize("options", [{"cuts": "one"}, {"new_concepts": False}])
def test_options_mean_the_same(options):
    tpms = np.random.default_rng(1).integers(0, 5, (12, 16, 4)) / 4
    states = _states(4)[:12]
    found = phis(FastEngine(), tpms, states, options=PhiOptions(**options))
    np.testing.assert_allclose(found, _single(tpms, states, None, **options), rtol=0, atol=1e-12)


def test_pyphis_numbers_on_the_reference_systems():
    for entry in oracle():
        expected = np.nan if "error" in entry else entry["phi"]
        found = phis(FastEngine(), np.array([entry["tpm"]], float), np.array(entry["state"]), entry["cm"] and np.array(entry["cm"]))
        np.testing.assert_allclose(found, [expected], rtol=0, atol=1e-9, err_msg=entry["name"])


def test_six_units_and_one_unit():
    rings = np.asarray([majority_ring(6, noise).tpm for noise in (0.1, 0.2)])
    state = np.array(majority_ring(6).state)
    np.testing.assert_allclose(phis(FastEngine(), rings, state), _single(rings, [state] * 2, None), rtol=0, atol=1e-12)
    assert phis(FastEngine(), np.array([[[0.1], [0.7]], [[1.0], [1.0]]]), np.array([0])).tolist() == pytest.approx(
        [0, np.nan], nan_ok=True
    )


def test_progress_rises_to_one():
    told: list[float] = []
    phis(FastEngine(), np.random.default_rng(0).random((200, 16, 4)), np.zeros(4, int), progress=told.append)
    assert told
    assert told == sorted(told)
    assert 0 < told[0] <= told[-1] <= 1


def test_engines_agree_for_a_user():
    tpms = [[[0, 0], [0, 1], [1, 0], [1, 1]], [[0.1, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.9]], [[0, 0], [0, 1], [0, 0], [0, 1]]]
    states = [(0, 1), (1, 1), (1, 0)]
    fast, pyphi = (compute_phis(tpms, states, engine=engine) for engine in ("fast", "pyphi"))
    np.testing.assert_allclose(fast, pyphi, rtol=0, atol=1e-9)
    expected = [compute_phi(System(tpm=tpm, state=state)).phi for tpm, state in zip(tpms, states, strict=True)]
    assert expected[2] is None
    assert fast.tolist() == pytest.approx([*expected[:2], np.nan], nan_ok=True)
    assert compute_phis(tpms, (1, 1)).tolist()[1] == fast[1]
    assert compute_phis([[[1.0 + 1e-7, 0], [0, 1], [1, 0], [1, 1]]], (1, 1)).shape == (1,)


SWAP = [[0, 0], [0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tpms": SWAP}, r"tpms: got the shape \(4, 2\)"),
        ({"tpms": []}, "tpms: got the shape"),
        ({"tpms": [SWAP, SWAP[:3]]}, "tpms: expected an array"),
        ({"tpms": [SWAP[:3]]}, "tpm: got 3 rows"),
        ({"tpms": [SWAP, [[0, 0], [0, 1.5], [1, 0], [1, 1]]]}, r"entry \[1, 1\]"),
        ({"tpms": [SWAP, [[0, 0], [0, np.nan], [1, 0], [1, 1]]]}, r"entry \[1, 1\]"),
        ({"states": [(0, 1), (1, 1)]}, r"states: got the shape \(2, 2\) for 1 TPMs"),
        ({"states": (0, 2)}, "state: got"),
        ({"states": (0, 1, 1)}, "state: got"),
        ({"states": "on"}, "states: expected an array"),
        ({"cm": [[1]]}, "cm: expected an 2 x 2"),
    ],
)
def test_systems_that_cannot_be(given, words):
    with pytest.raises(InvalidSystemError, match=words):
        compute_phis(**{"tpms": [SWAP], "states": (0, 1), **given})


def test_options_that_cannot_be():
    with pytest.raises(InvalidArgumentError, match="cuts='two'"):
        compute_phis([SWAP], (0, 1), cuts="two")
    with pytest.raises(InvalidArgumentError, match="MEASURE"):
        compute_phis([SWAP], (0, 1), engine="fast", pyphi_options={"MEASURE": "L1"})
    with pytest.raises(TooManyUnitsError):
        compute_phis(np.full((1, 512, 9), 0.5), [0] * 9, engine="fast")
