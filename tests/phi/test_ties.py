"""Whether Φ depends on ties: of cellular automata it does, of random systems it does not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fast_systems import analyse, dense, majority_ring
from rich.console import Console

from lightning_iit import System, compute_phi
from lightning_iit.commands.tables import print_result
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.fast.cuts import system_cuts
from lightning_iit.phi.fast.ties import moved
from lightning_iit.records import Computed


def automaton(rule: int, n: int, state: int = 0) -> System:
    """A ring of ``n`` cells of an elementary cellular automaton."""
    states = np.arange(2**n)[:, None] >> np.arange(n) & 1
    neighbourhood = 4 * np.roll(states, 1, axis=1) + 2 * states + np.roll(states, -1, axis=1)
    cm = np.eye(n, dtype=int) | np.roll(np.eye(n, dtype=int), 1, axis=1) | np.roll(np.eye(n, dtype=int), -1, axis=1)
    return System(tpm=rule >> neighbourhood & 1, state=states[state], cm=cm)


@pytest.mark.parametrize(("rule", "n", "phi"), [(232, 6, 14.075124), (152, 5, 6.933066)])
def test_cellular_automata_are_flagged(rule, n, phi):
    result = compute_phi(automaton(rule, n), ties=True)
    assert isinstance(result, Computed)
    assert result.phi == pytest.approx(phi, abs=1e-9)
    assert result.tied_purviews
    assert set(result.tied_purviews) <= {concept.mechanism for concept in result.concepts}
    low, high = result.phi_jitter
    assert high - low > 0.05  # a thousand times as far as the TPM was moved
    assert result.ties_words.startswith(
        f"Φ depends on ties: in {len(result.tied_purviews)} of {len(result.concepts)} concepts ({{0}}, "
    )
    assert f"{low:.6g} to {high:.6g}" in result.ties_words
    assert result.ties_words.endswith(f"larger by {result.phi_margin:.6g}.")


def test_a_system_with_ties_depends_on_the_order_of_its_units():
    """The same ring with two cells named the other way round, of which each purview is found at another place."""
    ring = automaton(232, 6)
    swapped = [0, 1, 2, 3, 5, 4]
    states = (np.arange(64)[:, None] >> np.arange(6) & 1) @ (1 << np.array(swapped))
    tpm, cm = np.asarray(ring.tpm)[states][:, swapped], np.asarray(ring.cm)[swapped][:, swapped]
    renamed = System(tpm=tpm, state=ring.state, cm=cm)
    assert abs(compute_phi(renamed).phi - compute_phi(ring).phi) > 0.01


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_random_systems_are_not_flagged(n):
    """But for one of 40, in which φ of two purviews is equal in six decimals under the cut: it jumps with the TPM."""
    for seed in range(10):
        result = analyse(dense(n, seed), ties=True)
        low, high = result.phi_jitter
        if (n, seed) == (4, 9):
            assert result.tied_purviews == ((1, 2, 3),)
            assert high - low > 0.005
            continue
        assert result.tied_purviews == ()
        assert low < high
        assert low - 0.002 < result.phi < high + 0.002
        assert result.ties_words.startswith("Φ depends on no tie between purviews; ")


@pytest.mark.parametrize("system", [dense(2, 1), dense(3, 2), dense(4, 3), majority_ring(4), dense(6, 1)])
def test_the_margin_is_that_of_the_second_best_cut(system, monkeypatch):
    """Against all cuts: each is left out in turn, and the smallest Φ of the others is the best or the second best."""
    result = analyse(system, ties=True)
    cuts = system_cuts(system.n, "all")
    best = next(cut for cut in cuts if _nodes(cut.source) == result.cut.from_nodes)
    others = tuple(cut for cut in cuts if cut is not best)
    monkeypatch.setattr("lightning_iit.phi.fast.search.system_cuts", lambda _n, _kind: others)
    assert result.phi_margin == pytest.approx(analyse(system).phi - result.phi, abs=1e-12)
    assert result.phi_margin >= 0


EQUAL_UNDER_THE_CUT = """
127 170 153
330 172 168
106 306 148
326 295 162
138 183 296
331 190 307
123 302 285
329 293 297
"""
"""Of a trained GRU: how often in 480 backgrounds each unit was ON after each state.

