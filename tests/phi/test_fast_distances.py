"""The Hamming earth mover's distance against POT, and distances of concepts and structures against PyPhi's functions."""

from __future__ import annotations

import itertools
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from fast_systems import dense, oracle, system_of
from hard_systems import hard_system
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_iit.phi.compiling import entry
from lightning_iit.phi.fast import rounding
from lightning_iit.phi.fast.causes import UNKNOWN
from lightning_iit.phi.fast.cuts import system_cuts
from lightning_iit.phi.fast.distance import emd as emd_kernels
from lightning_iit.phi.fast.distance.emd import ACCEPTED, EXACT, REJECTED, new_transport
from lightning_iit.phi.fast.evaluation import evaluate_cut
from lightning_iit.phi.fast.mice import CAUSE, new_mice
from lightning_iit.phi.fast.search import CutSearch
from lightning_iit.phi.fast.structures import space
from lightning_iit.phi.fast.structures.space import Structure
from lightning_iit.phi.fast.tables import candidate
from lightning_iit.phi.pyphi._import import import_pyphi
from lightning_iit.phi.pyphi.engine import to_pyphi
from lightning_iit.records import PhiOptions

kernel_emd, kernel_cause_distance = emd_kernels.emd, space.cause_distance
kernel_greedy_bound, kernel_climb = emd_kernels.greedy_bound, emd_kernels._climb
kernel_round_phi = rounding.round_phi
HARD = ("lacking", "unused", "both", "permutation", "gates")


@entry
def emd(d, p, transport, reject, accept):
    return kernel_emd(d, p, transport, reject, accept)


@entry
def greedy_bound(d, p, transport, accept):
    return kernel_greedy_bound(d, p, transport, accept)


@entry
def climbed_bound(d, p, transport, slot, reject):
    return kernel_climb(d, p, transport, slot, 0.0, reject)


@entry
def cause_distance(mechanism1, purview1, cause1, mechanism2, purview2, cause2, sets, difference, transport, solved):
    return kernel_cause_distance(mechanism1, purview1, cause1, mechanism2, purview2, cause2, sets, difference, transport, solved)


@entry
def rounded(x):
    return kernel_round_phi(x)


def test_kernels_for_kernels_cannot_be_called():
    with pytest.raises(TypeError, match="entry"):
        rounding.round_phi(0.5)


@pytest.fixture(scope="module")
def ot():
    import_pyphi()  # loads POT without the deep learning frameworks
    import ot

    return ot


def _hamming(p):
    states = np.arange(2**p)
    return np.array([[int(a ^ b).bit_count() for b in states] for a in states], dtype=float)


def _distributions(p, rng):
    kind = rng.integers(4)
    pair = rng.random((2, 2**p)) ** rng.integers(1, 6)
    if kind == 1:
        pair = np.rint(pair * 2)
    if kind == 2:
        pair *= rng.random((2, 2**p)) < 0.2
    pair[:, rng.integers(2**p)] += 1e-3 if kind == 3 else 1.0
    return pair / pair.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("p", range(8))
def test_emd_is_that_of_pot(p, ot):
    """1 to 128 states; dense, sparse, tied and concentrated; cold and with a memory of earlier problems."""
    rng, costs, transport = np.random.default_rng(p), _hamming(p), new_transport(7)
    for _ in range(60):
        a, b = _distributions(p, rng)
        expected = ot.emd2(a, b, costs)
        value, status = emd(a - b, p, transport, np.inf, -1.0)
        assert status == EXACT
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("p", [4, 5, 6, 8])
def test_bounds_say_the_truth(p):
    """A rejected value is a lower bound that reaches the reject bound; an accepted one an upper bound below the accept bound."""
    rng, transport, statuses = np.random.default_rng(p), new_transport(8), set()
    for _ in range(200):
        a, b = _distributions(p, rng)
        exact = emd(a - b, p, transport, np.inf, -1.0)[0]
        reject, accept = exact * rng.uniform(0.5, 1.2), exact * rng.uniform(0.8, 1.5)
        value, status = emd(a - b, p, transport, reject, accept)
        statuses.add(status)
        if status == EXACT and value < reject:
            assert value == pytest.approx(exact, abs=1e-12)
        elif status == ACCEPTED:
            assert exact - 1e-12 <= value < accept
        else:
            assert reject <= value <= exact + 1e-12
    assert statuses == ({EXACT} if p == 4 else {EXACT, REJECTED, ACCEPTED})


