"""The engine of IIT 4.0 gives PyPhi 2's answers and the published values: φ_s, and the structure that belongs to it."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iit4_systems import FORMALISMS, all_cuts, answer, best_of, oracle, pairs, phi_of_cut, system_of

from lightning_iit import IITError, Skipped, Structure, System, SystemPhi, compute_phi, compute_structure, major_complex
from lightning_iit.phi.compiling import IIT4, cache_folder
from lightning_iit.phi.iit4.candidate import candidate, frame, tpm_of
from lightning_iit.phi.iit4.distinctions import distinctions, mechanisms
from lightning_iit.phi.iit4.intrinsic import specified
from lightning_iit.phi.iit4.partitions import losses
from lightning_iit.phi.iit4.search import minimum
from lightning_iit.records import TimedOut
from lightning_iit.records.relations import Bound, number_of_relations, sum_of_relations

NAMES = sorted(oracle())
NOT_DECIDED = {"basic_111", "xor_110", "iit3_2014_fig4_100", "xor_and2_10", "and_or_xor3_100"}
"""Systems in which pairs of states tie at φ_s = 0 and PyPhi takes another one than the first; no rule decides."""

CAP = "φ_s is 0: the intrinsic information of the units is 0, and φ_s of this version is at most that."


def near(value):
    return pytest.approx(value, abs=1e-9, rel=0)


def index(state):
    return sum(bit << k for k, bit in enumerate(state))


def test_the_reference_systems_have_every_kind():
    kinds = Counter(entry["kind"] for entry in oracle().values())
    assert len(NAMES) == 156
    assert {"paper2023_fig1", "paper2023_fig7", "paper2026", "background", "unreachable", "monad", "cm_superset"} <= set(kinds)


@pytest.mark.filterwarnings("ignore:cm contradicts the TPM")  # "residue" does; PyPhi lets the matrix win too
@pytest.mark.parametrize("formalism", FORMALISMS)
@pytest.mark.parametrize("name", NAMES)
def test_system_phi_of_every_reference_system(name, formalism):
    entry = oracle()[name]
    expected = answer(entry, formalism)
    found = compute_phi(system_of(entry), formalism=formalism, nodes=entry["subset"])
    if "error" in expected:
        assert isinstance(found, Skipped)
        assert found.code == "state_unreachable"
        return
    sia = expected["sia"]
    assert isinstance(found, SystemPhi)
    assert (found.formalism, found.nodes, found.phi) == (formalism, tuple(entry["subset"]), near(sia["phi_s"]))
    assert bool(found.reason) >= bool(sia["reasons"])
    if sia["ii"] is not None:
        assert found.ii == near(sia["ii"])
    for direction, one in (("cause", found.cause), ("effect", found.effect)):
        if sia[f"{direction}_state"] is None:  # PyPhi looks for no states in a reducible system
            continue
        assert one.ties == tuple(map(tuple, sia[f"{direction}_state_ties"]))
        assert one.intrinsic_information == near(sia[f"{direction}_intrinsic_information"])
        assert one.state == tuple(sia[f"{direction}_state"]) or (name in NOT_DECIDED and found.phi == 0)
    if found.phi > 0:
        assert found.partition == pairs(sia["partition"]["severed"])
        assert (found.signed_phi, found.normalized_phi) == (near(sia["signed_phi"]), near(sia["normalized_phi"]))
        assert (found.cause.phi, found.effect.phi) == (near(sia["phi_cause"]), near(sia["phi_effect"]))
        assert found.margin is None if sia["partition_margin"] is None else found.margin == near(sia["partition_margin"])


def candidate_of(system, nodes):
    """The candidate system of some nodes."""
    return candidate(frame(tpm_of(system), system.cm, tuple(nodes)), system.state)


@pytest.mark.parametrize("name", [name for name in NAMES if "all_partitions" in answer(oracle()[name], "iit4-2023")])
def test_every_partition_of_the_reference_systems(name):
    """Each signed φ, and the best of all of them as full enumeration finds it."""
    entry = oracle()[name]
    system = candidate_of(system_of(entry), entry["subset"])
    cause, effect = specified(system)
    of_cause = losses(system.causes, cause.states[0], system.state, cause.weights[cause.states[0]])
    of_effect = losses(system.effects, system.state, effect.states[0], effect.weights[effect.states[0]])
    cuts = []
    for partition in answer(entry, "iit4-2023")["all_partitions"]:
        severed = [(entry["subset"].index(i), entry["subset"].index(j)) for i, j in partition["severed"]]
        assert phi_of_cut(of_cause, severed) == near(partition["signed_phi_cause"])
        assert phi_of_cut(of_effect, severed) == near(partition["signed_phi_effect"])
        cuts.append((severed, min(partition["signed_phi_cause"], partition["signed_phi_effect"])))
    found = minimum(of_cause, of_effect)
    assert found.evaluated == len(cuts)
    if len(cuts) > 1:
        severed, signed, margin, ties = best_of(cuts, system.n)
        assert (found.severed, found.signed, found.margin, found.ties) == (severed, near(signed), near(margin), ties)


@pytest.mark.parametrize("formalism", FORMALISMS)
@pytest.mark.parametrize("name", [name for name in NAMES if "ces" in answer(oracle()[name], "iit4-2023")])
def test_structure_of_every_reference_system(name, formalism):
    entry = oracle()[name]
    expected = answer(entry, formalism)["ces"]
    sia = answer(entry, formalism)["sia"]
    found = compute_structure(system_of(entry), formalism=formalism, nodes=entry["subset"])
    assert isinstance(found, Structure)
    if sia["cause_state"] not in (None, list(found.system.cause.state)):  # PyPhi's states, of those that tie
        assert name in NOT_DECIDED
        system = candidate_of(system_of(entry), entry["subset"])
        assert tuple(sia["cause_state"]) in found.system.cause.ties
        theirs = distinctions(mechanisms(system), system.n, index(sia["cause_state"]), index(sia["effect_state"]))
        assert theirs.big_phi == near(expected["big_phi"])
        return
    assert [one.mechanism for one in found.distinctions] == [tuple(one["mechanism"]) for one in expected["distinctions"]]
    for one, theirs in zip(found.distinctions, expected["distinctions"], strict=True):
        assert one.phi == near(theirs["phi"])
        for mine, other in ((one.cause, theirs["cause"]), (one.effect, theirs["effect"])):
            assert (mine.nodes, mine.state) == (tuple(other["purview"]), tuple(other["state"]))
            assert mine.phi == near(other["phi"])
    assert found.relations == expected["n_relations"]
    assert found.sum_phi_distinctions == near(expected["sum_phi_distinctions"])
    assert found.sum_phi_relations == near(expected["sum_phi_relations"])
    assert found.big_phi == near(expected["big_phi"])


# --- published values -------------------------------------------------------------------------------------------------


def test_values_of_the_papers():
    """Figures 1, 6 and 7 of Albantakis et al. 2023, and figure 1 with the cap of Mayner et al. 2026."""
    three = system_of(oracle()["iit4_fig1a_011_AB"])
    assert compute_phi(three, formalism="iit4-2023", nodes=[0, 1]).phi == pytest.approx(0.17, abs=0.005)
    assert compute_phi(three, formalism="iit4-2023", nodes=[0, 1]).phi == pytest.approx(0.1719, abs=5e-5)
    assert compute_phi(three, formalism="iit4-2026", nodes=[0, 1]).phi == pytest.approx(0.0405, abs=5e-5)
    assert compute_phi(system_of(oracle()["iit4_fig6c"]), formalism="iit4-2023").phi == pytest.approx(1.7467, abs=5e-5)
    seven = oracle()["iit4_fig7_inactivated"]
    found = compute_structure(system_of(seven), formalism="iit4-2023", nodes=seven["subset"])
    assert found.system.phi == pytest.approx(0.1098, abs=5e-5)
    assert found.big_phi == pytest.approx(3.352, abs=5e-4)


# --- all partitions, ties, relations, against plain code --------------------------------------------------------------


@pytest.mark.parametrize(("n", "number"), [(2, 3), (3, 22), (4, 150), (5, 1061)])
def test_the_minimum_partition_is_that_of_all_partitions(n, number):
    """With continuous losses, and with losses in whole numbers, which tie."""
    assert len(all_cuts(n)) == number
    rng = np.random.default_rng(n)
    ties = 0
    for trial in range(30):
        drawn = rng.normal(0.3, 1, (2, n, 2**n)) if trial % 3 == 0 else rng.integers(-1 + trial % 3, 3, (2, n, 2**n)) / 1.0
        drawn[:, :, 0] = 0
        found = minimum(drawn[0], drawn[1])
        cuts = [(cut, min(phi_of_cut(drawn[0], cut), phi_of_cut(drawn[1], cut))) for cut in all_cuts(n)]
        severed, signed, margin, tied = best_of(cuts, n)
        assert (found.severed, found.signed, found.margin, found.ties) == (severed, near(signed), near(margin), tied)
        assert found.evaluated == number
        ties += tied > 0
    assert ties >= 10


@pytest.mark.parametrize(("n", "number"), [(6, 7896), (7, 61888), (8, 510313)])
def test_larger_systems_have_all_their_partitions(n, number):
    rng = np.random.default_rng(n)
    found = compute_phi(System(tpm=rng.random((2**n, n)), state=[0] * n), formalism="iit4-2023")
    assert found.partitions == number


def test_relations_are_those_of_all_sets_of_distinctions():
    rng = np.random.default_rng(0)
    for _ in range(20):
        found = [Bound(rng.random(), *rng.integers(1, 64, 2).tolist()) for _ in range(7)]
        number, total = 0, 0.0
        for chosen in range(1, 1 << len(found)):
            among = [one for k, one in enumerate(found) if chosen >> k & 1]
            common = among[0].cause & among[0].effect if len(among) == 1 else (1 << 6) - 1
            for one in among:
                common &= one.atoms
            number += common > 0
            total += common.bit_count() * min(one.phi / one.atoms.bit_count() for one in among)
        assert number_of_relations(found) == number
        assert sum_of_relations(found) == near(total)


def random_system(seed, n):
    rng = np.random.default_rng(seed)
    return rng.random((2**n, n)), rng.integers(0, 2, n)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(0, 3), st.sampled_from(sorted(FORMALISMS)))
def test_neither_the_names_on_and_off_nor_the_order_of_units_matter(seed, n, unit, formalism):
    tpm, state = random_system(seed, n)
    unit %= n
    flipped = tpm[np.arange(2**n) ^ 1 << unit]
    flipped[:, unit] = 1 - flipped[:, unit]
    order = np.random.default_rng(seed).permutation(n)
    rows = [sum((x >> k & 1) << int(order[k]) for k in range(n)) for x in range(2**n)]
    flipped_state = np.where(np.arange(n) == unit, 1 - state, state)
    one = compute_structure(System(tpm=tpm, state=state), formalism=formalism)
    for other in (System(tpm=flipped, state=flipped_state), System(tpm=tpm[rows][:, order], state=state[order])):
        found = compute_structure(other, formalism=formalism)
        assert found.system.signed_phi == near(one.system.signed_phi) or one.system.phi == found.system.phi == 0
        assert (found.system.phi, found.relations) == (near(one.system.phi), one.relations)
        assert found.big_phi == pytest.approx(one.big_phi, rel=1e-9, abs=1e-9)


# --- systems without a search, ties, errors ---------------------------------------------------------------------------


def test_results_say_why_there_is_no_search():
    one_way = System(tpm=[[0, 0], [0, 1], [0, 0], [0, 1]], state=(0, 0), cm=[[0, 1], [0, 0]])
    found = compute_phi(one_way, formalism="iit4-2023")
    assert (found.phi, found.partition, found.partitions) == (0.0, (), 0)
    assert "do not lead from every unit to every other" in found.reason
    coin = compute_phi(System(tpm=[[0.5], [0.5]], state=(0,)), formalism="iit4-2023")
    assert (coin.phi, coin.reason) == (0.0, "φ_s is 0 without a search: the system specifies no cause and effect.")
    alone = compute_phi(System(tpm=[[0.3], [0.3]], state=(0,), cm=[[0]]), formalism="iit4-2026")
    assert "no connection to itself" in alone.reason
    never = compute_phi(System(tpm=[[0, 0]] * 4, state=(1, 0)), formalism="iit4-2023")
    assert (never.phi, never.code) == (None, "state_unreachable")
    assert compute_structure(System(tpm=[[0, 0]] * 4, state=(1, 0)), formalism="iit4-2023") == never


def test_the_cap_makes_deterministic_systems_zero():
    swap = System(tpm=[[0, 0], [0, 1], [1, 0], [1, 1]], state=(0, 1))
    free, capped = (compute_phi(swap, formalism=formalism) for formalism in ("iit4-2023", "iit4-2026"))
    assert (free.phi, free.ii, capped.phi, capped.ii) == (2.0, 0.0, 0.0, 0.0)
    assert (capped.cause, capped.effect, capped.partition) == (free.cause, free.effect, free.partition)
    assert (free.reason, capped.reason) == ("", CAP)


@pytest.mark.parametrize("formalism", FORMALISMS)
def test_a_reducible_system_says_so(formalism):
    found = compute_phi(System(tpm=np.random.default_rng(1).random((8, 3)), state=(0, 0, 0)), formalism=formalism)
    assert (found.phi, found.signed_phi < -0.02, found.partition) == (0.0, True, ((1, 0), (2, 0)))
    assert found.reason == "φ_s is 0: the minimum partition loses nothing, so the units are reducible."


def test_ties_between_states_are_settled_by_the_structure_and_said():
    xor = compute_phi(system_of(oracle()["xor_011"]), formalism="iit4-2023")
    assert xor.reason.startswith("2 pairs of cause and effect state have this φ_s")
    not_unique = compute_phi(system_of(oracle()["basic_111"]), formalism="iit4-2023")
    assert (not_unique.phi, not_unique.normalized_phi, not_unique.signed_phi) == (0.0, 0.0, 0.0)
    assert "state is not unique" in not_unique.reason
    undecided = compute_phi(system_of(oracle()["xor_110"]), formalism="iit4-2026")
    assert (undecided.phi, undecided.cause.state) == (0.0, undecided.cause.ties[0])
    assert undecided.reason.endswith("2 pairs of cause and effect state tie, all with φ_s = 0; the first one was taken.")


def test_of_more_units_than_a_structure_has_ties_are_said():
    """A ring of seven XOR gates: the complement of each cause is a cause too."""
    n = 7
    states = np.arange(2**n)[:, None] >> np.arange(n) & 1
    tpm = np.roll(states, 1, axis=1) ^ np.roll(states, -1, axis=1)
    cm = np.roll(np.eye(n, dtype=int), 1, axis=0) + np.roll(np.eye(n, dtype=int), -1, axis=0)
    found = compute_phi(System(tpm=tpm, state=[0] * n, cm=cm), formalism="iit4-2023")
    assert found.phi > 0
    assert len(found.cause.ties) == 2
    assert "the structures that would decide" in found.reason


def test_a_matrix_that_lacks_a_connection_wins():
    tpm, state = random_system(5, 3)
    cm = np.array([[1, 1, 1], [0, 1, 1], [1, 1, 1]])
    averaged = tpm.copy()
    averaged[[0, 2], 0] = tpm[[0, 2], 0].mean()
    averaged[[1, 3], 0] = tpm[[1, 3], 0].mean()
    averaged[[4, 6], 0] = tpm[[4, 6], 0].mean()
    averaged[[5, 7], 0] = tpm[[5, 7], 0].mean()
    expected = compute_phi(System(tpm=averaged, state=state, cm=cm), formalism="iit4-2023")
    with pytest.warns(UserWarning, match="no connection from node 1 to node 0") as said:
        found = compute_phi(System(tpm=tpm, state=state, cm=cm), formalism="iit4-2023")
    assert said[0].filename == __file__
    assert (found.signed_phi, found.cause) == (near(expected.signed_phi), expected.cause)


# --- complexes --------------------------------------------------------------------------------------------------------


def every_subset(system, formalism):
    sizes = range(1, system.n + 1)
    return [
        compute_phi(system, formalism=formalism, nodes=nodes)
        for size in sizes
        for nodes in itertools.combinations(range(system.n), size)
    ]


@pytest.mark.parametrize("formalism", FORMALISMS)
@pytest.mark.parametrize("seed", range(4))
def test_complexes_are_the_largest_of_all_subsets(seed, formalism):
    tpm, state = random_system(seed, 4)
    system = System(tpm=tpm, state=state)
    found = major_complex(system, formalism=formalism)
    left = [one for one in every_subset(system, formalism) if one.phi > 0]
    expected = []
    while left:
        expected.append(max(left, key=lambda one: one.phi))
        left = [one for one in left if set(one.nodes).isdisjoint(expected[-1].nodes)]
    assert found.nodes == expected[0].nodes
    assert [(one.nodes, one.phi) for one in (found.result, *found.others)] == [(one.nodes, one.phi) for one in expected]


def test_complexes_of_the_papers_figure_1():
    """PyPhi's φ_s of the parts: C alone has more than aB, and does not overlap it."""
    found = major_complex(system_of(oracle()["iit4_fig1a_011_AB"]), formalism="iit4-2023")
    answers = [answer(oracle()[f"iit4_fig1a_011_{name}"], "iit4-2023")["sia"]["phi_s"] for name in ("C", "AB")]
    assert [one.nodes for one in (found.result, *found.others)] == [(2,), (0, 1)]
    assert [one.phi for one in (found.result, *found.others)] == [near(phi) for phi in answers]