Where the third unit no longer acts on the others, the effect of the second and the third unit has φ = 7/640 = 0.0109375 over four
purviews: half way between two numbers of six decimals. The largest purview wins.
"""
PYPHI_DECIDES = """
333 471  53
 37 430 138
 52 170 374
205 241 130
144 381  15
240  68 202
273 175 317
456 130 115
"""
"""The same, of probabilities at random. Here PyPhi's errors decide; of purviews that share a partition the largest always wins."""


@pytest.mark.parametrize(
    ("counts", "six", "ten", "tied"),
    [(EQUAL_UNDER_THE_CUT, 0.006177, 0.006178, ((1, 2),)), (PYPHI_DECIDES, 0.325156, 0.328705, ())],
)
def test_rounding_errors_do_not_decide_between_purviews_of_equal_phi(counts, six, ten, tied):
    """Against PyPhi with its six decimals, where its rounding errors may decide, and with ten, where such a φ is no half."""
    system = System(tpm=np.array(counts.split(), dtype=float).reshape(8, 3) / 480, state=(1, 0, 1))
    ours, rounded, exact = (analyse(system, ties=True), analyse(system, "pyphi"), analyse(system, "pyphi", pyphi={"PRECISION": 10}))
    assert rounded.phi == pytest.approx(six, abs=1e-9)
    assert exact.phi == pytest.approx(ten, abs=5e-7)
    assert ours.phi == pytest.approx(exact.phi, abs=2e-6)
    assert ours.tied_purviews == tied
    assert [_purviews(each) for each in ours.partitioned_concepts] == [_purviews(each) for each in exact.partitioned_concepts]


def _purviews(concept):
    return concept.mechanism, concept.cause_purview, concept.effect_purview


def _nodes(mask: int) -> tuple[int, ...]:
    return tuple(node for node in range(8) if mask >> node & 1)


def test_only_on_request_and_all_else_stays():
    system = automaton(110, 4, state=3)
    plain, asked = analyse(system), analyse(system, ties=True)
    assert (plain.phi_margin, plain.tied_purviews, plain.phi_jitter, plain.ties_words) == (None, None, None, "")
    assert (plain.phi, plain.cut, plain.concepts) == (asked.phi, asked.cut, asked.concepts)
    assert analyse(system, ties=True).phi_jitter == asked.phi_jitter
    pyphi = analyse(dense(2, 0), "pyphi", ties=True)
    assert (pyphi.phi_margin, pyphi.tied_purviews, pyphi.phi_jitter) == (None, None, None)


def test_two_cuts_of_phi_zero_end_the_search_with_a_margin_of_zero():
    halves = np.arange(16)[:, None] >> np.arange(4) & 1
    two_pairs = System(tpm=np.where(halves[:, [1, 0, 3, 2]] == 1, 0.8, 0.1), state=(0, 0, 0, 0))
    result = analyse(two_pairs, ties=True)
    assert (result.phi, result.phi_margin) == (0.0, 0.0)
    assert analyse(two_pairs).cut == result.cut


def test_nodes_of_a_larger_system_and_the_printed_words(capsys):
    ring = np.asarray(automaton(152, 5).tpm)
    tpm = np.concatenate([np.full((64, 1), 0.5), ring[np.arange(64) >> 1]], axis=1)
    whole = System(tpm=tpm, state=(0,) * 6)
    result = compute_phi(whole, nodes=range(1, 6), ties=True)
    assert result.tied_purviews
    assert set(itertools.chain(*result.tied_purviews)) == {1, 2, 3, 4, 5}
    print_result(Console(width=400), result, whole.state, "iit3")
    assert result.ties_words in capsys.readouterr().out
    assert result.ties_words in result._repr_html_().replace("&#x27;", "'")


def test_moves_keep_what_is_possible_possible():
    tpm = np.array([[0.0, 1e-6], [1.0, 0.5], [0.3, 1 - 1e-6], [1.0, 0.0]])
    tpms = moved(tpm, 1e-4)
    assert tpms.shape == (10, 4, 2)
    assert np.abs(tpms - tpm).max() <= 1e-4
    assert (tpms[:, tpm > 0] > 0).all()
    assert (tpms[:, tpm < 1] < 1).all()
    assert ((tpms >= 0) & (tpms <= 1)).all()


def test_a_value_that_is_no_flag():
    with pytest.raises(InvalidArgumentError, match="ties='yes'"):
        compute_phi(dense(2, 0), ties="yes")
