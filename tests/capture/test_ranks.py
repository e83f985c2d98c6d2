"""Two processes: the same units and thresholds, and counts that add up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from plain_loops import Lines, as_counter, loop_counts
from two_ranks import on_two_ranks

from lightning_iit.capture import Capture, CaptureOptions


def rows_of(rank, step):
    return torch.randn(5 + rank, 6, generator=torch.Generator().manual_seed(10 * step + rank)) * torch.arange(1.0, 7) + rank


SCENARIOS = {
    "stream": {},
    "random": {"selection": "random", "seed": 3, "threshold": "mean"},
    "time": {"layout": "BTU", "units": 2, "threshold": "zero"},
    "auto": {"units": "auto"},
    "groups": {"groups": 3, "units": 2},
    "two bits": {"units": [4, 1], "bits": 2},
    "clusters": {"selection": "clusters", "units": 2},
    "one rank": {},
    "broken": {},
}


def run_scenario(rank, scenario):
    torch.manual_seed(rank)
    model = Lines()
    options = {"layers": ["layer", "other"], "units": 3, "calibration_batches": 4, **SCENARIOS[scenario]}
    results = []
    with Capture(model, CaptureOptions(**options)) as capture:
        for epoch in range(2):
            capture.begin_epoch(20)
            for step in range(20):
                capture.begin_step()
                x = rows_of(rank, 100 * epoch + step)
                if scenario == "broken" and rank == 1 and step == 7:
                    x = x[:, :1]
                model(x.reshape(-1, 3, 2) if scenario == "time" else x)
                if rank == 1 and scenario == "one rank" and step > 2:
                    model.other(x)
                capture.end_step()
            results.append(capture.end_epoch())
    return results


def run_scenarios(rank):
    return {scenario: run_scenario(rank, scenario) for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The results of both ranks in a scenario."""
    ranks = on_two_ranks(run_scenarios, tmp_path_factory.mktemp("ranks"))
    return lambda scenario: [rank[scenario] for rank in ranks]


def streams(epoch):
    return [torch.cat([rows_of(rank, 100 * epoch + step) for step in range(20)]).double().numpy() for rank in (0, 1)]


@pytest.mark.parametrize("scenario", ["stream", "random"])
def test_units_and_thresholds_come_from_all_ranks_and_counts_add_up(run, scenario):
    ranks = run(scenario)
    for epoch in range(2):
        (first, never), (second, _) = ranks[0][epoch], ranks[1][epoch]
        assert first.units == second.units
        assert first.thresholds == second.thresholds
        assert first.counts == second.counts
        assert never.problem[0] == "layer_not_called"
        both = np.concatenate([torch.cat([rows_of(rank, 100 * epoch + s) for s in range(4)]).double().numpy() for rank in (0, 1)])
        chosen = both[:, first.units.indices]
        expected = np.median(chosen, 0) if scenario == "stream" else chosen.mean(0)
        assert first.thresholds.values == pytest.approx(tuple(expected), rel=1e-12)
        assert first.thresholds.samples == 44
        # Each rank's own chain, and no transition from one to the other.
        assert as_counter(first.counts) == loop_counts(streams(epoch), first.units.indices, first.thresholds.values)
        assert first.counts.transitions == 20 * 11 - 2
    if scenario == "stream":
        seen = np.concatenate([rows_of(rank, step).double().numpy() for rank in (0, 1) for step in (0, 1)])
        assert ranks[0][0][0].units.indices == tuple(np.sort(np.argsort(-seen.var(0))[:3]))


def test_sequences_of_two_ranks_count_as_those_of_one_process(run):
    (layer, _), (other, _) = (rank[0] for rank in run("time"))
    assert layer.counts == other.counts
    sequences = [one for rank in (0, 1) for step in range(20) for one in rows_of(rank, step).reshape(-1, 3, 2).numpy()]
    assert as_counter(layer.counts) == loop_counts(sequences, layer.units.indices, (0.0, 0.0))


def test_groups_are_the_same_on_all_ranks_and_each_adds_up(run):
    (first, _), (second, _) = (rank[1] for rank in run("groups"))
    assert len(first.groups) == 2
    assert len({group.units.indices for group in (first, *first.groups)}) == 3
    for mine, other in zip((first, *first.groups), (second, *second.groups), strict=True):
        assert (mine.units, mine.thresholds, mine.counts) == (other.units, other.thresholds, other.counts)
        assert as_counter(mine.counts) == loop_counts(streams(1), mine.units.indices, mine.thresholds.values)


@pytest.mark.parametrize("scenario", ["two bits", "clusters"])
def test_elements_are_the_same_on_all_ranks(run, scenario):
    (first, _), (second, _) = (rank[1] for rank in run(scenario))
    assert (first.units, first.thresholds, first.counts) == (second.units, second.thresholds, second.counts)
    assert first.counts.transitions == 20 * 11 - 2
    assert len(first.thresholds.values) == (4 if scenario == "two bits" else 2)


def test_expected_transitions_are_those_of_all_ranks(run):
    (layer, _) = run("auto")[0][0]
    assert len(layer.units.indices) == 2  # 11 rows a step, 20 steps: 220 transitions


def test_a_layer_that_only_one_rank_calls(run):
    for rank in run("one rank"):
        layer, other = rank[1]
        assert layer.problem is None
        assert other.problem is None
        assert other.counts.transitions == 17 * 6 - 1


def test_a_fault_on_one_rank_is_known_to_the_other(run):
    for rank in run("broken"):
        for layer, _ in rank:
            assert layer.problem[0] == "capture_error"
            assert layer.counts is None
