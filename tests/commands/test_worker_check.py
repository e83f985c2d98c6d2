"""Whether ``lightning-iit worker-check`` says what is so of a real cluster."""

from __future__ import annotations

import json

import pytest
from dask_processes import DaskProcesses
from distributed import Client

from lightning_iit import cli
from lightning_iit.commands.worker_check import trial_task
from lightning_iit.phi.compute import compute_phi
from lightning_iit.records import System
from lightning_iit.tpm.estimate import tpm_for_phi


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    processes = DaskProcesses(tmp_path_factory.mktemp("dask"))
    yield processes
    processes.end()


def test_without_workers_it_says_that_no_answer_came(dask, capsys):
    assert cli.main(["worker-check", "--executor", dask.name, "--timeout", "1"]) == 1
    out = capsys.readouterr().out
    assert out.count("FAILS") == 4
    assert "no answer within 1 s; are there workers?" in out
    assert "would not work" in out


def test_what_works_and_what_a_task_costs(dask, capsys):
    dask.add_worker()
    with Client(dask.address, timeout=60) as client:
        client.wait_for_workers(1, timeout=120)
    assert cli.main(["worker-check", "--executor", dask.name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    task = trial_task()
    system = System(tpm=tpm_for_phi(task.counts, task.prior).state_by_node, state=task.states[0])
    assert found["Φ"]["phi"] == compute_phi(system).phi > 0
    assert found["workers"]["slots"] == 1
    (worker,) = found["workers"]["each"].values()
    assert {"host", "process", "cores", "python", "lightning-iit"} == set(worker)
    assert 2 <= found["time limit"]["seconds"] < 30
    assert 0 < found["overhead"]["milliseconds"] < 2000
    assert 1000 < found["overhead"]["bytes"] < 2000
    assert cli.main(["worker-check", "--executor", dask.name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Dask, {dask.address}\n  works  Φ: Φ of 4 units is {found['Φ']['phi']:.6f}, as in this process;")
    assert out.endswith("A training with this executor would work.\n")


@pytest.mark.parametrize(
    ("name", "says"), [("processes", "needs no check"), ("dusk", "did you mean 'dask'"), ("dask://127.0.0.1:1", "answered")]
)
def test_what_cannot_be_is_said(capsys, name, says):
    assert cli.main(["worker-check", "--executor", name]) == cli.USER_ERROR
    assert says in capsys.readouterr().err
