"""The best partitions: by IIT 3.0 against PyPhi's Φ of every cut, by IIT 4.0 against plain code that tries all partitions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from fast_systems import dense, majority_ring
from fast_systems import oracle as oracle3
from fast_systems import system_of as system3_of
from iit4_systems import all_cuts, answer, best_of, oracle, phi_of_cut, system_of

from lightning_iit import InvalidArgumentError, InvalidSystemError, System, TooManyUnitsError, best_partitions, compute_phi
from lightning_iit.phi.iit4.search import minimum, ranked
from lightning_iit.phi.iit4.tolerance import equal
from lightning_iit.phi.pyphi._import import import_pyphi
from lightning_iit.records import Computed, Skipped, SystemPhi

pytestmark = pytest.mark.filterwarnings("ignore:cm contradicts the TPM")
ALL = 1000


def sparse(n: int, seed: int) -> System:
    """A system in which each unit has one or two inputs beside that of a ring."""
    rng = np.random.default_rng(seed)
    cm = np.roll(np.eye(n, dtype=int), 1, axis=1) | (rng.random((n, n)) < 0.3)
    table, states = rng.random((n, 2**n)), np.arange(2**n)
    tpm = np.stack([table[j, states & sum(1 << i for i in range(n) if cm[i, j])] for j in range(n)], axis=1)
    return System(tpm=tpm, state=rng.integers(0, 2, n), cm=cm.astype(int))


def of_pyphi(system: System) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
    """Φ of every cut as PyPhi 1.2 gives it."""
    pyphi = import_pyphi()
    compute = pyphi.compute.subsystem
    network = pyphi.Network(np.array(system.tpm), cm=None if system.cm is None else np.array(system.cm))
    whole = pyphi.Subsystem(network, system.state, range(system.n))
    ces = pyphi.compute.ces(whole)
    cuts = compute.sia_bipartitions(whole.cut_indices, whole.cut_node_labels)
    return {(cut.from_nodes, cut.to_nodes): compute.evaluate_cut(whole, cut, ces).phi for cut in cuts}


@pytest.mark.parametrize("system", [dense(2, 0), dense(3, 1), sparse(3, 2), majority_ring(3)], ids=["2", "3", "sparse", "ring"])
def test_each_cut_has_the_phi_of_pyphi(system):
    expected = of_pyphi(system)
    found = best_partitions(system, ALL)
    assert found.number == len(expected) == len(found.partitions)
    assert {(one.cut.from_nodes, one.cut.to_nodes): one.phi for one in found.partitions} == {
        cut: pytest.approx(phi, abs=1.0001e-6) for cut, phi in expected.items()
    }
    order = list(expected)
    keys = [(one.phi, order.index((one.cut.from_nodes, one.cut.to_nodes))) for one in found.partitions]
    assert keys == sorted(keys)


@pytest.mark.parametrize("kind", [dense, sparse])
@pytest.mark.parametrize("n", [3, 4, 5])
@pytest.mark.parametrize("options", [{}, {"new_concepts": False}, {"cuts": "one"}], ids=str)
def test_the_best_are_the_first_of_all(kind, n, options):
    """A search that ends early for what cannot be among the best has the same answer as one that keeps every cut."""
    for seed in range(3):
        system = kind(n, seed)
        every = best_partitions(system, ALL, **options)
        assert len(every.partitions) == every.number
        for k in (1, 2, 5):
            assert best_partitions(system, k, **options).partitions == every.partitions[:k]
        phi = compute_phi(system, **options)
        assert isinstance(phi, Computed)
        first = every.partitions[0] if every.partitions else None
        assert (first and first.cut, first.phi if first else 0.0, every.reason) == (phi.cut, phi.phi, phi.reason)


def test_threads_find_the_same():
    system = dense(6, 0)
    assert best_partitions(system, 5, threads=2).partitions == best_partitions(system, 5).partitions


def test_of_the_reference_systems_the_minimum_is_first():
    for entry in oracle3()[::7]:
        system = system3_of(entry)
        if system.n > 4:
            continue
        found = best_partitions(system, 3)
        if "error" in entry:
            assert isinstance(found, Skipped)
        elif entry["cut"] is None:
            assert (found.partitions, found.number) == ((), 0)
            assert found.reason
        else:
            first = found.partitions[0]
            assert first.phi == pytest.approx(entry["phi"], abs=1e-6)
            assert {"from_nodes": list(first.cut.from_nodes), "to_nodes": list(first.cut.to_nodes)} == entry["cut"]


@pytest.mark.parametrize("n", [2, 3, 4])
def test_by_iit4_each_is_the_minimum_of_those_that_are_left(n):
    """With continuous losses, and with losses in whole numbers, of which many tie."""
    rng = np.random.default_rng(n)
    for trial in range(9):
        drawn = rng.normal(0.3, 1, (2, n, 2**n)) if trial % 3 == 0 else rng.integers(-1 + trial % 3, 3, (2, n, 2**n)) / 1.0
        drawn[:, :, 0] = 0
        cuts = [(cut, min(phi_of_cut(drawn[0], cut), phi_of_cut(drawn[1], cut))) for cut in all_cuts(n)]
        found, number = ranked(drawn[0], drawn[1], 6)
        assert (number, len(found)) == (len(cuts), min(6, len(cuts)))
        assert found[0].severed == minimum(drawn[0], drawn[1]).severed
        left = list(cuts)
        for one in found:
            severed = best_of(left, n)[0] if len(left) > 1 else tuple(left[0][0])
            assert one.severed == severed
            assert one.signed == pytest.approx(next(signed for cut, signed in left if tuple(cut) == severed), abs=1e-12)
            left = [cut for cut in left if tuple(cut[0]) != severed]


@pytest.mark.parametrize("formalism", ["iit4-2023", "iit4-2026"])
def test_of_the_reference_systems_of_iit4_the_minimum_is_first(formalism):
    compared = 0
    for entry in oracle().values():
        if len(entry["subset"]) > 5:
            continue
        found, phi = (of(system_of(entry), formalism=formalism, nodes=entry["subset"]) for of in (best_partitions, compute_phi))
        if isinstance(phi, Skipped):
            assert found == phi
            continue
        assert isinstance(phi, SystemPhi)
        assert found.reason == phi.reason
        if not phi.partition:
            assert found.partitions == ()
            continue
        first = found.partitions[0]
        assert first.severed == phi.partition
        assert found.number == phi.partitions
        assert len(found.partitions) == min(5, found.number)
        if phi.phi > 0:
            assert (first.phi, first.signed_phi, first.normalized_phi) == pytest.approx(
                (phi.phi, phi.signed_phi, phi.normalized_phi), abs=1e-12
            )
        if len(found.partitions) > 1 and formalism == "iit4-2023" and phi.phi > 0:
            assert found.partitions[1].normalized_phi - first.normalized_phi == pytest.approx(phi.margin, abs=1e-12)
        compared += 1
    assert compared > 60


def test_every_signed_phi_of_pyphi_2():
    """Where PyPhi gave every partition, each has its signed φ_s."""
    names = [name for name, entry in oracle().items() if "all_partitions" in answer(entry, "iit4-2023")]
    assert len(names) > 5
    for name in names:
        entry = oracle()[name]
        expected = {
            tuple(sorted(map(tuple, one["severed"]))): min(one["signed_phi_cause"], one["signed_phi_effect"])
            for one in answer(entry, "iit4-2023")["all_partitions"]
        }
        found = best_partitions(system_of(entry), ALL * 10, formalism="iit4-2023", nodes=entry["subset"])
        signed = {one.severed: one.signed_phi for one in found.partitions}
        if found.partitions and all(len(states.ties) == 1 for states in _specified(entry)):
            assert signed == {cut: pytest.approx(value, abs=1e-9) for cut, value in expected.items()}
            order = [one.normalized_phi for one in found.partitions]
            assert all(a <= b or equal(a, b) for a, b in pairwise(order))


def _specified(entry):
    phi = compute_phi(system_of(entry), formalism="iit4-2023", nodes=entry["subset"])
    return phi.cause, phi.effect


def test_nodes_are_those_of_the_whole_system():
    system = dense(4, 3)
    for formalism in ("iit3", "iit4-2023"):
        found = best_partitions(system, 3, formalism=formalism, nodes=[3, 1])
        phi = compute_phi(system, formalism=formalism, nodes=[1, 3])
        first = found.partitions[0]
        if formalism == "iit3":
            assert first.cut == phi.cut
            assert first.words == str(phi.cut)
        else:
            assert first.severed == phi.partition
            assert first.words == ", ".join(f"{i} to {j}" for i, j in phi.partition)
        assert first.phi == phi.phi


@pytest.mark.parametrize("formalism", ["iit3", "iit4-2023", "iit4-2026"])
def test_more_than_there_are_is_all(formalism):
    found = best_partitions(dense(3, 0), 10**12, formalism=formalism)
    assert len(found.partitions) == found.number == (6 if formalism == "iit3" else 22)


def test_what_cannot_be_is_said():
    system = dense(3, 0)
    with pytest.raises(InvalidArgumentError, match="does not rank partitions; choose 'auto' or 'fast'"):
        best_partitions(system, engine="pyphi")
    for k in (0, 2.5, "5"):
        with pytest.raises(InvalidArgumentError, match="give how many partitions"):
            best_partitions(system, k)
    with pytest.raises(InvalidArgumentError, match="formalism"):
        best_partitions(system, formalism="iit5")
    with pytest.raises(InvalidSystemError):
        best_partitions([[0, 1]])
    with pytest.raises(TooManyUnitsError):
        best_partitions(dense(9, 0))
    with pytest.raises(InvalidArgumentError, match="Did you mean 'nodes'"):
        best_partitions(system, node=[0])
