"""The search for the minimum partition finds the same in parts and in threads, and lets other threads work meanwhile."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from iit4_systems import oracle, system_of

from lightning_iit import System, SystemPhi, compute_phi, major_complex
from lightning_iit.phi.iit4 import search
from lightning_iit.phi.iit4.candidate import candidate, frame, tpm_of
from lightning_iit.phi.iit4.intrinsic import specified
from lightning_iit.phi.iit4.partitions import losses
from lightning_iit.phi.iit4.search import minimum

PARTITIONS = {8: 510_313, 9: 4_419_572}
"""By number of units, how many partitions there are."""


def dense(n, seed):
    rng = np.random.default_rng(seed)
    return System(tpm=rng.uniform(0.02, 0.98, (2**n, n)), state=tuple(rng.integers(0, 2, n).tolist()))


def ring(n, gate):
    """A ring of gates of both neighbours, where many partitions and states tie."""
    states = np.arange(2**n)[:, None] >> np.arange(n) & 1
    cm = np.roll(np.eye(n, dtype=int), 1, axis=0) + np.roll(np.eye(n, dtype=int), -1, axis=0)
    return System(tpm=gate(np.roll(states, 1, axis=1), np.roll(states, -1, axis=1)), state=(0,) * n, cm=cm)


def fields(result):
    """All fields of a φ_s but its seconds."""
    assert isinstance(result, SystemPhi)
    return {name: getattr(result, name) for name in result.__struct_fields__ if name != "seconds"}


def given_to_the_search(system, nodes):
    """The losses of cause and effect of the first pair of states."""
    found = candidate(frame(tpm_of(system), system.cm, nodes), system.state)
    if found is None:
        return None
    cause, effect = specified(found)
    return (
        losses(found.causes, cause.states[0], found.state, cause.weights[cause.states[0]]),
        losses(found.effects, found.state, effect.states[0], effect.weights[effect.states[0]]),
    )


def test_in_parts_the_reference_systems_have_the_same_minimum(monkeypatch):
    """They have few units, and are searched at once; here each is searched in parts too, one for each set of sources."""
    searched = [given_to_the_search(system_of(entry), tuple(entry["subset"])) for entry in oracle().values()]
    searched = [given for given in searched if given is not None and len(given[0]) > 1]
    at_once = [minimum(*given) for given in searched]
    assert sum(found.ties > 0 for found in at_once) > 20
    monkeypatch.setattr(search, "THREADS_FROM", 2)
    for given, expected in zip(searched, at_once, strict=True):
        found = [minimum(*given, threads) for threads in (1, 2, 3)]
        assert found[0] == found[1] == found[2]
        assert found[0]._replace(margin=None) == expected._replace(margin=None)
        assert found[0].margin == pytest.approx(expected.margin, abs=1e-13)


@pytest.mark.parametrize("formalism", ["iit4-2023", "iit4-2026"])
@pytest.mark.parametrize("n", PARTITIONS)
@pytest.mark.parametrize("seed", range(3))
def test_with_threads_every_number_is_the_same_to_the_bit(n, seed, formalism):
    alone, *others = (fields(compute_phi(dense(n, seed), formalism=formalism, threads=threads)) for threads in (1, 2, 5))
    assert alone["partitions"] == PARTITIONS[n]
    assert all(other == alone for other in others)


@pytest.mark.parametrize("gate", [np.logical_and, np.logical_xor])
def test_with_threads_ties_are_the_same_too(gate):
    system = ring(8, gate)
    alone, other = (fields(compute_phi(system, formalism="iit4-2023", threads=threads)) for threads in (1, 3))
    assert alone == other
    assert alone["ties"] > 0


def test_with_threads_the_major_complex_is_the_same():
    alone, other = (major_complex(dense(8, 1), formalism="iit4-2023", threads=threads) for threads in (1, 2))
    assert fields(alone.result) == fields(other.result)
    assert [one.nodes for one in alone.others] == [one.nodes for one in other.others]


def test_the_search_is_in_as_many_threads_as_are_given_and_holds_up_no_other():
    system, seen, over = dense(10, 0), [], threading.Event()

    def look():
        while not over.wait(0.001):
            seen.append(sum(thread.name.startswith("iit4-search") for thread in threading.enumerate()))

    looking = threading.Thread(target=look)
    looking.start()
    compute_phi(system, formalism="iit4-2023", threads=3)
    over.set()
    looking.join()
    assert max(seen) == 3
    assert sum(number == 3 for number in seen) > 5, "the search lets go of the interpreter"
