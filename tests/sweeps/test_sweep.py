"""Φ of every checkpoint of a training: one curve, resumable, and no checkpoint costs another."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import torch
from lightning.pytorch import LightningDataModule
from models import Gru, sequence_data
from swept_training import LAYERS, QUICK, Kept, batches
from training import assert_same

from lightning_iit import analyse, load_run, sweep
from lightning_iit.cli import main
from lightning_iit.errors import InvalidArgumentError, UnknownOptionError
from lightning_iit.records import Computed, Failed
from lightning_iit.records.store import write_record
from lightning_iit.sweeps import sweeping
from lightning_iit.sweeps.progress import time_left

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*fewer than 100 for each", "ignore:.*does not have many workers", "ignore:The number of training batches"
)


class Data(LightningDataModule):
    """Shuffles its training data only, and draws them with the random state that it finds."""

    def __init__(self, samples: int = 20) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.stages: list[str] = []

    def setup(self, stage: str) -> None:
        self.stages.append(stage)
        self.data = sequence_data(self.hparams.samples, seed=int(torch.randint(10**6, ())))

    def train_dataloader(self):
        return sequence_data(40, shuffle=True)

    def val_dataloader(self):
        return self.data


def build() -> Gru:
    """A model that keeps no hyperparameters, for its weights only."""
    return Gru(12)


@pytest.fixture(scope="module")
def swept(trained, tmp_path_factory):
    """A sweep of all of them; its outcome and its folder."""
    folder = tmp_path_factory.mktemp("sweep")
    return sweep(trained / "*.ckpt", Kept, batches, LAYERS, log_dir=folder, **QUICK), folder


# --- one curve ------------------------------------------------------------------------------------------------------------


def test_each_checkpoint_has_its_moment(swept):
    found, folder = swept
    assert {record.layer for record in found.records} == {"net.gru", "net.out"}
    moments = [(record.epoch, record.step, record.global_step) for record in found.records if record.layer == "net.gru"]
    assert moments == [(-1, None, 0), (0, None, 3), (1, 4, 4), (1, None, 6), (2, None, 9)]
    assert found.failures == ()
    assert (found.computed, found.there_before) == (10, 0)
    assert load_run(folder) == found.records
    said = [note for note in found.notes if "same weights" in note]
    assert len(said) == 2, "last.ckpt, and the one that was written after the training, whose epoch is one higher"


def test_its_numbers_are_those_of_analyse(swept, trained, tmp_path):
    found, _ = swept
    mine = []
    for epoch, name in ((-1, "before"), (0, "epoch=0")):
        model = Kept.load_from_checkpoint(trained / f"{name}.ckpt", weights_only=True)
        options = {name: value for name, value in QUICK.items() if name != "progress"}
        mine += analyse(model, batches(), LAYERS, epoch=epoch, log_dir=tmp_path, freeze_threshold=True, **options)
    by_key = {record.key: record for record in found.records}
    for record in mine:
        other = by_key[record.key]
        assert (record.phi, record.counts, record.units, record.thresholds) == (
            other.phi,
            other.counts,
            other.units,
            other.thresholds,
        )
        assert (record.survey, record.interval, record.diagnostics) == (other.survey, other.interval, other.diagnostics)


def test_units_and_thresholds_are_the_same_and_said(swept):
    found, _ = swept
    for layer in ("net.gru", "net.out"):
        mine = [record for record in found.records if record.layer == layer]
        assert len({record.units for record in mine}) == 1
        assert len({record.thresholds.values for record in mine if record.epoch >= 0}) == 1
        assert all("Units: chosen at before.ckpt, the same for all checkpoints." in record.notes[0] for record in mine)
        assert mine[0].notes[0].endswith("Thresholds: its own, since it is untrained.")
        assert "Thresholds: those of epoch=0.ckpt, for all trained checkpoints." in mine[-1].notes[0]
        assert mine[-1].notes[0].startswith("Checkpoint epoch=2.ckpt.")
    assert found.notes[0].startswith("Layer 'net.gru': Units: chosen at before.ckpt")


def test_the_page_shows_it_as_one_run(swept):
    found, folder = swept
    from lightning_iit.viewer.sources import open_runs
    from lightning_iit.viewer.summary import all_rows

    source, runs = open_runs(str(folder))
    (run,) = runs
    rows = all_rows(source.index(run.id))
    assert [(row.layer, row.epoch, row.step, row.phi) for row in rows] == [
        (record.layer, record.epoch, record.step, record.phi) for record in found.records
    ]


# --- going on -------------------------------------------------------------------------------------------------------------


def test_what_is_there_is_not_computed_again(swept, trained, tmp_path, monkeypatch):
    found, folder = swept
    shutil.copytree(folder, tmp_path / "copy")

    def never(*_args, **_options):
        raise AssertionError

    monkeypatch.setattr(sweeping, "model_of", never)
    monkeypatch.setattr(sweeping, "weights_digest", never)
    again = sweep(str(trained / "epoch=*.ckpt"), Kept, batches, LAYERS, log_dir=tmp_path / "copy", **QUICK)
    assert (again.computed, again.there_before, again.failures) == (0, 6, ())
    assert again.records == found.records


def test_a_half_written_one_is_computed_again(swept, trained, tmp_path, monkeypatch):
    """Two records are gone, one was interrupted and one cannot be read: only these are computed, and as before."""
    found, folder = swept
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    by_key = {record.key: record for record in found.records}
    (copy / "iit" / "net.gru" / "epoch=0000.json").unlink()
    (copy / "iit" / "net.gru" / "epoch=-001.json").unlink()
    half = by_key["net.out", 0]
    write_record(copy, msgspec.structs.replace(half, result=Failed(code="interrupted", reason="it was killed"), survey=None))
    (copy / "iit" / "net.gru" / "epoch=0002.json").write_bytes(b"{")
    ran: list[str] = []
    real = sweeping.model_of
    monkeypatch.setattr(
        sweeping, "model_of", lambda source, file, *more, **how: ran.append(file.name) or real(source, file, *more, **how)
    )
    again = sweep(trained / "*.ckpt", Kept, batches, LAYERS, log_dir=copy, **QUICK)
    assert again.failures == ()
    assert ran == ["before.ckpt", "epoch=0.ckpt", "epoch=2.ckpt"]
    assert (again.computed, again.there_before, again.failures) == (4, 6, ())
    assert_same(again.records, found.records)  # the untrained network has thresholds of its own again
    assert (copy / "iit" / "report.md").read_text().count("| 2 |") >= 1


KILLED = """
import sys, time
from lightning_iit import sweep
from swept_training import LAYERS, QUICK, Kept, batches

