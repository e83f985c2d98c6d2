"""Trainings and analyses whose Φ is computed by a cluster."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time

import psutil
import pytest
import torch
from dask_processes import without_this_package
from distributed import Client
from executor_training import fit
from lightning.pytorch import Trainer, seed_everything
from models import Gru, example, sequence_data
from places import SUPPORT
from pool_tasks import wait_until
from training import assert_same

from lightning_iit import IITCallback, InvalidArgumentError, analyse, cli, load_run
from lightning_iit.errors import MissingDependencyError
from lightning_iit.records import Computed, Failed


def digits(root, **options):
    """The demo's training for two epochs, with the demo's callback; nulls and intervals do not hang on the time that is left."""
    demo = example("digits_mlp")
    seed_everything(0, verbose=False)
    model = demo.Digits()
    callback = IITCallback(["rows", "mlp.1"], table=False, extra_budget=0.0, **options)
    Trainer(
        max_epochs=2,
        logger=False,
        callbacks=[callback],
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=root,
    ).fit(model, *demo.loaders())
    return callback, model.state_dict()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:The number of training batches")
def test_the_demo_on_dask_is_that_on_this_machine(tmp_path, dask_client):
    local, weights = digits(tmp_path / "a")
    remote, the_same = digits(tmp_path / "b", executor=dask_client)
    assert all(isinstance(record.result, Computed) for record in remote.records)
    assert [record.key for record in remote.records] == [(layer, epoch) for epoch in (-1, 0, 1) for layer in ("mlp.1", "rows")]
    assert_same(remote.records, local.records)
    assert all(torch.equal(weights[name], the_same[name]) for name in weights), "the same training to the bit"


def test_watched_layers_with_their_nulls_are_those_of_this_machine(tmp_path, dask_client):
    options = {"tpm": "observe", "surrogates": 5, "extra_budget": 0.0}
    local, weights, _ = fit(tmp_path / "a", **options)
    remote, the_same, _ = fit(tmp_path / "b", executor=dask_client, when_busy="wait", **options)
    assert_same(remote.records, local.records)
    assert remote.records[-1].null is not None
    assert all(torch.equal(weights[name], the_same[name]) for name in weights)


def test_waiting_for_a_cluster_has_phi_in_the_metrics(tmp_path, dask_client):
    callback, *_ = fit(tmp_path, executor=dask_client, when_busy="wait", drain_timeout=0.0)
    assert [type(record.result) for record in callback.records] == [Computed] * 4


def test_analyse_takes_an_executor(dask_client):
    seed_everything(5, verbose=False)
    model, data = Gru().eval(), sequence_data(64)
    options = {"layers": "net.gru", "units": 3, "groups": 4}
    assert_same(analyse(model, data, executor=dask_client, **options), analyse(model, data, **options))
    with pytest.raises(InvalidArgumentError, match=r"workers=0 with executor='distributed\.Client'"):
        analyse(model, data, executor=dask_client, workers=0, **options)
    assert dask_client.status == "running"


def test_an_object_does_not_travel(dask_client):
    """Not to copies and pickles, which would otherwise not be possible."""
    callback = IITCallback(executor=dask_client, workers=3)
    for other in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        assert (other.executor, other.workers) == ("processes", 3)
    assert callback.executor is dask_client
    assert copy.deepcopy(IITCallback(executor="dask")).executor == "dask"
    process = multiprocessing.get_context("spawn").Process(target=isinstance, args=(callback, object))
    with pytest.warns(UserWarning, match=r"distributed\.Client: an object cannot travel.*Give a name"):
        process.start()
    process.join(60)


def test_a_worker_that_is_killed_in_mid_training_costs_nothing(tmp_path, dask_client):
    """Each worker is killed once while it has a task."""
    before = set(dask_client.nthreads())
    pids = dict(dask_client.run(os.getpid))
    stop = threading.Event()

    def kill():
        for address, pid in pids.items():
            while not stop.is_set() and not dask_client.processing().get(address):
                time.sleep(0.02)
            psutil.Process(pid).kill()
            time.sleep(1.0)

    killer = threading.Thread(target=kill)
    killer.start()
    callback, *_ = fit(tmp_path, executor=dask_client, units=5, groups=6, surrogates=50, tpm="observe")
    stop.set()
    killer.join()
    assert not before & set(dask_client.nthreads()), "both were killed"
    assert [type(record.result) for record in callback.records] == [Computed] * 4


def test_a_scheduler_that_is_killed_in_mid_training_loses_no_counts_and_no_step(tmp_path, dask):
    from lightning.pytorch import Callback

    class Kill(Callback):
        def on_train_epoch_start(self, trainer, _):
            if trainer.current_epoch == 1:
                dask.scheduler.kill()

    dask.add_worker()
    options = {"layers": "net.gru", "units": 3, "groups": 4, "table": False, "drain_timeout": 120.0}

    def train(callbacks, folder):
        seed_everything(5, verbose=False)
        model = Gru()
        Trainer(
            max_epochs=3,
            logger=False,
            callbacks=callbacks,
            accelerator="cpu",
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
        ).fit(model, sequence_data(64))
        return model.state_dict()

    callback = IITCallback(executor=dask.name, **options)
    weights = train([callback, Kill()], tmp_path / "run")
    alone = train([], tmp_path / "alone")
    assert all(torch.equal(weights[name], alone[name]) for name in alone)
    records = callback.records
    assert [record.epoch for record in records] == [-1, 0, 1, 2]
    assert {type(record.result) for record in records} <= {Computed, Failed}
    assert isinstance(records[-1].result, Failed)
    assert "scheduler" in records[-1].result.reason
    assert all(record.counts is not None and sum(record.counts.visits) > 0 for record in records), "the counts are kept"
    (run,) = {path.parent.parent for path in (tmp_path / "run").rglob("iit/*/epoch=0002.json")}
    assert {record.key for record in load_run(run)} == {record.key for record in records}


def test_workers_without_the_package_stop_the_fit_before_training(tmp_path, dask):
    dask.add_worker(without_this_package(tmp_path / "bare"))
    with Client(dask.address) as client:
        client.wait_for_workers(1, timeout=60)
    with pytest.raises(MissingDependencyError, match="cannot import lightning-iit"):
        fit(tmp_path, executor=dask.name)
    assert cli.main(["worker-check", "--executor", dask.name]) == cli.USER_ERROR


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:The number of training batches")
def test_a_fit_that_ends_before_training_leaves_no_client(tmp_path, dask):
    dask.add_worker()
    with Client(dask.address) as watching:
        watching.wait_for_workers(1, timeout=60)

        def clients():
            return watching.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.clients))

        alone = clients()
        with pytest.raises(RuntimeError, match="at the start"):
            Trainer(
                max_epochs=1,
                logger=False,
                accelerator="cpu",
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                callbacks=[IITCallback("net.gru", units=3, executor=dask.name)],
                default_root_dir=tmp_path,
            ).fit(BreaksAtStart(), sequence_data(64))
        assert wait_until(lambda: clients() == alone, 10)


class BreaksAtStart(Gru):
    def on_fit_start(self):
        raise RuntimeError("at the start")


def test_two_ranks_have_one_client(tmp_path, dask):
    """That of the first rank."""
    dask.add_worker()
    environment = os.environ | {"IIT_EXECUTOR": dask.name}
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "ddp_script.py"), str(tmp_path / "run"), "perturbed", "2"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert [type(record.result) for record in load_run(tmp_path / "run")] == [Computed] * 2
    assert {file.name[-1]: file.read_text() for file in (tmp_path / "run").glob("clients-of-rank-*")} == {"0": "1", "1": "0"}


def test_the_training_alone_uses_pythons_random_numbers(tmp_path, dask):
    """A scheduler draws from them too, so one that is started by its name is in a process of its own."""
    dask.add_worker()
    _, _, state = fit(tmp_path / "a", executor=dask.name)
    _, _, alone = fit(tmp_path / "b")
    assert state == alone