def test_ties_between_complexes():
    states = np.arange(16)[:, None] >> np.arange(4) & 1
    swaps = major_complex(System(tpm=states[:, [1, 0, 3, 2]], state=[0] * 4), formalism="iit4-2023")
    assert (swaps.nodes, swaps.result.phi, [one.nodes for one in swaps.others]) == ((0, 1), 2.0, [(2, 3)])
    assert swaps.result.reason == ""
    states = np.arange(64)[:, None] >> np.arange(6) & 1
    any_other = np.where(states.sum(1, keepdims=True) - states >= 1, 0.8, 0.3)
    alike = major_complex(System(tpm=any_other, state=[0] * 6), formalism="iit4-2023")
    assert (alike.nodes, [one.nodes for one in alike.others]) == ((0, 1, 2, 3), [(4, 5)])
    assert alike.result.reason.startswith(
        "This complex is not unique: 14 that overlap it have the same φ_s, size and Φ ({0, 1, 2, 4}, "
    )


@pytest.mark.parametrize(
    ("rows", "state", "nodes", "rule"),
    [
        # Each row has a bit for each unit, unit 0 first: 0b110 sets units 0 and 1.
        ([0b110, 0b010, 0b101, 0b000, 0b110, 0b001, 0b111, 0b110], (0, 1, 0), (1, 2), "size"),
        ([0b111, 0b001, 0b010, 0b100, 0b100, 0b100, 0b001, 0b011], (0, 1, 1), (1, 2), "structure"),
    ],
)
def test_of_overlapping_complexes_with_equal_phi_the_larger_one_counts_then_that_with_more_structure(rows, state, nodes, rule):
    system = System(tpm=[[row >> 2 & 1, row >> 1 & 1, row & 1] for row in rows], state=state)
    phis = {
        subset: compute_phi(system, formalism="iit4-2023", nodes=subset).phi
        for size in (1, 2, 3)
        for subset in itertools.combinations(range(3), size)
    }
    tied = [subset for subset, phi in phis.items() if phi == near(max(phis.values()))]
    overlapping = [subset for subset in tied if subset != nodes and not set(subset).isdisjoint(nodes)]
    assert overlapping
    if rule == "size":
        assert {len(subset) for subset in overlapping} == {1}
    else:
        of = {subset: compute_structure(system, formalism="iit4-2023", nodes=subset).big_phi for subset in tied}
        assert max(of, key=of.__getitem__) == nodes > tied[0]
        assert of[nodes] > of[tied[0]] + 0.1
    assert major_complex(system, formalism="iit4-2023").nodes == nodes