class Stalling(Kept):
    calls = 0

    @classmethod
    def load_from_checkpoint(cls, *place, **how):
        cls.calls += 1
        if cls.calls == 3:
            time.sleep(600)
        return Kept.load_from_checkpoint(*place, **how)

sweep(sys.argv[1], Stalling, batches, LAYERS, log_dir=sys.argv[2], **QUICK)
"""


def test_a_killed_sweep_goes_on_as_if_nothing_had_been(swept, trained, tmp_path):
    """It is killed while the third checkpoint is read; the records of the second one may be open then."""
    found, _ = swept
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(trained / "*.ckpt"), str(folder)],
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
        stderr=subprocess.DEVNULL,
    )
    index, deadline = folder / "iit" / "index.jsonl", time.monotonic() + 240
    while not (index.exists() and index.read_text().count('"computed"') >= 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    again = sweep(trained / "*.ckpt", Kept, batches, LAYERS, log_dir=folder, **QUICK)
    assert again.computed + again.there_before == 10
    assert 2 <= again.there_before <= 4
    assert_same(again.records, found.records)


# --- what fails -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(trained, tmp_path):
    """Checkpoints of which some cannot be swept, between good ones."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("epoch=0", "epoch=2"):
        shutil.copy(trained / f"{name}.ckpt", folder)
    good = torch.load(trained / "epoch=1.ckpt", weights_only=True)
    whole = (trained / "epoch=1.ckpt").read_bytes()
    (folder / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    (folder / "sharded.ckpt").mkdir()
    torch.save({**good, "loops": {}, "epoch": 7, "object": Path("x")}, folder / "object.ckpt")
    torch.save({**good, "loops": {}, "epoch": 8, "state_dict": {}}, folder / "empty.ckpt")
    torch.save({**good, "loops": {}, "epoch": 2}, folder / "other.ckpt")
    nan = {name: value * float("nan") for name, value in good["state_dict"].items()}
    torch.save({**good, "loops": {}, "epoch": 9, "state_dict": nan}, folder / "nan.ckpt")
    torch.save([1, 2], folder / "list.ckpt")
    return folder


def test_one_that_is_broken_does_not_stop_the_others(broken, swept, tmp_path):
    found = sweep(broken / "*", Kept, batches, LAYERS, log_dir=tmp_path / "out", **QUICK)
    reasons = {Path(one.checkpoint).name: one.reason for one in found.failures}
    assert set(reasons) == {"cut.ckpt", "sharded.ckpt", "object.ckpt", "empty.ckpt", "other.ckpt", "nan.ckpt", "list.ckpt"}
    assert "consolidate_checkpoint" in reasons["sharded.ckpt"]
    assert "weights_only=False" in reasons["object.ckpt"]
    assert "Missing key" in reasons["empty.ckpt"]
    assert "epoch=2.ckpt, which has other weights" in reasons["other.ckpt"]
    assert "it holds a list" in reasons["list.ckpt"]
    assert "cannot be read" in reasons["cut.ckpt"]
    complete = [record for record in found.records if isinstance(record.result, Computed)]
    assert [(record.layer, record.epoch) for record in complete] == [
        (f"net.{name}", epoch) for epoch in (0, 2) for name in ("gru", "out")
    ]
    assert (found.computed, found.there_before) == (4, 0)


def test_data_that_change_from_pass_to_pass_are_told_and_counted_as_failures(trained, tmp_path):
    class Moving:
        """Gives other batches at each reading from the third on."""

        passes = 0

        def __iter__(self):
            self.passes += 1
            return iter([batch + (self.passes if self.passes > 2 else 0) for batch in batches()])

    found = sweep(trained / "epoch=[01].ckpt", Kept, Moving(), "net.gru", log_dir=tmp_path, **QUICK)
    assert [record.phi is None for record in found.records] == [False, True]
    (failure,) = found.failures
    assert failure.checkpoint.endswith("epoch=1.ckpt")
    assert "other batches than before" in failure.reason


def test_what_is_refused_before_anything_is_computed(trained, swept, tmp_path):
    def call(checkpoints=trained / "epoch=0.ckpt", model=Kept, data=batches, layers=LAYERS, folder=tmp_path / "new", **options):
        return sweep(checkpoints, model, data, layers, log_dir=folder, **QUICK | options)

    with pytest.raises(InvalidArgumentError, match="no file fits"):
        call(checkpoints=tmp_path / "*.ckpt")
    with pytest.raises(UnknownOptionError, match=r"sweep\(unit=\.\.\.\).*'units'"):
        call(unit=3)
    with pytest.raises(InvalidArgumentError, match="threshold"):
        call(threshold="mode")
    with pytest.raises(InvalidArgumentError, match="each checkpoint needs a model of its own"):
        call(model=Gru())
    with pytest.raises(InvalidArgumentError, match="cannot be called without arguments"):
        call(model=lambda path: Gru())
    with pytest.raises(InvalidArgumentError, match="the loader shuffles"):
        call(data=sequence_data(shuffle=True))
    with pytest.raises(InvalidArgumentError, match=r"cannot be made of .*zero.*ZeroDivisionError"):
        call(data=_zero)
    with pytest.raises(InvalidArgumentError, match="at least one"):
        call(data=[])
    assert not (tmp_path / "new").exists()
    _, folder = swept
    with pytest.raises(InvalidArgumentError, match=r"other options: seed=5 \(before: 0\)"):
        call(folder=folder, seed=5)
    with pytest.raises(InvalidArgumentError, match="other data"):
        call(folder=folder, data=[batch[:-1] for batch in batches()])
    analyse(
        Gru(),
        batches(),
        "net.gru",
        log_dir=tmp_path / "other",
        **{name: QUICK[name] for name in ("units", "workers", "null_model")},
    )
    with pytest.raises(InvalidArgumentError, match="of a training or of analyse"):
        call(folder=tmp_path / "other")


def _zero() -> None:
    raise ZeroDivisionError


# --- what models and data are made of ---------------------------------------------------------------------------------------


def test_a_function_that_builds_the_model_a_data_module_and_workers(trained, tmp_path):
    """Workers compute the same numbers; a model without hyperparameters has the weights; the module's validation data are taken."""
    built = sweep(trained / "epoch=2.ckpt", build, batches, LAYERS, log_dir=tmp_path / "built", **QUICK | {"workers": 2})
    assert [record.phi for record in built.records] != [None, None]
    options = QUICK | {"workers": 0}
    alone = sweep(trained / "epoch=2.ckpt", Kept, batches, LAYERS, log_dir=tmp_path / "alone", **options)
    assert_same(built.records, alone.records)
    module = sweep(trained / "epoch=[12].ckpt", Kept, Data, "net.gru", log_dir=tmp_path / "module", **QUICK)
    assert [record.counts.transitions for record in module.records] == [8 * 20 * 8] * 2, "8 states in each of 20 x 8 steps"
    again = sweep(trained / "epoch=[12].ckpt", Kept, Data, "net.gru", log_dir=tmp_path / "module", **QUICK)
    assert (again.computed, again.there_before) == (0, 2), "a fixed seed, so the data are the same"


# --- the command line -----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(trained, broken, tmp_path, monkeypatch, capsys):
    """Runs the command in a folder with a module of the user's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_training.py").write_text("from swept_training import Kept, batches\n")

    def call(*arguments):
        options = [
            f"--option={name}={value}"
            for name, value in (("units", 3), ("groups", 2), ("null_model", "null"), ("pictures", "false"))
        ]
        status = main(["sweep", *map(str, arguments), "--workers", "0", *options])
        return status, capsys.readouterr()

    return call


def test_the_command(command, trained, broken, swept, tmp_path):
    what = "--model", "my_training:Kept", "--data", "my_training:batches", "--layers", LAYERS
    status, said = command(trained / "epoch=?.ckpt", *what, "-o", "out")
    assert status == 0, said.err
    records = load_run("out")
    assert [(record.layer, record.epoch) for record in records] == [
        (f"net.{name}", epoch) for epoch in range(3) for name in ("gru", "out")
    ]
    assert f"epoch 2, layer 'net.gru': Φ {records[4].survey.phi:.4f} (causal)" in said.out
    assert "6 analyses computed." in said.out
    assert "lightning-iit view out" in said.out
    status, said = command(broken / "*.ckpt", *what, "-o", "broken-out", "--json")
    told = json.loads(said.out)
    assert (status, told["ok"], told["computed"]) == (1, False, 4)
    assert len({one["checkpoint"] for one in told["failures"]}) == 7
    status, said = command(broken / "*.ckpt", *what, "-o", "broken-out")
    assert status == 1
    assert "0 analyses computed, 4 were there already, 8 have no Φ." in said.out
    assert said.out.rstrip().splitlines()[-1].startswith("  ")
    status, said = command(trained / "epoch=0.ckpt", "--model", "my_training:Model", "--data", "my_training:batches")
    assert status == 2
    assert "there is no 'Model' in 'my_training'" in said.err
    status, said = command(trained / "epoch=0.ckpt", "--model", "no_such:Model", "--data", "my_training:batches")
    assert status == 2
    assert "cannot be imported" in said.err


def test_the_time_that_is_left():
    assert time_left(28, new=10, seconds=60) == "about 2.8 min left"
    assert time_left(3, new=10, seconds=100) == "about 30 s left"
    assert time_left(1000, new=1, seconds=60) == "about 17 h left"
    assert time_left(5, new=0, seconds=60) == time_left(0, new=5, seconds=60) == ""