@pytest.mark.parametrize("p", [5, 6, 8])
def test_a_plan_without_a_search_is_an_upper_bound_and_steps_uphill_are_a_lower_one(p, ot):
    """The plan ends early where it decides; the steps start from the first height functions, which know no problem."""
    rng, costs, transport = np.random.default_rng(p), _hamming(p), new_transport(8)
    accepted, raised = 0, 0
    for _ in range(40):
        a, b = _distributions(p, rng)
        expected = ot.emd2(a, b, costs)
        for accept in (0.5 * expected, 1.3 * expected):
            plan = greedy_bound(a - b, p, transport, accept)
            assert expected - 1e-12 <= plan
        accepted += plan < 1.3 * expected
        sign = transport.products[0] = rng.choice([-1.0, 1.0])
        step = climbed_bound(a - b, p, transport, 0, np.inf)
        height = transport.rest[: 2**p]
        np.testing.assert_array_equal(np.abs([height - height[np.arange(2**p) ^ (1 << node)] for node in range(p)]), 1.0)
        start = sign * transport.heights[p, : 2**p, 0] @ (a - b)
        assert step == pytest.approx(height @ (a - b) - start, abs=1e-12)
        assert height @ (a - b) <= expected + 1e-12
        raised += step > 0.0
    assert accepted > 20
    assert raised > 35
    for nothing in (np.zeros(2**p), np.full(2**p, 1e-17)):
        assert climbed_bound(nothing, p, transport, 0, np.inf) == 0.0
        assert emd(nothing, p, new_transport(8), 1.0, -1.0)[0] == pytest.approx(0.0, abs=1e-12)


@given(st.integers(0, 4 * 10**6), st.sampled_from([0, 1, 5, 9]), st.floats(-1e-14, 1e-14))
@settings(deadline=None, max_examples=300)
def test_rounding_does_not_tell_apart_what_is_equal(whole, seventh, error):
    """Of numbers with seven decimals, on and next to the values half way between two decimals; halves go to the even decimal."""
    exact = Decimal(10 * whole + seventh).scaleb(-7)
    expected = float(exact.quantize(Decimal("1e-6"), ROUND_HALF_EVEN))
    assert rounded(float(exact)) == rounded(abs(float(exact) + error)) == expected


def _structures(system):
    """Every cut of a system: its Φ and the structures that it is the distance of, ours and PyPhi's."""
    pyphi = import_pyphi()
    tables = candidate(system, tuple(range(system.n)))
    search = CutSearch(tables, PhiOptions())
    state = np.array(system.state)
    found = search.search(state, lambda _: None)
    worker, index, sets = search._workers[0], int(state @ 2 ** np.arange(system.n)), tables.subsets
    whole = Structure(found.mice, found.whole)
    uncut = to_pyphi(system)
    ces = pyphi.compute.ces(uncut)
    for cut in system_cuts(system.n, "all"):
        mice = search.mice(cut)
        wanted = np.ones(2**system.n, np.bool_)
        known = (wanted, found.rows, tables.dynamics, sets, found.whole, search._known, mice, worker, np.inf)
        phi = evaluate_cut(1, 2**system.n, index, cut.source, cut.target, *known)
        nodes = [tuple(i for i in range(system.n) if mask >> i & 1) for mask in (cut.source, cut.target)]
        subsystem = uncut.apply_cut(pyphi.models.Cut(*nodes))
        yield phi, whole, Structure(mice, worker.cut), sets, worker, ces, pyphi.compute.ces(subsystem)


