"""Two processes count what one process counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from models import Mlp, flat_data

from lightning_iit import load_run
from lightning_iit.records import Counts
from lightning_iit.tpm import merge
from lightning_iit.tpm.estimate import estimate_tpm

SCRIPT = Path(__file__).with_name("ddp_script.py")


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


def test_time_transitions_of_two_ranks_are_those_of_one_process(tmp_path):
    one, two = train(tmp_path / "one", "time", 1), train(tmp_path / "two", "time", 2)
    assert [record.key for record in two] == [("net.gru", 0), ("net.gru", 1)]
    for alone, together in zip(one, two, strict=True):
        assert together.provenance.world_size == 2
        assert together.counts.transitions == 64 * 8
        assert together.counts == alone.counts
        assert together.phi == alone.phi


def test_each_rank_streams_its_own_samples(tmp_path):
    records = train(tmp_path, "stream", 2)
    assert len(records) == 2
    torch.manual_seed(3)
    for record in records:
        assert record.counts.transitions == 2 * 31
        expected = merge(ranks_alone(record.thresholds.values))
        assert record.counts == expected


def ranks_alone(thresholds: tuple[float, ...]) -> list[Counts]:
    """The counts of one process fed each rank's samples: a distributed sampler gives rank r the samples r, r + 2, ..."""
    from lightning.pytorch import seed_everything

    seed_everything(3)
    model = Mlp()
    x = flat_data(64).dataset.tensors[0]
    with torch.no_grad():
        hidden = model.net[:2](x)[:, :3]
    states = (hidden > torch.tensor(thresholds)).int().numpy()
    return [estimate_tpm(states[rank::2]).counts for rank in range(2)]
