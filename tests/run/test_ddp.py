"""Two processes count what one process counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch import seed_everything
from models import Mlp, flat_data
from places import SUPPORT
from torch.utils.data import DistributedSampler

from lightning_iit import load_run
from lightning_iit.records import Counts
from lightning_iit.tpm.counts import merge
from lightning_iit.tpm.estimate import estimate_tpm

SCRIPT = SUPPORT / "ddp_script.py"


def train(folder: Path, transitions: str, devices: int):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), transitions, str(devices)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return load_run(folder)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A run of two ranks: its folder and records."""
    folder = tmp_path_factory.mktemp("two")
    return folder, train(folder, "time", 2)


def test_time_transitions_of_two_ranks_are_those_of_one_process(tmp_path, two):
    one, (_, records) = train(tmp_path, "time", 1), two
    assert [record.key for record in records] == [("net.gru", 0), ("net.gru", 1)]
    for alone, together in zip(one, records, strict=True):
        assert together.provenance.world_size == 2
        assert together.counts.transitions == 64 * 8
        assert together.counts == alone.counts
        assert together.phi == alone.phi
        assert len(together.survey.groups) == 5
        assert [group.counts for group in together.survey.groups] == [group.counts for group in alone.survey.groups]
        assert [group.phis for group in together.survey.groups] == [group.phis for group in alone.survey.groups]
        one_process, two_processes = (
            {item.name: item for item in found.diagnostics}["markov_order"] for found in (alone, together)
        )
        assert one_process == two_processes, "three states in a row are summed over the ranks"
        assert one_process.value is not None
        assert {item.name: item for item in together.diagnostics}["stationarity"].value is not None
    # Each rank divides its own data, and the parts of both that came at the same time are one.
    assert one[-1].interval.parts == 64
    assert records[-1].interval.parts == 32
    assert one[-1].curve[-1].transitions == records[-1].curve[-1].transitions == 64 * 8


def test_a_perturbed_layer_is_surveyed_by_the_first_rank(tmp_path):
    for record in train(tmp_path, "perturbed", 2):
        assert record.kind == "causal"
        assert len(record.survey.groups) == 5
        assert all(sum(group.counts.visits) == 8 * record.perturbation.draws for group in record.survey.groups)
        assert record.survey.phi is not None


def test_there_is_one_pool_and_it_is_the_first_ranks(two):
    folder, _ = two
    assert {file.name: file.read_text() for file in folder.glob("workers-of-rank-*")} == {
        "workers-of-rank-0": "1",
        "workers-of-rank-1": "0",
    }


def test_each_rank_streams_its_own_samples(tmp_path):
    records = train(tmp_path, "stream", 2)
    assert len(records) == 2
    for record in records:
        assert record.counts.transitions == 2 * 31
        expected = merge(ranks_alone(record.epoch))
        assert record.counts == expected


def ranks_alone(epoch: int) -> list[Counts]:
    """The counts of one process fed each rank's samples, in the order of the sampler that the trainer puts in."""
    seed_everything(3, verbose=False)
    model, dataset = Mlp(), flat_data(64).dataset
    counts = []
    for rank in range(2):
        sampler = DistributedSampler(dataset, 2, rank, shuffle=True, seed=3)
        sampler.set_epoch(epoch)
        with torch.no_grad():
            hidden = model.net[:2](dataset.tensors[0][list(sampler)])[:, :3]
        counts.append(estimate_tpm((hidden > 0).int().numpy()).counts)
    return counts
