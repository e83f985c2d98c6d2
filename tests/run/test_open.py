"""A record is on disk from its capture on: a killed run loses nothing, and what it left open is computed afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from event_files import read_events
from lightning.pytorch.loggers import TensorBoardLogger
from msgspec.structs import replace
from places import SUPPORT
from training import assert_same, train

from lightning_iit import Computed, Failed, Open, Tracker, load_run
from lightning_iit.cli import main
from lightning_iit.commands import settle
from lightning_iit.job import split
from lightning_iit.records import decode, encode
from lightning_iit.records.disk.owner import is_alive
from lightning_iit.run.folder import RunFolder

OPTIONS = {"units": 3, "groups": 2, "null_model": "cut", "surrogates": 5, "extra_budget": 1e9, "prior": 0.4}
OPTIONS |= {"formalism": ["iit3", "iit4-2023"], "pictures": True}
OPEN = (1, 2)
"""The epochs whose analyses are open when the run is killed."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A run that was killed just now."""
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, str(SUPPORT / "killed_script.py"), str(folder), json.dumps(OPTIONS)]
    script = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert script.stdout.readline() == "epoch 2 ended\n", script.communicate(timeout=10)[1][-3000:]
    deadline = time.monotonic() + 10.0
    folder = folder / "iit" / "0"
    while not (folder / "iit" / "net.1" / "epoch=0002.json").exists():
        assert time.monotonic() < deadline, "the record of the last epoch is not on disk"
        time.sleep(0.01)
    children = psutil.Process(script.pid).children(recursive=True)
    script.kill()
    script.communicate(timeout=10)
    for child in children:  # those that were stopped do not see that their parent is gone
        child.kill()
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The records of the same run, which was not killed."""
    return train(tmp_path_factory.mktemp("whole"), epochs=5, **OPTIONS).records


@pytest.fixture
def gone(killed, tmp_path):
    """A copy of that run."""
    return Path(shutil.copytree(killed, tmp_path / "gone"))


@pytest.fixture
def going_on(killed, tmp_path):
    """A copy of that run with the sign of life of a process that is still there."""
    run = RunFolder(Path(shutil.copytree(killed, tmp_path / "going_on")))
    run.begin()
    yield run.run_dir
    run.end()


def test_a_killed_run_has_the_counts_of_every_epoch_that_ended(going_on, gone):
    for folder, result in ((going_on, Open), (gone, Failed)):
        records = load_run(folder)
        assert [record.epoch for record in records] == [-1, 0, 1, 2]
        assert [record.counts.transitions for record in records] == [199] * 4
        assert [type(record.result) for record in records] == [Computed, Computed, result, result]
        assert [record.phi is None for record in records] == [False, False, True, True]
    for record in load_run(gone)[2:]:
        assert record.result.code == "interrupted"
        assert "--settle" in record.result.reason
        assert record.survey.phi is None
        assert [group.phis for group in record.survey.groups] == [(), ()]
    table = load_run(going_on).to_dataframe()
    assert list(table.formalism) == ["iit3", "iit4-2023"] * 2 + ["iit3"] * 2
    table = table[table.formalism == "iit3"]
    assert list(table.status) == ["computed", "computed", "open", "open"]
    assert table.phi.isna().tolist() == [False, False, True, True]


@pytest.mark.parametrize("workers", [1, 2])
def test_settling_gives_what_the_training_would_have_given(gone, whole, capsys, monkeypatch, workers):
    """Also where two workers divide it, into parts of at least 0.1 ms, so that a small analysis has some."""
    parts = []

    class Pool(settle.WorkerPool):
        def submit(self, task):
            parts.append(len(task.split))
            return super().submit(task)

    monkeypatch.setattr(split, "LEAST_SECONDS", 1e-4)
    monkeypatch.setattr(settle, "WorkerPool", Pool)
    assert main(["verify", str(gone), "--engine", "fast"]) == 0
    assert "2 analyses have no result yet: `lightning-iit verify" in capsys.readouterr().out
    assert main(["verify", str(gone), "--settle", "--workers", str(workers)]) == 0
    assert len(parts) == 2
    assert min(parts) > 2
    out = capsys.readouterr().out
    for record in whole[2:4]:
        assert f"layer 'net.1', epoch {record.epoch}: Φ = {record.phi:.6f}" in out
    records = load_run(gone)
    assert_same(records, whole[:4])
    assert all(record.null is not None and len(record.survey.groups) == 2 and record.survey.phi is not None for record in records)
    for epoch in OPEN:
        assert (gone / "iit" / "net.1" / f"epoch={epoch:04d}.tpm.png").exists()
    index = [json.loads(line) for line in (gone / "iit" / "index.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["status"]) for row in index] == [(epoch, "computed") for epoch in range(-1, 3)]
    report = (gone / "iit" / "report.md").read_text()
    assert "At epoch 2" in report
    assert "`surrogates=5`" in report
    assert main(["verify", str(gone), "--settle", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"run": str(gone), "ok": True, "settled": []}


def test_a_run_that_still_goes_on_is_not_settled(going_on, capsys):
    assert main(["verify", str(going_on), "--settle"]) == 2
    assert "its training still goes on" in capsys.readouterr().err
    main(["verify", str(going_on), "--engine", "fast"])
    assert "2 analyses have no result yet: its training still goes on" in capsys.readouterr().out


def test_what_cannot_be_settled_says_why(gone, capsys):
    file = gone / "iit" / "net.1" / "epoch=0001.json"
    record = decode(file.read_bytes())
    file.write_bytes(encode(replace(record, task=replace(record.task, engine="nothing"))))
    assert main(["verify", str(gone), "--settle"]) == 1
    out = capsys.readouterr().out
    assert "epoch 1: no Φ: " in out
    assert "2 records settled, 1 of them without a Φ" in out
    assert [type(record.result) for record in load_run(gone)] == [Computed, Computed, Failed, Computed]


def test_phi_of_an_open_record_is_computed_from_its_counts(gone, whole, capsys):
    assert main(["phi", str(gone / "iit" / "net.1" / "epoch=0001.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["phi"] == pytest.approx(whole[2].phi, abs=1e-9)


class Seen(Tracker):
    """Keeps what it is given."""

    def __init__(self, at_capture):
        self.at_capture, self.records = at_capture, []

    def log(self, record, images):
        self.records.append(record)


def test_trackers_get_open_records_only_where_they_ask_for_them(tmp_path):
    early, late = Seen(at_capture=True), Seen(at_capture=False)
    logger = TensorBoardLogger(tmp_path, name="", version="run")
    records = train(tmp_path, logger=logger, trackers=[early, late], epochs=2).records
    assert sorted(late.records, key=lambda record: record.epoch) == list(records)
    for settled in records:
        opened, then = [record for record in early.records if record.key == settled.key]
        assert isinstance(opened.result, Open)
        assert opened.task.counts == opened.counts == settled.counts
        assert then == settled
        assert settled.task is None
    assert read_events(logger.log_dir).all_records() == list(records)
    assert not is_alive(Path(logger.log_dir) / "iit"), "the run has ended"
