"""The untrained network on two processes: both make the same passes, and train as without the callback."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from lightning.pytorch import seed_everything
from models import Mlp, flat_data
from places import SUPPORT
from torch.utils.data import DistributedSampler

from lightning_iit import load_run
from lightning_iit.records import Computed, Skipped
from lightning_iit.tpm.counts import merge
from lightning_iit.tpm.estimate import estimate_tpm

pytestmark = pytest.mark.slow


def train(folder, how: str) -> list:
    command = [sys.executable, str(SUPPORT / "ddp_untrained_script.py"), str(folder), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return [torch.load(folder / f"{how}-{rank}.pt", weights_only=True) for rank in (0, 1)]


def counts_of_the_untrained():
    """The counts of one process fed each rank's first batches, in the order of the sampler that the trainer puts in."""
    seed_everything(3, verbose=False)
    model, dataset = Mlp(dropout=0.3), flat_data(1024).dataset
    counts = []
    for rank in range(2):
        order = list(DistributedSampler(dataset, 2, rank, shuffle=True, seed=3))[: 13 * 32]  # more than 400 samples
        with torch.no_grad():
            hidden = model.net[:2](dataset.tensors[0][order])[:, :2]
        counts.append(estimate_tpm((hidden > 0).int().numpy()).counts)
    return merge(counts)


def test_two_ranks(tmp_path):
    plain = train(tmp_path, "plain")
    for how in ("watched", "breaks"):
        for (weights, state), (expected, expected_state) in zip(train(tmp_path, how), plain, strict=True):
            assert torch.equal(state, expected_state)
            assert all(torch.equal(weights[name], expected[name]) for name in expected)
        untrained, trained = load_run(tmp_path)
        assert (untrained.epoch, trained.epoch) == (-1, 0)
        assert isinstance(trained.result, Computed)
        if how == "watched":
            assert untrained.counts == counts_of_the_untrained()
        else:
            assert isinstance(untrained.result, Skipped)
            assert "RuntimeError: batch 1 cannot be run (on rank 1)" in untrained.result.reason
