"""Relations listed one by one: as the definition has them, in order, and together what the closed forms say."""

from __future__ import annotations

import itertools
import math
import re
import time

import numpy as np
import pytest
from iit4_systems import answer, oracle, system_of

from lightning_iit import IITError, Structure, System, compute_structure

STATES = {n: np.arange(1 << n)[:, None] >> np.arange(n) & 1 for n in (3, 5, 6)}
LISTED = 20_000
"""Structures of more relations are not listed as a whole."""


def near(value):
    return pytest.approx(value, abs=1e-9, rel=0)


def few():
    """The reference systems with that many relations or fewer, by PyPhi's answer."""
    for name, entry in sorted(oracle().items()):
        ces = answer(entry, "iit4-2023").get("ces") or {}
        if 0 < ces.get("n_relations", 0) <= LISTED:
            yield name


def logistic(n, weights):
    """The structure of units that add up what they get, with all units OFF."""
    tpm = 1 / (1 + np.exp(-(2 * STATES[n] - 1) @ weights))
    return compute_structure(System(tpm=tpm, state=[0] * n), formalism="iit4-2023")


def structure(name):
    entry = oracle()[name]
    return compute_structure(system_of(entry), formalism="iit4-2023", nodes=entry["subset"])


def atoms(purview):
    return set(zip(purview.nodes, purview.state, strict=True))


def by_definition(distinctions):
    """Equations 49 to 56 of the paper, set by set: mechanisms to (φ_r, what is bound)."""
    found = {}
    for one in distinctions:
        if both := atoms(one.cause) & atoms(one.effect):
            found[one.mechanism,] = len(both) * one.phi / len(atoms(one.cause) | atoms(one.effect)), both
    for size in range(2, len(distinctions) + 1):
        for chosen in itertools.combinations(distinctions, size):
            whole = [atoms(one.cause) | atoms(one.effect) for one in chosen]
            if common := set.intersection(*whole):
                share = min(one.phi / len(of) for one, of in zip(chosen, whole, strict=True))
                found[tuple(one.mechanism for one in chosen)] = len(common) * share, common
    return found


def faces_by_definition(relation):
    """One purview or both of each distinction, where all that were taken overlap."""
    choices = ("both",) if len(relation.distinctions) == 1 else ("cause", "effect", "both")
    found = {}
    for purviews in itertools.product(choices, repeat=len(relation.distinctions)):
        taken = [
            atoms(purview)
            for one, kind in zip(relation.distinctions, purviews, strict=True)
            for purview in {"cause": (one.cause,), "effect": (one.effect,), "both": (one.cause, one.effect)}[kind]
        ]
        if common := set.intersection(*taken):
            found[purviews] = common
    return found


def test_there_are_many_structures_to_list():
    assert len(list(few())) > 60


@pytest.mark.filterwarnings("ignore:cm contradicts the TPM")
@pytest.mark.parametrize("name", list(few()))
def test_all_relations_add_up_to_the_closed_form(name):
    found = structure(name)
    listed = found.relations_among(most=LISTED)
    assert len(listed) == len({one.mechanisms for one in listed}) == found.relations
    assert math.fsum(one.phi for one in listed) == near(found.sum_phi_relations)
    phis = [one.phi for one in listed]
    assert phis == sorted(phis, reverse=True)


@pytest.mark.parametrize("seed", range(6))
def test_relations_and_faces_are_those_of_the_definition(seed):
    found = logistic(3, np.eye(3) + np.random.default_rng(seed).normal(0.5, 0.3, (3, 3)))
    expected = by_definition(found.distinctions)
    listed = found.relations_among()
    assert len(listed) == len(expected) > 20
    for one in listed:
        phi, common = expected[one.mechanisms]
        assert one.phi == near(phi)
        assert list(zip(one.nodes, one.state, strict=True)) == sorted(common)
        faces = list(one.faces())
        assert {face.purviews: atoms(face) for face in faces} == faces_by_definition(one)
        assert set.union(*map(atoms, faces)) == common
        assert len({face.purviews for face in faces}) == len(faces)


def test_a_node_can_be_bound_in_both_states():
    """Each unit is noisily the XOR of its neighbours, in a ring."""
    on = STATES[5]
    found = compute_structure(
        System(tpm=np.where(np.roll(on, 1, 1) ^ np.roll(on, -1, 1), 0.9, 0.1), state=[1] * 5), formalism="iit4-2023"
    )
    twice = [one for one in found.relations_among() if len(set(one.nodes)) < len(one.nodes)]
    assert len(twice) == 8
    expected = by_definition(found.distinctions)
    for one in twice:
        assert list(zip(one.nodes, one.state, strict=True)) == sorted(expected[one.mechanisms][1])


def test_the_bound_and_the_choice():
    found = logistic(3, np.eye(3) + 0.5)
    every = found.relations_among()
    assert len(every) > 5
    assert found.relations_among(most=3) == every[:3]
    chosen = [found.distinctions[0].mechanism, found.distinctions[-1].mechanism[::-1]]
    among = found.relations_among(chosen)
    assert among == tuple(one for one in every if {frozenset(it) for it in one.mechanisms} <= {frozenset(it) for it in chosen})
    assert found.relations_among([]) == ()


def test_the_strongest_of_very_many():
    """More relations than could ever be listed: the first thousand are there at once, and none is larger than one before."""
    found = logistic(6, np.random.default_rng(0).normal(0, 1, (6, 6)))
    assert isinstance(found, Structure)
    assert found.relations > 10**12
    start = time.process_time()
    listed = found.relations_among()
    assert time.process_time() - start < 20
    assert len(listed) == len({one.mechanisms for one in listed}) == 1000
    phis = [one.phi for one in listed]
    assert phis == sorted(phis, reverse=True)
    small = by_size_up_to_3(found.distinctions)
    assert {one.mechanisms for one in listed} >= {mechanisms for mechanisms, phi in small.items() if phi > phis[-1] + 1e-12}


def by_size_up_to_3(distinctions):
    """φ_r of each pair and triple that has something in common."""
    of = {one.mechanism: (atoms(one.cause) | atoms(one.effect), one.phi) for one in distinctions}
    sets = itertools.chain(itertools.combinations(of, 2), itertools.combinations(of, 3))
    return {
        chosen: len(common) * min(of[one][1] / len(of[one][0]) for one in chosen)
        for chosen in sets
        if (common := set.intersection(*(of[one][0] for one in chosen)))
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"most": 0}, "most=0: give how many relations to list, 1 or more"),
        ({"most": 2.5}, "most=2.5"),
        ({"mechanisms": [(1,), (7, 5)]}, "mechanisms: (5, 7) is no mechanism of a distinction"),
    ],
)
def test_what_cannot_be_listed_is_refused(arguments, words):
    with pytest.raises(IITError, match=re.escape(words)):
        logistic(3, np.eye(3) + 0.5).relations_among(**arguments)
