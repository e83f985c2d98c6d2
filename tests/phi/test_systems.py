"""Systems as people have them: a candidate system with background, large sparse systems, PyPhi's arrays, rounded probabilities."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from lightning_iit import System, compute_phi, major_complex, state_by_node, to_pyphi
from lightning_iit.errors import InvalidArgumentError, InvalidSystemError, TooManyUnitsError
from lightning_iit.phi.connections import ConnectivityWarning
from lightning_iit.phi.pyphi._import import import_pyphi
from lightning_iit.records import Computed, Skipped, TimedOut
from lightning_iit.tpm.conversion import bits, state_by_state

RNG = np.random.default_rng(1)
DENSE = RNG.random((32, 5))
STATE = (1, 0, 1, 0, 1)
SWAP = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR_PAIR = [[0, 0], [1, 1], [1, 1], [0, 0]]
CORE = (3, 5, 8, 10)


def sparse(n, *cores, seed=0):
    """A system whose cores are dense, whose nodes 0 and 1 are noise (0 drives the cores), and whose others read a core."""
    rng = np.random.default_rng(seed)
    states, tpm, cm = bits(n), np.zeros((2**n, n)), np.zeros((n, n), dtype=int)
    members = [node for core in cores for node in core]
    for core in cores:
        rows = rng.random((2 ** len(core), len(core)))[states[:, list(core)] @ (1 << np.arange(len(core)))]
        tpm[:, list(core)] = np.where(states[:, [0]] == 1, rows, 0.6 * rows)
        cm[np.ix_(core, core)], cm[0, list(core)] = 1, 1
    for node in set(range(n)) - set(members):
        tpm[:, node] = 0.5 if node < 2 else rng.random(2)[states[:, members[0]]]
        cm[members[0], node] = node >= 2
    return tpm, cm


# --- nodes= ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["fast", "pyphi"])
@pytest.mark.parametrize("nodes", [(0, 1, 2), (1, 3), (4, 2)])
def test_a_candidate_system_is_pyphis_subsystem(nodes, engine):
    cm = np.ones((5, 5), dtype=int)
    cm[1, 2] = cm[3, 1] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConnectivityWarning)
        ours = compute_phi(System(tpm=DENSE, state=STATE, cm=cm), engine=engine, nodes=nodes, repertoires=True)
    pyphi = import_pyphi()
    theirs = pyphi.compute.sia(pyphi.Subsystem(pyphi.Network(DENSE, cm=cm), STATE, nodes))
    assert ours.phi == pytest.approx(theirs.phi, abs=1e-6)
    assert theirs.phi > 0 or nodes == (1, 3)
    assert [concept.mechanism for concept in ours.concepts] == [tuple(concept.mechanism) for concept in theirs.ces]
    assert [concept.phi for concept in ours.concepts] == pytest.approx([concept.phi for concept in theirs.ces], abs=1e-6)
    if ours.cut is not None:
        assert (ours.cut.from_nodes, ours.cut.to_nodes) == (tuple(theirs.cut.from_nodes), tuple(theirs.cut.to_nodes))


def test_the_state_of_the_background_counts_and_labels_are_nodes_too():
    labels = ("A", "B", "C", "D", "E")
    phis = []
    for state in (STATE, (1, 0, 1, 1, 1)):
        system = System(tpm=DENSE, state=state, labels=labels)
        by_label, by_index = compute_phi(system, nodes=["C", "A", "B"]), compute_phi(system, nodes=np.arange(3))
        assert (by_label.phi, by_label.concepts) == (by_index.phi, by_index.concepts)
        phis.append(by_label.phi)
    assert phis[0] != phis[1]
    assert compute_phi(system, nodes=range(5)).concepts == compute_phi(system).concepts


def test_a_worker_analyses_a_candidate_system_too():
    system = System(tpm=DENSE, state=STATE)
    there, here = (compute_phi(system, nodes=[1, 2, 4], timeout=timeout) for timeout in (60.0, None))
    assert (there.phi, there.cut, there.concepts) == (here.phi, here.cut, here.concepts)
    assert set(there.cut.from_nodes + there.cut.to_nodes) == {1, 2, 4}


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([], "no node"),
        ([0, 0], "twice"),
        ([5], "nodes 0 to 4"),
        ([-1], "nodes 0 to 4"),
        ([True], "nodes 0 to 4"),
        ([0.5], "nodes 0 to 4"),
        (["Z"], "labels are A"),
        ("AB", "give a list"),
        (3, "give a list"),
    ],
)
def test_nodes_that_are_none(nodes, words):
    with pytest.raises(InvalidArgumentError, match=words):
        compute_phi(System(tpm=DENSE, state=STATE, labels=tuple("ABCDE")), nodes=nodes)


# --- large and sparse -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_twelve_nodes_with_a_core_of_four(known):
    tpm, cm = sparse(12, CORE)
    system = System(tpm=tpm, state=(1,) * 12, cm=cm if known else None)
    whole = compute_phi(system)
    assert whole.phi == 0
    assert "{3, 5, 8, 10}" in whole.reason
    found = major_complex(system)
    assert found.nodes == CORE
    assert found.result.phi == pytest.approx(compute_phi(system, nodes=CORE, engine="pyphi").phi, abs=1e-6)
    assert {node for concept in found.result.concepts for node in concept.mechanism} == set(CORE)


def test_parts_are_searched_as_pyphi_searches_the_whole():
    tpm, cm = sparse(7, (2, 5), (3, 4, 6), seed=3)
    system = System(tpm=tpm, state=(1, 0, 1, 1, 0, 0, 1), cm=cm)
    network = to_pyphi(system).network
    theirs = import_pyphi().compute.major_complex(network, system.state)
    for found in (major_complex(system), major_complex(system, engine="pyphi")):  # PyPhi takes five nodes, so it gets the parts
        assert found.nodes == tuple(theirs.subsystem.node_indices)
        assert found.result.phi == pytest.approx(theirs.phi, abs=1e-6)


def test_the_larger_of_two_parts_in_a_system_of_nine():
    tpm, cm = sparse(9, (2, 3), (4, 6, 7))
    system = System(tpm=tpm, state=(0,) * 9, cm=cm)
    inside = [(2, 3), (4, 6, 7), (4, 6), (4, 7), (6, 7)]
    phis = {nodes: compute_phi(system, nodes=nodes).phi for nodes in inside}
    found = major_complex(system)
    assert found.result.phi == max(phis.values())
    assert phis[found.nodes] == found.result.phi


def test_no_part_has_phi():
    copies = np.roll(bits(9), 1, axis=1).astype(float)
    copies[:, 0] = 0.5  # a chain
    found = major_complex(System(tpm=copies, state=(0,) * 9))
    assert (found.nodes, found.result.phi) == ((), 0.0)
    assert compute_phi(System(tpm=np.zeros((512, 9)), state=(1,) * 9)).code == "state_unreachable"
    assert isinstance(compute_phi(System(tpm=np.zeros((512, 9)), state=(1,) * 9)), Skipped)


def test_a_part_that_is_too_large_is_named():
    ring = System(tpm=np.roll(bits(9), 1, axis=1), state=(0,) * 9)
    for function in (compute_phi, major_complex):
        with pytest.raises(TooManyUnitsError, match=r"all its nodes are strongly connected \(9 nodes\).*nodes="):
            function(ring)


def test_the_search_for_a_complex_has_a_time_limit():
    dense = System(tpm=np.random.default_rng(0).random((256, 8)), state=(0,) * 8)
    found = major_complex(dense, timeout=1.0)
    assert found.nodes == ()
    assert isinstance(found.result, TimedOut)
    tpm, cm = sparse(12, CORE)
    system = System(tpm=tpm, state=(1,) * 12, cm=cm)
    there, here = major_complex(system, timeout=120.0), major_complex(system)
    assert (there.nodes, there.result.phi, there.result.concepts) == (here.nodes, here.result.phi, here.result.concepts)
    with pytest.raises(InvalidArgumentError, match="timeout=-1"):
        major_complex(system, timeout=-1)


# --- what systems are made of ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
def test_pyphis_own_tpm_has_an_axis_for_each_node(n):
    tpm = np.random.default_rng(n).random((2**n, n))
    network = import_pyphi().Network(tpm)
    assert network.tpm.shape == (2,) * n + (n,)
    for given in (network.tpm, network.tpm.tolist(), list(network.tpm)):
        assert System(tpm=given, state=(0,) * n) == System(tpm=tpm, state=(0,) * n)


@pytest.mark.parametrize("shape", [(2, 2, 3), (2, 2, 2, 2), (2, 1, 2), (2, 4, 2)])
def test_other_arrays_of_three_dimensions_are_refused(shape):
    with pytest.raises(InvalidSystemError, match="tpm: got shape"):
        System(tpm=np.full(shape, 0.5), state=(0, 0))


@pytest.mark.parametrize("beyond", [1.2e-7, np.finfo(np.float16).eps, 1e-3])
def test_rounded_probabilities_are_clipped(beyond):
    exact = np.array([[1.0, 0.2], [0.3, 0.0], [0.1, 1.0], [0.9, 0.4]])
    rounded = exact + beyond * ((exact == 1.0).astype(float) - (exact == 0.0))
    assert System(tpm=rounded, state=(0, 1)) == System(tpm=exact, state=(0, 1))
    assert state_by_state(rounded).tolist() == state_by_state(exact).tolist()
    for engine in ("fast", "pyphi"):
        found = compute_phi(System(tpm=rounded, state=(0, 1)), engine=engine)
        assert found.phi == pytest.approx(compute_phi(System(tpm=exact, state=(0, 1))).phi, abs=1e-6)


@pytest.mark.parametrize("wrong", [1.0011, -0.0011, float("nan"), float("inf")])
def test_what_no_rounding_explains_is_refused(wrong):
    with pytest.raises(InvalidSystemError, match=r"probability.*0\.001"):
        System(tpm=[[wrong, 0.2], [0.3, 0.6], [0.1, 1.0], [0.9, 0.4]], state=(0, 1))


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_a_state_by_state_tpm_of_coarse_numbers(kind):
    exact = np.random.default_rng(5).random((8, 3))
    square = state_by_state(exact).astype(kind)
    for given in (square, square.astype(float)):  # PyTorch and files may have made them float64 again
        assert state_by_node(given) == pytest.approx(exact, abs=2e-3)


def test_equal_labels_are_refused_before_any_engine():
    with pytest.raises(InvalidSystemError, match="nodes 0 and 1 are all called 'A'"):
        System(tpm=SWAP, state=(0, 1), labels=("A", "A"))
    with pytest.raises(InvalidSystemError, match="'1'"):
        System(tpm=SWAP, state=(0, 1), labels=(1, "1"))
    system = System(tpm=SWAP, state=(0, 1), labels=("A", "B"))
    assert [compute_phi(system, engine=engine).phi for engine in ("fast", "pyphi")] == [1.0, 1.0]


@pytest.mark.parametrize("given", [{"state": (0, 2)}, {"tpm": np.full((9, 2), 0.5)}, {"tpm": np.full((3, 2, 2), 0.5)}])
def test_units_of_three_states_are_refused_in_their_own_words(given):
    with pytest.raises(InvalidSystemError, match="more than two states are not supported"):
        System(**{"tpm": SWAP, "state": (0, 1), **given})
    with pytest.raises(InvalidSystemError, match="more than two states are not supported"):
        state_by_node(np.full((9, 9), 1 / 9))
    with pytest.raises(InvalidSystemError) as caught:
        System(tpm=SWAP, state=(0, 0.5))
    assert "more than two states" not in str(caught.value)


def test_a_word_where_the_matrix_contradicts_the_tpm():
    system = System(tpm=XOR_PAIR, state=(0, 0), cm=[[1, 1], [0, 1]])
    for function, engine in itertools.product((compute_phi, major_complex), ("fast", "pyphi")):
        with pytest.warns(ConnectivityWarning, match="no connection from node 1 to node 0.*up to 1") as caught:
            function(system, engine=engine)
        assert caught[0].filename == __file__


def test_no_word_where_the_matrix_agrees():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(compute_phi(System(tpm=SWAP, state=(0, 1), cm=[[0, 1], [1, 0]])), Computed)
        assert isinstance(compute_phi(System(tpm=SWAP, state=(0, 1), cm=[[1, 1], [1, 1]])), Computed)