def test_without_a_complex():
    coins = major_complex(System(tpm=np.full((8, 3), 0.5), state=[0] * 3), formalism="iit4-2026")
    assert (coins.nodes, coins.result.phi, coins.others) == ((), 0.0, ())
    assert coins.result.reason.startswith("No subset of the units has φ_s > 0. ")
    never = major_complex(System(tpm=[[0, 0]] * 4, state=(1, 0)), formalism="iit4-2023")
    assert (never.phi, never.code) == (None, "state_unreachable")


@pytest.mark.parametrize(
    ("call", "options", "words"),
    [
        (compute_phi, {"formalism": "iit4"}, "formalism='iit4': there is no such choice"),
        (compute_phi, {"cuts": "one"}, "cuts='one': formalism='iit4-2023' has no such option"),
        (compute_phi, {"new_concepts": False}, "new_concepts=False: "),
        (compute_phi, {"repertoires": True}, "repertoires=True: "),
        (compute_phi, {"ties": True}, "ties=True: "),
        (compute_phi, {"timeout": 0}, "timeout=0: give seconds above 0"),
        (compute_phi, {"threads": 0}, "threads=0: "),
        (major_complex, {"threads": "two"}, "threads='two': "),
        (compute_phi, {"nodes": [0, 3]}, "3"),
        (compute_phi, {"system": 11}, "candidate system of 11 nodes: φ_s of IIT 4.0 is computed for up to 10"),
        (compute_phi, {"system": 11, "timeout": 60.0}, "candidate system of 11 nodes: φ_s of IIT 4.0 is computed for up to 10"),
        (major_complex, {"formalism": "iit5"}, "formalism='iit5': there is no such choice"),
        (major_complex, {"cuts": "one"}, "cuts='one': formalism='iit4-2023' has no such option"),
        (major_complex, {"timeout": -1.0}, "timeout=-1.0: give seconds above 0"),
        (major_complex, {"system": 11}, "candidate system of 11 nodes: the major complex of IIT 4.0 is computed for up to 10"),
        (compute_structure, {"formalism": "iit3"}, "formalism='iit3': there is no such choice; choose 'iit4-2023' or 'iit4-2026'"),
        (compute_structure, {"system": 7}, "candidate system of 7 nodes: the structure of IIT 4.0 is computed for up to 6"),
        (compute_structure, {"system": None}, "system: got a list"),
        (compute_structure, {"node": [0]}, "Did you mean 'nodes'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call, options, words):
    n = options.pop("system", 2)
    system = [] if n is None else System(tpm=np.full((2**n, n), 0.5), state=[0] * n)
    with pytest.raises(IITError, match=re.escape(words)):
        call(system, **{"formalism": "iit4-2023", **options})


def test_the_background_of_a_large_system_is_no_limit():
    tpm, state = random_system(1, 11)
    found = compute_phi(System(tpm=tpm, state=state), formalism="iit4-2023", nodes=[10, 0, 4])
    assert (found.nodes, found.partitions) == ((0, 4, 10), 22)
    assert {node for pair in found.partition for node in pair} <= {0, 4, 10}


def test_within_a_time_limit_a_worker_gives_the_same():
    tpm, state = random_system(1, 11)
    system = System(tpm=tpm, state=state, labels=tuple("abcdefghijk"))
    here, there = (compute_phi(system, timeout=limit, formalism="iit4-2026", nodes=["k", "a", "e"]) for limit in (None, 60.0))
    assert there == msgspec.structs.replace(here, seconds=there.seconds)
    unreachable = System(tpm=[[0, 0]] * 4, state=(1, 0))
    small = System(tpm=tpm[:8, :3], state=state[:3])
    for one in (small, unreachable):
        here, there = (major_complex(one, timeout=limit, formalism="iit4-2023") for limit in (None, 60.0))
        assert type(there) is type(here)
        assert getattr(there, "nodes", ()) == getattr(here, "nodes", ())
        assert compute_phi(one, timeout=60.0, formalism="iit4-2023").phi == compute_phi(one, formalism="iit4-2023").phi


@pytest.mark.parametrize("call", [compute_phi, major_complex])
def test_a_time_limit_ends_the_analysis(call):
    tpm, state = random_system(5, 10)  # rounded, it is a system with many ties: more than a second, where most take 0.2 s
    found = call(System(tpm=0.01 + 0.98 * (tpm > 0.5), state=state), timeout=0.005, formalism="iit4-2023")
    assert isinstance(found, TimedOut)
    assert found.phi is None


def test_this_engine_is_loaded_alone_and_only_when_asked_for():
    code = """
import sys
import lightning_iit
print(sorted(name for name in sys.modules if name.startswith("lightning_iit.phi") or name == "numba"))
found = lightning_iit.compute_phi(lightning_iit.System(tpm=[[0.1], [0.9]], state=(1,)), formalism="iit4-2023")
print(sorted({"pyphi", "torch", "lightning_iit.phi.fast.search"} & set(sys.modules)), found.phi > 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[] True"]


def test_each_engine_has_its_machine_code_by_itself():
    """A change in one engine lets the other one stay compiled."""
    assert cache_folder() != cache_folder(IIT4)
    assert any(cache_folder(IIT4).glob("*/partitions.search_sources-*.nbi"))
    assert not any(cache_folder().glob("*/partitions.search_sources-*.nbi"))
