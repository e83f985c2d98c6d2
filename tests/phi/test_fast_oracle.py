"""The fast engine gives PyPhi's answers: Φ, cut, and concepts with their purviews and φ."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from fast_systems import analyse, dense, differences, oracle, system_of

from lightning_iit.phi.registry import get_engine
from lightning_iit.records import Computed, Concept, Cut, PhiOptions, Skipped, System

EVERYTHING = "LIGHTNING_IIT_EVERYTHING" in os.environ


def _expected_concepts(entry):
    keys = ("mechanism", "cause_purview", "effect_purview")
    return tuple(
        Concept(**{key: tuple(concept[key]) for key in keys}, cause_phi=concept["cause_phi"], effect_phi=concept["effect_phi"])
        for concept in entry["ces"]
    )


def test_every_reference_system():
    """Reachable and unreachable states, ties, sparse connections, connections that contradict the TPM; 2 to 5 nodes."""
    entries = oracle()
    wrong = []
    for entry in entries:
        result = analyse(system_of(entry))
        if "error" in entry:
            wrong += [entry["name"]] * (not (isinstance(result, Skipped) and result.code == "state_unreachable"))
            continue
        cut = entry["cut"] and Cut(from_nodes=tuple(entry["cut"]["from_nodes"]), to_nodes=tuple(entry["cut"]["to_nodes"]))
        same = (
            isinstance(result, Computed)
            and abs(result.phi - entry["phi"]) <= 1e-9
            and result.cut == cut
            and result.concepts == _expected_concepts(entry)
        )
        wrong += [entry["name"]] * (not same)
    assert len(entries) > 150
    assert wrong == []


def _jittered(system: System, seed: int) -> System:
    tpm = np.asarray(system.tpm)
    noise = np.random.default_rng(seed).uniform(-1e-3, 1e-3, tpm.shape)
    return System(tpm=np.clip(tpm + noise, 0, 1), state=system.state, cm=system.cm)


@pytest.mark.timeout(3600)
def test_jittered_reference_systems_against_pyphi():
    """Away from ties too, with the partitioned structure and all repertoires."""
    entries = [entry for entry in oracle() if entry["n"] <= 3]
    chosen = entries if EVERYTHING else [e for e in entries if e["n"] == 2][:20] + [e for e in entries if e["n"] == 3][::9]
    wrong = {}
    for seed, entry in enumerate(chosen):
        system = _jittered(system_of(entry), seed)
        found = differences(analyse(system, repertoires=True), analyse(system, "pyphi", repertoires=True))
        if found:
            wrong[entry["name"]] = found
    assert wrong == {}


@pytest.mark.parametrize("options", [{"cuts": "one"}, {"new_concepts": False}, {"cuts": "one", "new_concepts": False}])
def test_approximations_have_pyphis_meaning(options):
    entries = [entry for entry in oracle() if entry["n"] == 3 and "error" not in entry][:: 3 if EVERYTHING else 20]
    systems = [system_of(entry) for entry in entries] + [dense(2, 5), dense(3, 6)]
    for system in systems:
        ours = analyse(system, repertoires=True, **options)
        assert differences(ours, analyse(system, "pyphi", repertoires=True, **options)) == []


def test_four_nodes_with_both_structures_against_pyphi():
    """A sparse system of four nodes, all of it; the reference data hold the unpartitioned structure only."""
    (entry,) = [entry for entry in oracle() if entry["name"] == "pyphi-basic-100"] or oracle()[:1]
    system = system_of(entry)
    assert differences(analyse(system, repertoires=True), analyse(system, "pyphi", repertoires=True)) == []


def test_major_complexes_against_pyphi():
    """On systems of three and four nodes, among them some of which only a part is a complex, and some without any."""
    names = ("sparse-n3", "sparsedet-n3", "unfaith-n3", "coarse-n3", "sparse-n4", "sparsedet-n4")
    chosen = [e for name in names for e in [e for e in oracle() if e["name"].startswith(name)][: 20 if EVERYTHING else 3]]
    fast, pyphi = get_engine("fast"), get_engine("pyphi")
    sizes = set()
    for entry in chosen:
        if entry.get("pyphi_seconds", 0) > 3:
            continue
        system = system_of(entry)
        ours = fast.major_complex(system, PhiOptions(repertoires=True))
        theirs = pyphi.major_complex(system, PhiOptions(repertoires=True))
        assert ours.nodes == theirs.nodes, entry["name"]
        assert differences(ours.result, theirs.result) == [], entry["name"]
        sizes.add((len(ours.nodes), system.n))
    assert len(sizes) >= 3


def test_order_of_units_in_deterministic_systems_is_pyphis():
    """Ties between purviews make Φ of a deterministic TPM depend on the order of its units, in PyPhi and here alike."""
    rows = np.array([[int(bit) for bit in row] for row in ("100", "010", "010", "111", "001", "101", "111", "010")])
    system = System(tpm=rows, state=(1, 0, 1))
    swapped = System(tpm=rows[[0, 2, 1, 3, 4, 6, 5, 7]][:, [1, 0, 2]], state=(0, 1, 1))
    for labelling, phi in ((system, 0.447917), (swapped, 0.28125)):
        ours = analyse(labelling)
        assert ours.phi == pytest.approx(phi, abs=1e-9)
        assert differences(ours, analyse(labelling, "pyphi")) == []


def test_pyphi_and_torch_are_not_loaded():
    code = """
import sys
from lightning_iit.phi.fast.fast_engine import FastEngine
from lightning_iit.records import PhiOptions, System
engine = FastEngine()
system = System(tpm=[[0.1, 0.3], [0.6, 0.2], [0.7, 0.9], [0.4, 0.8]], state=(1, 0))
(result,) = engine.analyse([system], PhiOptions(repertoires=True))
engine.major_complex(system, PhiOptions())
assert result.phi > 0
print(sorted({"pyphi", "torch", "ot", "pyemd", "lightning"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
