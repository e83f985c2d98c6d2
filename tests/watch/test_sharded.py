"""Parameters that are spread over two processes: what is whole is perturbed, the rest is refused, and the training is the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from places import SUPPORT
from torch import nn

from lightning_iit import load_run
from lightning_iit.capture.sharded import is_spread
from lightning_iit.records import Computed, Skipped
from lightning_iit.watch.fingerprint import fingerprint

HOW = ("plain", "watched")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of two trainings that were made at the same time, with the callbacks and without."""
    folder = tmp_path_factory.mktemp("sharded")
    (folder / "plain").mkdir()
    command = [sys.executable, str(SUPPORT / "sharded_script.py")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    work = [
        subprocess.Popen(
            [*command, str(folder), how], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
        )
        for how in HOW
    ]
    try:
        told = [one.communicate(timeout=300)[1] for one in work]
    finally:
        for one in work:
            one.kill()
    assert [one.returncode for one in work] == [0, 0], told
    assert "failed; training goes on" not in told[1]
    return folder


def test_the_training_is_the_same_to_the_bit(folder):
    for rank in (0, 1):
        (plain, state), (watched, state_too) = (torch.load(folder / f"{how}-{rank}.pt", weights_only=True) for how in HOW)
        assert torch.equal(state, state_too)
        assert plain.keys() == watched.keys()
        assert all(torch.equal(plain[name], watched[name]) for name in plain)


def test_a_layer_is_perturbed_where_it_is_whole_and_else_skipped_with_the_reason(folder):
    records = load_run(folder)
    results = {(record.layer, record.epoch): record for record in records}
    for layer in ("whole", "spread"):
        untrained = results[layer, -1].result
        assert isinstance(untrained, Skipped)
        assert "spread over the ranks (ModelParallelStrategy)" in untrained.reason
    for epoch in (0, 1):
        whole, spread = results["whole", epoch], results["spread", epoch]
        assert isinstance(whole.result, Computed)
        assert whole.kind == "causal"
        assert isinstance(spread.result, Skipped)
        assert "'spread' is not perturbed: its parameters are spread over the ranks" in spread.result.reason
        assert "tpm='observe'" in spread.result.reason


def test_sharded_blocks_are_not_called_on_one_rank_alone(folder):
    records = [record for record in load_run(folder / "depth") if record.epoch >= 0]
    assert records
    for record in records:
        assert isinstance(record.result, Skipped)
        assert "not perturbed: its parameters are spread over the ranks" in record.result.reason


def test_weights_that_are_spread_have_no_fingerprint():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    assert not is_spread(model)
    assert fingerprint(model, ["0"])
    model[0].weight._fsdp_flattened = True  # as torch's FullyShardedDataParallel marks them
    assert is_spread(model)
    assert fingerprint(model, ["0"]) == ""
    assert fingerprint(model, ["1"])
