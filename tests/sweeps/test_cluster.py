"""Sweeps whose Φ is computed by a real cluster of Dask."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time

import psutil
import pytest
from pool_tasks import wait_until
from swept_training import LAYERS, QUICK, Kept, batches
from training import assert_same

from lightning_iit import load_run, sweep
from lightning_iit.cli import main
from lightning_iit.records import Computed
from lightning_iit.sweeps import sweeping

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:The number of training batches", "ignore:.*fewer than 100 for each"
)
CHECKPOINTS = "epoch=?.ckpt"
OPTIONS = {"units": 4, "groups": 3, "tpm": "observe", "null_model": "auto", "surrogates": 9}
ASKED = QUICK | OPTIONS | {"workers": 2}
"""Nulls and a survey of both layers."""


def swept_by(executor, trained, folder, **options):
    return sweep(trained / CHECKPOINTS, Kept, batches, LAYERS, log_dir=folder, executor=executor, **ASKED | options)


@pytest.fixture(scope="module")
def local(trained, tmp_path_factory):
    """A sweep by two worker processes of this machine; its outcome and its folder."""
    folder = tmp_path_factory.mktemp("local")
    found = swept_by("processes", trained, folder)
    assert (len(found.records), found.computed, found.failures) == (6, 6, ())
    assert all(isinstance(record.result, Computed) and record.null and record.survey for record in found.records)
    return found, folder


@pytest.fixture
def command(trained, tmp_path, monkeypatch, capsys):
    """Sweeps by the command; returns the exit status and what it printed."""
    monkeypatch.chdir(tmp_path)
    texts = OPTIONS | {"pictures": "false"}

    def call(folder):
        what = ["--model", "swept_training:Kept", "--data", "swept_training:batches", "--layers", LAYERS, "-o", str(folder)]
        options = [f"--option={name}={value}" for name, value in texts.items()]
        status = main(["sweep", str(trained / CHECKPOINTS), *what, "--executor", "dask", "--workers", "2", *options])
        return status, capsys.readouterr().out

    return call


def test_the_command_starts_a_cluster_of_dask_by_its_name(command, local, tmp_path):
    """Its records are those of this machine's workers; a second call finds all of them, and starts no cluster."""
    found, _ = local
    status, said = command("out")
    assert status == 0
    assert "6 analyses computed." in said
    assert_same(load_run(tmp_path / "out"), found.records)
    assert '"dask"' in (tmp_path / "out" / "iit" / "options.json").read_text()
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    status, said = command("out")
    assert status == 0
    assert "0 analyses computed, 6 were there already." in said
    assert {one.pid for one in psutil.Process().children(recursive=True)} <= before


def test_a_client_takes_up_what_this_machine_has_begun(local, trained, tmp_path, dask_client, monkeypatch):
    """Of two checkpoints that are there nothing is computed, and no model is made; the third is computed as on this machine."""
    found, folder = local
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for file in copy.glob("iit/*/epoch=0001.json"):
        file.unlink()
    made, real = [], sweeping.model_of
    monkeypatch.setattr(
        sweeping, "model_of", lambda source, file, *more, **how: made.append(file.name) or real(source, file, *more, **how)
    )
    again = swept_by(dask_client, trained, copy)
    assert (again.computed, again.there_before, again.failures, made) == (2, 4, (), ["epoch=1.ckpt"])
    assert_same(again.records, found.records)
    last = swept_by(dask_client, trained, copy)
    assert (last.computed, last.there_before, made) == (0, 6, ["epoch=1.ckpt"])
    assert last.records == again.records
    assert dask_client.status == "running"


def test_a_worker_that_is_killed_in_mid_sweep_loses_nothing(local, trained, tmp_path, dask_client):
    """It is stopped first, so that it is killed with an analysis that it has not ended."""
    found, _ = local
    pids, stop = dict(dask_client.run(os.getpid)), threading.Event()
    killed: list[str] = []

    def kill_one_that_is_busy():
        while not stop.is_set() and not killed:
            time.sleep(0.005)
            for address in [address for address, keys in dask_client.processing().items() if keys and address in pids]:
                process = psutil.Process(pids[address])
                process.send_signal(signal.SIGSTOP)
                time.sleep(0.2)  # what it has sent before has come by then
                if dask_client.processing().get(address):
                    process.kill()
                    killed.append(address)
                    return
                process.send_signal(signal.SIGCONT)

    killer = threading.Thread(target=kill_one_that_is_busy)
    killer.start()
    try:
        again = swept_by(dask_client, trained, tmp_path)
    finally:
        stop.set()
        killer.join()
    assert killed
    assert wait_until(lambda: killed[0] not in dask_client.nthreads(), 60)
    assert (again.computed, again.failures) == (6, ())
    assert_same(again.records, found.records)
