"""Real clusters of Dask: its default one, and one whose scheduler, nannies and workers are processes that are killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest
from dask_processes import without_this_package
from distributed import Client
from divided_tasks import divided, plain
from pool_tasks import task, wait_until

from lightning_iit.errors import InvalidArgumentError, MissingDependencyError
from lightning_iit.job.job import run
from lightning_iit.phi.executors.opening import checked_executor, executor_words, open_executor
from lightning_iit.phi.pool.choosing import opened_executor
from lightning_iit.phi.pool.executor_pool import ExecutorPool
from lightning_iit.records import Computed, Failed, TimedOut


def kinds(result):
    return [type(state.result) for state in result.states]


def pool_of(given, **options) -> ExecutorPool:
    return ExecutorPool(open_executor(given, 1), "pool_functions:run", **options)


def test_the_time_limit_holds_in_a_daemonic_worker(dask_client):
    assert all(dask_client.run(lambda: __import__("multiprocessing").current_process().daemon).values())
    pool = pool_of(dask_client, timeout=1.0)
    start = time.monotonic()
    futures = [pool.submit(task("hold:60", epoch=epoch)) for epoch in range(3)]
    assert [kinds(future.result(60)) for future in futures] == [[Computed, TimedOut]] * 3
    assert time.monotonic() - start < 30
    assert kinds(pool.submit(task("ok")).result(60)) == [Computed, Computed]
    pool.close()
    assert dask_client.status == "running", "the client is the user's"


def test_it_says_how_many_tasks_run_at_one_time(dask_client):
    pool = pool_of(dask_client, when_busy="skip")
    futures = [pool.submit(task("sleep:2", epoch=epoch)) for epoch in range(3)]
    assert futures[2].result(0).states[0].result.code == "workers_busy"
    assert pool.drain(60)
    assert [kinds(future.result(0)) for future in futures[:2]] == [[Computed, Computed]] * 2


def test_one_analysis_is_divided_over_its_workers(dask_client, tmp_path):
    """Each of the survey's parts kills its process once, and is computed again by itself."""
    pool = ExecutorPool(open_executor(dask_client, 1), "split_functions:run")
    asked = divided(f"exit_once:survey:{tmp_path / 'file'}")
    assert len(asked.split) > 10
    assert plain(pool.submit(asked).result(120)) == plain(run(msgspec.structs.replace(asked, split=())))


def begun(file: Path) -> psutil.Process:
    """The process that computes a task ``begun:<file>``."""
    assert wait_until(lambda: file.exists() and bool(file.read_text().split()), 90)
    return psutil.Process(int(file.read_text().split()[0]))


def test_a_worker_that_is_killed_costs_nothing(dask_client, tmp_path):
    """Dask's worker is the parent of the fork server, whose child computes. Both end with it, and Dask gives the task on."""
    pool = pool_of(dask_client)
    future = pool.submit(task(f"begun:{tmp_path / 'file'}"))
    child = begun(tmp_path / "file")
    server = child.parent()
    server.parent().kill()
    assert kinds(future.result(90)) == [Computed, Computed]
    assert wait_until(lambda: not child.is_running() and not server.is_running(), 10)
    assert wait_until(lambda: len(dask_client.nthreads()) == 2, 60)


def test_a_nanny_that_is_killed_costs_nothing(dask, tmp_path):
    dask.add_worker()
    pool = pool_of(dask.name)
    future = pool.submit(task(f"begun:{tmp_path / 'file'}"))
    child = begun(tmp_path / "file")
    dask.nannies[0].kill()
    dask.nannies[0].wait()
    dask.add_worker()
    assert kinds(future.result(120)) == [Computed, Computed]
    assert wait_until(lambda: not child.is_running(), 10)
    pool.close()


def test_a_scheduler_that_is_killed_ends_every_task_with_a_reason(dask, tmp_path):
    dask.add_worker()
    pool = pool_of(dask.name)
    done = pool.submit(task("ok"))
    assert kinds(done.result(90)) == [Computed, Computed]
    futures = [pool.submit(task(f"begun:{tmp_path / 'file'}")), pool.submit(task("ok", epoch=1))]
    child = begun(tmp_path / "file")
    dask.scheduler.kill()
    results = [future.result(120).states[0].result for future in futures]
    assert {(type(result), result.code) for result in results} == {(Failed, "worker_died")}
    assert all("scheduler" in result.reason and "lost" in result.reason for result in results)
    refused = pool.submit(task("ok")).result(60).states[0].result
    assert "lost" in refused.reason
    dask.nannies[0].kill()
    assert wait_until(lambda: not child.is_running(), 30)
    pool.close()


def test_workers_without_the_package_are_told_of_before_training(dask, tmp_path):
    dask.add_worker(without_this_package(tmp_path / "bare"))
    with Client(dask.address) as client:
        client.wait_for_workers(1, timeout=60)
        with pytest.raises(MissingDependencyError, match=r"tcp://.*cannot import lightning-iit.*pip install lightning-iit"):
            opened_executor(client, 1)


def test_workers_without_the_package_that_come_later_are_told_of_once(dask, tmp_path):
    pool = pool_of(dask.name)
    futures = [pool.submit(task("ok", epoch=epoch)) for epoch in range(20)]
    dask.add_worker(without_this_package(tmp_path / "bare"))
    reasons = {(future.result(90).states[0].result.code, future.result(0).states[0].result.reason) for future in futures}
    assert len(reasons) == 1
    code, reason = reasons.pop()
    assert code == "executor_unfit"
    assert "pip install lightning-iit" in reason
    assert pool.drain(0.0)
    pool.close()


def test_clients_and_clusters_are_told_apart(dask_client):
    assert checked_executor("executor", dask_client) is dask_client
    assert executor_words(dask_client) == "distributed.Client"
    with pytest.raises(InvalidArgumentError, match=r"cluster\.get_client\(\)"):
        checked_executor("executor", dask_client.cluster)


SCRIPT = """
import sys, time
sys.path.insert(0, {support!r})
with open({runs!r}, "a") as file:
    file.write("run\\n")
from pool_tasks import task
from lightning_iit.phi.pool.choosing import opened_executor, pool_on
pool = pool_on(opened_executor("dask", 2), workers=2)
print(pool.submit(task("ok", states=())).result(120).complete, flush=True)
{end}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the signal is POSIX")
@pytest.mark.parametrize("end", ["pool.close()", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ""])
def test_a_cluster_by_name_runs_no_script_again_and_is_never_left_behind(tmp_path, end):
    import os
    import subprocess

    from places import PROJECT, SUPPORT

    runs, path = tmp_path / "runs", tmp_path / "script.py"
    path.write_text(SCRIPT.format(support=str(SUPPORT), runs=str(runs), end=end))
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    environment = {**os.environ, "LIGHTNING_IIT_TEST": mark, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, str(path)], env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout == "True\n", done.stderr
    assert done.returncode == (-9 if "KILL" in end else 0)
    assert runs.read_text() == "run\n"
    assert wait_until(lambda: not marked(mark), 40), marked(mark)


def marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("LIGHTNING_IIT_TEST") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
