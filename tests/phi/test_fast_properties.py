"""What must hold for Φ whatever the system: symmetries, independence, severed connections; and PyPhi on random systems."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fast_systems import analyse, differences, phi
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lightning_iit.records import Skipped, System

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def random_system(n: int, kind: str, seed: int) -> System:
    """A system of some kind: dense, coarse (ties), det (deterministic), sparse (with connections) or unfaithful ones."""
    rng = np.random.default_rng(seed)
    cm = None
    if kind == "coarse":
        tpm = rng.integers(0, 5, (2**n, n)) / 4
    elif kind == "det":
        tpm = rng.integers(0, 2, (2**n, n)).astype(float)
    else:
        tpm = rng.random((2**n, n))
    if kind in {"sparse", "unfaithful"}:
        cm = (rng.random((n, n)) < 0.75).astype(int)
    if kind == "sparse":
        tpm = averaged(tpm, cm)
    return System(tpm=tpm, state=rng.integers(0, 2, n), cm=cm)


def averaged(tpm: np.ndarray, cm: np.ndarray) -> np.ndarray:
    """Each node's probabilities, averaged over the nodes that have no connection to it."""
    result = np.array(tpm)
    for source, target in zip(*np.nonzero(cm == 0), strict=True):
        flipped = np.arange(len(tpm)) ^ (1 << source)
        result[:, target] = (result[:, target] + result[flipped, target]) / 2
    return result


def flipped(system: System, unit: int) -> System:
    """The same system with the meaning of a unit's ON and OFF exchanged."""
    tpm = np.array(system.tpm)[np.arange(2**system.n) ^ (1 << unit)]
    tpm[:, unit] = 1 - tpm[:, unit]
    state = list(system.state)
    state[unit] = 1 - state[unit]
    return System(tpm=tpm, state=state, cm=system.cm)


def relabelled(system: System, order: list[int]) -> System:
    """The same system with unit ``order[k]`` called k."""
    states = np.arange(2**system.n)
    rows = sum(((states >> k & 1) << old for k, old in enumerate(order)), start=np.zeros_like(states))
    cm = None if system.cm is None else np.array(system.cm)[np.ix_(order, order)]
    return System(tpm=np.array(system.tpm)[np.ix_(rows, order)], state=[system.state[old] for old in order], cm=cm)


kinds = st.sampled_from(["dense", "coarse", "det", "sparse", "unfaithful"])


@given(st.integers(2, 4), kinds, seeds, st.integers(0, 3))
@settings(relaxed, max_examples=60)
def test_exchanging_on_and_off_leaves_phi(n, kind, seed, unit):
    system = random_system(n, kind, seed)
    result, other = analyse(system), analyse(flipped(system, unit % n))
    assume(not isinstance(result, Skipped))
    assert other.phi == pytest.approx(result.phi, abs=1e-6 + 1e-12)


@given(st.integers(2, 5), seeds, st.randoms())
@settings(relaxed, max_examples=25)
def test_relabelling_leaves_phi_where_nothing_ties(n, seed, random):
    system = random_system(n, "dense", seed)
    order = random.sample(range(n), n)
    assert phi(relabelled(system, order)) == pytest.approx(phi(system), abs=1e-6 + 1e-12)


@given(seeds)
@settings(relaxed, max_examples=4)
def test_pyphi_agrees_on_each_labelling_of_a_deterministic_system(seed):
    system = random_system(3, "det", seed)
    for order in itertools.islice(itertools.permutations(range(3)), 1, 6, 2):
        labelling = relabelled(system, list(order))
        assert differences(analyse(labelling), analyse(labelling, "pyphi")) == []


@given(st.integers(1, 2), st.integers(1, 3), kinds, seeds)
@settings(relaxed, max_examples=40)
def test_two_independent_systems_are_no_whole(n, m, kind, seed):
    one, two = random_system(n, kind, seed), random_system(m, kind, seed + 1)
    tpm = np.array([[*one.tpm[s % 2**n], *two.tpm[s >> n]] for s in range(2 ** (n + m))])
    result = analyse(System(tpm=tpm, state=one.state + two.state))
    assume(not isinstance(result, Skipped))
    assert result.phi == 0.0


@given(st.integers(2, 5), seeds)
@settings(relaxed, max_examples=15)
def test_units_that_hear_nothing_have_no_phi(n, seed):
    rng = np.random.default_rng(seed)
    system = System(tpm=np.tile(rng.random(n), (2**n, 1)), state=rng.integers(0, 2, n))
    assert phi(system) == 0.0


@given(st.integers(2, 4), seeds, st.integers(0, 15))
@settings(relaxed, max_examples=25)
def test_severing_a_connection_without_effect_changes_nothing(n, seed, which):
    source, target = which % n, which // 4 % n
    cm = np.ones((n, n), dtype=int)
    cm[source, target] = 0
    tpm = averaged(np.random.default_rng(seed).random((2**n, n)), cm)
    state = [seed >> k & 1 for k in range(n)]
    severed, whole = analyse(System(tpm=tpm, state=state, cm=cm)), analyse(System(tpm=tpm, state=state))
    if severed.cut is None:
        # what is not strongly connected has Φ = 0 without a search
        assert whole.phi == severed.phi == 0.0
    else:
        assert differences(severed, whole) == []


@given(st.integers(2, 3), kinds, seeds)
@settings(relaxed, max_examples=25)
def test_pyphi_agrees_on_random_systems(n, kind, seed):
    system = random_system(n, kind, seed)
    assert differences(analyse(system, repertoires=True), analyse(system, "pyphi", repertoires=True)) == []
