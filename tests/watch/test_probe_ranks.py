"""A pass over fixed inputs by two processes: where one fails, the pass ends on both, and neither waits for the other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from two_ranks import on_two_ranks

from lightning_iit.capture.options import CaptureOptions
from lightning_iit.capture.perturb.options import PerturbOptions
from lightning_iit.watch.probe import watch_pass
from lightning_iit.watch.watch import Watch

BROKEN = {"everywhere": {0, 1}, "first": {0}, "second": {1}, "nowhere": set()}
SHORT = {"loader": 1, "fewer": 1}


class Breaking(nn.Module):
    """Whose second call fails."""

    def __init__(self, *, broken):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())
        self.broken, self.calls = broken, 0

    def forward(self, x):
        self.calls += 1
        if self.broken and self.calls == 2:
            raise RuntimeError("it broke")
        return self.net(x)


class Batches(list):
    """Which cannot be read beyond the second."""

    def __iter__(self):
        yield from self[:2]
        raise OSError("no disk")


def run_scenario(rank, scenario, transitions):
    torch.manual_seed(0)
    model = Breaking(broken=rank in BROKEN.get(scenario, ()))
    layers = ["net.1", "net.3"]
    watch = Watch(model, CaptureOptions(layers=layers, units=2, transitions=transitions), PerturbOptions(tpm="observe"))
    watch.attach(model)
    batches = [torch.randn(16, 4, 4) if transitions == "depth" else torch.randn(16, 4) for _ in range(4)]
    if rank == SHORT.get(scenario):
        batches = Batches(batches) if scenario == "loader" else batches[:3]
    # Twice, since ranks that had made unequally many exchanges would take one pass's for the other's.
    return [
        watch_pass(model, batches, watch, name="the data", seed=0, move=lambda batch: batch, counts=rank == 0) for _ in range(2)
    ]


SCENARIOS = [(name, transitions) for name in (*BROKEN, *SHORT) for transitions in ("stream", "depth")]


def run_scenarios(rank):
    return {scenario: run_scenario(rank, *scenario) for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The captured layers of each pass of each rank in a scenario."""
    ranks = on_two_ranks(run_scenarios, tmp_path_factory.mktemp("ranks"))
    return lambda *scenario: [layer for rank in ranks for captured in rank[scenario] for layer in captured]


@pytest.mark.parametrize("transitions", ["stream", "depth"])
@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("everywhere", "RuntimeError: it broke."),
        ("first", "RuntimeError: it broke."),
        ("second", "RuntimeError: it broke (on rank 1)."),
        ("loader", "OSError: no disk (on rank 1)."),
    ],
)
def test_a_fault_of_one_rank_is_the_outcome_on_all(run, scenario, words, transitions):
    layers = run(scenario, transitions)
    assert len(layers) == 8
    for layer in layers:
        assert layer.problem == ("capture_error", f"The model could not be run on the data: {words}")


@pytest.mark.parametrize("transitions", ["stream", "depth"])
@pytest.mark.parametrize(("scenario", "batches"), [("nowhere", 4), ("fewer", 3)])
def test_the_pass_is_as_long_as_the_shortest_rank(run, scenario, batches, transitions):
    for layer in run(scenario, transitions):
        assert layer.problem is None
        assert layer.notes[0] == f"Inputs: the data of {batches} batches, run in eval mode."
        assert layer.counts.transitions == (batches * 16 * 4 if transitions == "depth" else batches * 16 - 1)
