"""Commands to a training on two processes: both give one answer, watch the same, and learn what they learn without commands."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from models import Gru, sequence_data
from places import SUPPORT

from lightning_iit import lesion, load_run
from lightning_iit.records.steering.folder import answers_in, read_lesion
from lightning_iit.run.commands.lesions import of_all_ranks


def test_two_ranks_measure_one_lesion_change_what_they_watch_together_and_learn_the_same(tmp_path):
    found = {}
    for name in ("told", "silent"):
        folder = tmp_path / name
        folder.mkdir()
        call = [sys.executable, str(SUPPORT / "told_ddp_script.py"), str(folder), name]
        done = subprocess.run(call, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        found[name] = [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in (0, 1)]
    first, second = found["told"]
    assert {one["weights"] for ranks in found.values() for one in ranks} == {first["weights"]}
    assert first["heard"] == second["heard"]
    assert first["watched"] == second["watched"] == [["net.gru"], ["net.gru"], ["net.gru", "net.out"]]
    assert found["silent"][1]["watched"] == [["net.gru"]] * 3

    (owner,) = (tmp_path / "told").rglob("owner.json")
    run_dir = owner.parent.parent
    measured, refused, changed, too_many = answers_in(run_dir)
    assert [one.outcome for one in (measured, refused, changed, too_many)] == ["done", "refused", "done", "refused"]
    assert [measured.words, refused.words.removeprefix("Refused: ")] == first["heard"]
    assert "From epoch 2 on 'net.gru', 'net.out' are watched, with units=2, groups=1." in changed.words
    assert read_lesion(run_dir / measured.records[0]).samples == 52  # 26 of each rank
    records = [(one.epoch, one.layer, len(one.units.indices), one.provenance.selection) for one in load_run(run_dir)]
    assert records[-2:] == [(2, "net.gru", 2, 1), (2, "net.out", 2, 1)]
    watched = [one.counts.transitions for one in load_run(run_dir) if one.layer == "net.out"]
    assert watched == [2 * (64 - 1)]  # of both ranks, each with its own stream of samples


@pytest.mark.parametrize("sizes", [(2, 2), (1, 3)])
def test_the_lesion_of_several_ranks_is_that_of_all_their_batches(sizes):
    """Units that are set to 0 are set to the same on all of them."""
    torch.manual_seed(0)
    model, batches = Gru(), list(sequence_data(64, seed=1))
    parts = [batches[: sizes[0]], batches[sizes[0] :]]
    merged = of_all_ranks([lesion(model, part, "net.gru", (0, 5), to="zero") for part in parts])
    whole = lesion(model, batches, "net.gru", (0, 5), to="zero")
    assert (merged.samples, merged.control_units, merged.units) == (64, whole.control_units, whole.units)
    for one, other in zip(merged.measures, whole.measures, strict=True):
        assert (one.name, one.p) == (other.name, other.p)
        assert [one.before, one.after, *one.controls] == pytest.approx([other.before, other.after, *other.controls], rel=1e-6)
