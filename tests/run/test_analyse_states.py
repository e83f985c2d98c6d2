"""Φ of recorded series: the same numbers, judged the same way, as of a model whose units were watched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import msgspec
import numpy as np
import pytest
import torch
from chains import BASIC, DENSE, delayed, triples_from_codes, walk
from models import Mlp, flat_data

from lightning_iit import System, analyse, analyse_states, compute_phi, compute_structure, estimate_tpm, load_run, states
from lightning_iit.errors import InvalidArgumentError, InvalidStatesError, TooManyUnitsError
from lightning_iit.job import split
from lightning_iit.phi.cost import coin_flip_phi
from lightning_iit.phi.pool import process_context, worker
from lightning_iit.records import Failed, Skipped, TimedOut
from lightning_iit.tpm.conversion import bits
from lightning_iit.tpm.counts import counts_from_codes, dynamics_from_codes

CODES = walk(BASIC, 1500, np.random.default_rng(0))
STATES = bits(3)[CODES]
RAW = STATES + np.random.default_rng(1).normal(0, 0.1, STATES.shape)


def test_counts_and_phi_are_those_of_the_states():
    record = analyse_states(STATES, state="all")
    tpm = estimate_tpm(STATES)
    assert record.counts == tpm.counts
    assert len(record.states) == 8
    for found in record.states:
        assert found.visits == tpm.visits[sum(bit << unit for unit, bit in enumerate(found.state))]
        alone = compute_phi(System(tpm=tpm.state_by_node, state=found.state), engine="pyphi")
        assert found.result.phi == pytest.approx(alone.phi, abs=1e-6)
    assert record.phi == record.states[0].result.phi
    assert (record.kind, record.axis, record.thresholds) == ("observational", "time", None)


def test_a_series_is_judged_as_watched_units_of_a_model_are():
    model, data = Mlp(), flat_data()
    (there,) = analyse(model, data, "net.1", units=[3, 7, 9], threshold="zero", workers=0)
    with torch.no_grad():
        raw = model.eval().net[:2](data.dataset.tensors[0])
    here = analyse_states(raw, units=[3, 7, 9], threshold="zero", kind="statistical")
    for part in ("counts", "null", "interval", "curve", "tpm", "units", "structural_phi", "kind", "phi", "left_out"):
        assert getattr(here, part) == getattr(there, part), part
    assert here.thresholds.values == there.thresholds.values
    assert here.null.surrogates == 19
    apart = {"stationarity"}  # the halves of a training end with a batch
    assert [found for found in here.diagnostics if found.name not in apart] == [
        found for found in there.diagnostics if found.name not in apart
    ]
    assert [point.quantile for point in here.sensitivity] == [point.quantile for point in there.sensitivity]
    assert [point.phi for point in here.sensitivity] == pytest.approx([point.phi for point in there.sensitivity])


def test_a_null_tells_coin_flips_from_an_integrated_chain():
    flips = analyse_states(np.random.default_rng(2).integers(0, 2, (1500, 3)))
    chain = analyse_states(bits(3)[walk(DENSE[0], 3000, np.random.default_rng(3))])
    assert flips.null.p > 0.05 >= chain.null.p
    assert flips.interval.low == 0.0 < chain.interval.low


def test_raw_values_are_coded_by_thresholds_and_binary_columns_stay():
    assert analyse_states(RAW, threshold=0.5, null_model=None).counts == estimate_tpm(STATES).counts
    mean = analyse_states(RAW, threshold="mean", null_model=None)
    assert mean.thresholds.values == pytest.approx(tuple(RAW.mean(axis=0)))
    assert mean.counts == estimate_tpm(RAW.mean(axis=0) < RAW).counts
    mixed = np.column_stack([RAW[:, 0], STATES[:, 0], STATES[:, 2] * 0 + 1])
    found = analyse_states(mixed, null_model=None)
    assert found.thresholds.values == (np.median(RAW[:, 0]), 0.5, 0.5)
    assert found.counts == estimate_tpm(np.column_stack([RAW[:, 0] > np.median(RAW[:, 0]), mixed[:, 1:]]).astype(int)).counts
    assert [note for note in found.notes if "was never OFF in this series" in note]
    each = analyse_states(RAW, threshold=[0.2, 0.5, 0.8], null_model=None)
    assert each.counts == estimate_tpm(np.array([0.2, 0.5, 0.8]) < RAW).counts


def test_sensitivity_is_counted_at_other_quantiles_of_the_raw_values():
    record = analyse_states(RAW)
    for point in record.sensitivity:
        tpm = estimate_tpm(np.quantile(RAW, point.quantile, axis=0) < RAW)
        assert point.phi == compute_phi(System(tpm=tpm.state_by_node, state=record.states[0].state)).phi
    assert [point.quantile for point in record.sensitivity] == [0.4, 0.5, 0.6]
    assert analyse_states(STATES).sensitivity == ()


def test_no_transition_crosses_a_border_or_a_row_without_a_state():
    two = [STATES[:700], STATES[700:]]
    apart = analyse_states(two, null_model=None)
    assert apart.counts == estimate_tpm(two).counts
    assert analyse_states(np.stack([STATES[:700], STATES[700:1400]]), null_model=None).counts.transitions == 2 * 699
    holed = RAW.copy()
    holed[100, 1], holed[400] = np.nan, np.inf
    found = analyse_states(holed, threshold=0.5, null_model=None)
    assert found.counts == estimate_tpm([STATES[:100], STATES[101:400], STATES[401:]]).counts
    assert found.left_out == 2
    assert "2 rows were left out" in found.notes[0]


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_triples_and_halves_are_those_of_a_plain_count(lag):
    sequences = [delayed(2, 50, 0), np.array([3, 1, -1, 0, 2, 2]), np.array([1])]
    counts, dynamics = dynamics_from_codes(sequences, units=2, lag=lag)
    pairs = [(c[t], c[t + lag]) for c in sequences for t in range(len(c) - lag) if c[t] >= 0 and c[t + lag] >= 0]
    assert counts == counts_from_codes(*np.array(pairs).T, units=2)
    if lag == 1:
        complete = [sequences[0], [3, 1], [0, 2, 2]]
        assert np.array(dynamics.triples).tolist() == triples_from_codes(complete, units=2).tolist()
    assert [half.transitions for half in dynamics.halves] == [len(pairs) // 2, len(pairs) - len(pairs) // 2]
    assert dynamics.halves[0] == counts_from_codes(*np.array(pairs[: len(pairs) // 2]).T, units=2)


def test_a_violated_assumption_is_found():
    record = analyse_states(bits(2)[delayed(2, 2000, 0)], null_model=None)
    assert {found.name: found.verdict for found in record.diagnostics}["markov_order"] == "violated"


def test_a_worker_that_keeps_no_limit_is_given_up(monkeypatch):
    start = process_context.WorkerContext.start

    def start_and_stop(context, made):
        process = start(context, made)
        os.kill(process.pid, signal.SIGSTOP)
        return process

    monkeypatch.setattr(process_context.WorkerContext, "start", start_and_stop)
    monkeypatch.setattr(worker, "_QUIET", 1e6)  # so that nothing else sees that the worker stands still
    monkeypatch.setattr(states, "_PATIENCE", 1.0)
    assert isinstance(analyse_states(STATES, timeout=1.0).result, Failed)


def test_too_few_transitions_are_said():
    record = analyse_states(STATES[:21])
    assert record.null is not None
    assert record.notes[-1].startswith("20 transitions for 8 possible states, fewer than 100 for each. Record")
    unjudged = analyse_states(STATES[:21], null_model=None).notes[-1]
    assert f"fewer than 100 for each; independent coin flips (true Φ = 0) read Φ = {coin_flip_phi(3, 20):.2g} with" in unjudged
    assert record.diagnostics[0].name == "coverage"
    assert not [note for note in analyse_states(STATES, null_model=None).notes if "fewer than" in note]


def test_which_states_are_analysed():
    assert analyse_states(STATES, state="last", null_model=None).states[0].state == tuple(STATES[-1])
    assert len(analyse_states(STATES, state=3, null_model=None).states) == 3
    assert analyse_states(STATES, state=(1, 0, 0), null_model=None).states[0].state == (1, 0, 0)


def test_which_units_are_analysed():
    wide = np.column_stack([0.1 * RAW[:, 0], RAW, np.zeros(len(RAW))])
    most = analyse_states(wide, units=3, null_model=None)
    assert (most.units.indices, most.units.selection, most.units.width) == ((1, 2, 3), "variance", 5)
    assert most.counts == analyse_states(RAW, null_model=None).counts


def test_a_series_without_a_transition_says_so():
    for series in (STATES[:1], np.full((5, 2), np.nan)):
        record = analyse_states(series)
        assert isinstance(record.result, Skipped)
        assert record.result.code == "no_transitions"


def test_a_time_limit_ends_it_and_a_worker_computes_the_same():
    there, here = (analyse_states(STATES, timeout=timeout) for timeout in (120.0, None))
    for part in ("phi", "null", "interval", "curve", "diagnostics"):
        assert getattr(there, part) == getattr(here, part)
    wide = np.random.default_rng(0).integers(0, 2, (3000, 8))
    late = analyse_states(wide, timeout=2.0)
    assert isinstance(late.result, TimedOut)
    assert late.counts.transitions == 2999


def test_several_workers_divide_what_phi_is_judged_by(monkeypatch):
    """Parts of at least 1 ms, so that a small series has some; each is computed in a worker."""
    given = []

    class Pool(states.WorkerPool):
        def submit(self, task):
            given.append(task)
            return super().submit(task)

    monkeypatch.setattr(split, "LEAST_SECONDS", 0.001)
    monkeypatch.setattr(states, "WorkerPool", Pool)
    here, there = analyse_states(STATES), analyse_states(STATES, workers=2)
    assert {stretch.work for part in given[0].split for stretch in part.stretches} == {"null", "interval", "curve"}
    for part in ("phi", "null", "interval", "curve", "sensitivity", "diagnostics", "notes"):
        assert getattr(there, part) == getattr(here, part)
    assert here.null is not None


def test_every_formalism_is_that_of_the_public_functions(tmp_path):
    record = analyse_states(STATES, state="all", formalism=["iit4-2026", "iit4-2023", "iit3"], complexes=True, log_dir=tmp_path)
    assert record.formalisms == ("iit3", "iit4-2023", "iit4-2026")
    assert record.null.surrogates == 19
    assert load_run(tmp_path) == (record,)
    positive = 0
    for one in record.by_formalism[1:]:
        for found in one.states:
            system = System(tpm=record.tpm.state_by_node, state=found.state)
            again = compute_phi(system, formalism=one.formalism)
            assert found.result == msgspec.structs.replace(again, seconds=found.result.seconds)
            positive += again.phi > 0
        structure = compute_structure(System(tpm=record.tpm.state_by_node, state=one.states[0].state), formalism=one.formalism)
        assert (one.structure.distinctions, one.structure.big_phi) == (structure.distinctions, structure.big_phi)
        assert one.major_complex.result.formalism == one.formalism
    assert positive
    alone = analyse_states(STATES, formalism="iit4-2023")
    assert (alone.formalism, alone.others, alone.phi) == ("iit4-2023", (), alone.result.phi)
    assert alone.null.surrogates == 19


@pytest.mark.parametrize("nodes", [[2, 0], ["7", "4"], [0, "7"]])
def test_a_candidate_system_among_the_recorded_units(nodes):
    """Positions among the recorded units, or the names of these."""
    wide = np.zeros((len(STATES), 8), dtype=int)
    wide[:, [4, 5, 7]] = STATES
    record = analyse_states(wide, units=[4, 5, 7], nodes=nodes, formalism=("iit3", "iit4-2023"))
    assert record.provenance.options.nodes == (0, 2)
    assert record.null is None
    system = System(tpm=record.tpm.state_by_node, state=record.states[0].state)
    of_iit3, of_iit4 = (compute_phi(system, nodes=(0, 2), formalism=one) for one in record.formalisms)
    assert (record.phi, record.result.cut) == (of_iit3.phi, of_iit3.cut)
    assert record.others[0].result == msgspec.structs.replace(of_iit4, seconds=record.others[0].result.seconds)
    assert record.of("iit4-2023").structure.system.nodes == (0, 2)


def test_the_record_can_be_read_again(tmp_path):
    record = analyse_states(STATES, null_model=None, layer="cells", epoch=4, log_dir=tmp_path)
    assert load_run(tmp_path) == (record,)
    assert json.loads(next(tmp_path.rglob("epoch=0004.json")).read_text())["layer"] == "cells"


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"states": STATES + STATES}, InvalidStatesError, "more than two states are not supported"),
        ({"states": (STATES + STATES).astype(float)}, InvalidStatesError, "unit 0 has the values 0, 2"),
        ({"states": STATES[:, 0]}, InvalidStatesError, r"expected \[time, unit\]"),
        ({"states": [STATES, STATES[:, :2]]}, InvalidStatesError, "same units"),
        ({"states": np.array([["a", "b"]])}, InvalidStatesError, "numbers or bool"),
        ({"states": np.tile(STATES, 3)}, TooManyUnitsError, "9 units.*units=4"),
        ({"units": [0, 3]}, InvalidArgumentError, "units 0 to 2"),
        ({"units": [0, 0]}, InvalidArgumentError, "name each once"),
        ({"units": 4}, InvalidArgumentError, "from 1 to 3"),
        ({"units": "auto"}, InvalidArgumentError, "list of column indices"),
        ({"threshold": "medain"}, InvalidArgumentError, "threshold='medain'"),
        ({"threshold": [0.5, 0.5]}, InvalidArgumentError, "each of the 3 units"),
        ({"threshold": float("nan")}, InvalidArgumentError, "finite"),
        ({"lag": 0}, InvalidArgumentError, "lag=0"),
        ({"state": "first"}, InvalidArgumentError, r"analyse_states\(state='first'\)"),
        ({"state": (0, 1)}, InvalidArgumentError, "3 values of 0 or 1"),
        ({"kind": "causal"}, InvalidArgumentError, "must be set"),
        ({"timeout": 0}, InvalidArgumentError, "timeout=0"),
        ({"workers": -1}, InvalidArgumentError, "workers=-1.*0 for this process"),
        ({"prior": 2}, InvalidArgumentError, "prior=2"),
        ({"engine": "fats"}, InvalidArgumentError, "Did you mean 'fast'"),
        ({"formalism": "iit4"}, InvalidArgumentError, "formalism='iit4'"),
        ({"formalism": "iit4-2023", "cuts": "one"}, InvalidArgumentError, "has no such option"),
        ({"formalism": ("iit3", "iit4-2023"), "states": np.tile(STATES, 3)}, TooManyUnitsError, "9 units"),
        ({"nodes": [0, 3]}, InvalidArgumentError, "3 is no node; the system has the nodes 0 to 2"),
        ({"nodes": ["x"]}, InvalidArgumentError, "no node called 'x'; the labels are 0, 1, 2"),
        ({"nodes": [0, 0]}, InvalidArgumentError, "given twice"),
        ({"nodes": [0, 1], "complexes": True}, InvalidArgumentError, "give one of both"),
    ],
)
def test_what_cannot_be_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        analyse_states(**{"states": STATES, **given})


def test_measured_whole_numbers_pass_with_a_threshold():
    spikes = np.random.default_rng(0).poisson(2.0, (300, 3))
    found = analyse_states(spikes, threshold="median", null_model=None)
    assert found.counts == estimate_tpm(spikes > np.median(spikes, axis=0)).counts


def test_torch_is_not_loaded():
    script = "import sys, numpy as np, lightning_iit as l; l.analyse_states(np.eye(2)[[0, 1, 0]]); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "False"