SYSTEMS = ("dense-n2", "coarse-n2", "det-n3", "coarse-n3", "sparse-n3", "unfaith-n3")


@pytest.mark.parametrize("kind", SYSTEMS)
def test_structure_distances_are_pyphis(kind):
    """Of every cut, not only of the best one."""
    pyphi = import_pyphi()
    entries = [e for e in oracle() if e["name"].startswith(kind) and e.get("phi")]
    for phi, *_, ces, partitioned in _structures(system_of(entries[0])):
        assert phi == pytest.approx(pyphi.compute.distance.ces_distance(ces, partitioned), abs=1.0001e-6)


def test_concept_distances_are_pyphis():
    """Of all pairs of concepts of the whole and the cut system, whatever their purviews."""
    pyphi = import_pyphi()
    compared = 0
    for _, whole, cut, sets, worker, ces, partitioned in itertools.islice(_structures(dense(3, 4)), 2):
        for c1, c2 in itertools.product(ces, partitioned):
            m1, m2 = (sum(1 << node for node in c.mechanism) for c in (c1, c2))
            p1, p2 = int(whole.mice.purview[CAUSE, m1]), int(cut.mice.purview[CAUSE, m2])
            causes = whole.repertoires.cause, cut.repertoires.cause
            cause = cause_distance(
                m1, p1, causes[0], m2, p2, causes[1], sets, worker.space.difference, worker.search.transport, True
            )
            union = tuple(set(c1.effect_purview) | set(c2.effect_purview))
            effect = pyphi.distance.effect_emd(c1.expand_effect_repertoire(union), c2.expand_effect_repertoire(union))
            assert cause + effect == pytest.approx(pyphi.compute.distance.concept_distance(c1, c2), abs=1e-12)
            compared += 1
    assert compared > 40


def _evaluation(system):
    """A function that evaluates one cut of a system anew, up to a bound and in steps: its Φ or a bound, and the unknown causes."""
    tables, state, count = candidate(system, tuple(range(system.n))), np.array(system.state), 2**system.n
    search = CutSearch(tables, PhiOptions())
    found = search.search(state, lambda _: None)
    index, wanted = int(state @ 2 ** np.arange(system.n)), np.ones(count, np.bool_)

    def evaluated(cut, bound, step=count):
        mice, value, turn = new_mice(count), UNKNOWN, 1
        known = (wanted, found.rows, tables.dynamics, tables.subsets, found.whole, search._known, mice, search._workers[0])
        while value == UNKNOWN:
            value = evaluate_cut(turn, min(turn + step, count), index, cut.source, cut.target, *known, bound)
            turn += step
        return value, int((mice.phi[CAUSE, 1:] == UNKNOWN).sum())

    return evaluated, found.minimum.phi


BOUNDED = [dense(3, 1), dense(4, 2), dense(5, 3), *(hard_system(kind, n, seed) for kind in HARD for n, seed in [(3, 1), (4, 0)])]


@pytest.mark.parametrize("system", BOUNDED)
def test_a_cut_ends_early_only_above_the_bound_and_below_its_phi(system):
    """Whatever the bound, Φ of the cut is returned, or a number between the bound and Φ."""
    evaluated, least = _evaluation(system)
    phis = []
    for cut in system_cuts(system.n, "all"):
        phi, unknown = evaluated(cut, np.inf)
        assert unknown == 0
        phis.append(phi)
        for bound in (2e-6, 0.3 * phi, 0.6 * phi, 0.9 * phi, 1.1 * phi):
            value, unknown = evaluated(cut, bound)
            assert value == phi or bound < value < phi + 1e-6
            assert evaluated(cut, bound, 3) == (value, unknown)
    assert min(phis) == least


def test_most_causes_are_not_searched():
    """Of a dense system of five nodes, as soon as the minimum is known."""
    evaluated, least = _evaluation(dense(5, 3))
    unknown = [evaluated(cut, least + 2e-6)[1] for cut in system_cuts(5, "all")]
    assert np.mean(unknown) > 0.5 * 31
