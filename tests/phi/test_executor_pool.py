"""Tasks that an executor computes: limits, losses, and what happens when all workers are busy."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from pool_tasks import task, wait_until

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.executors.opening import open_executor
from lightning_iit.phi.executors.plain import PlainExecutor
from lightning_iit.phi.pool.choosing import opened_executor
from lightning_iit.phi.pool.executor_pool import ExecutorPool
from lightning_iit.phi.pool.pool import PhiPool, WorkerPool
from lightning_iit.phi.pool.remote import Answer, packed, run_limited, unpacked
from lightning_iit.records import Computed, Failed, Skipped, TimedOut


def kinds(result):
    return [type(state.result) for state in result.states]


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as executor:
        yield executor


def pool_of(executor, **options) -> PhiPool:
    return ExecutorPool(PlainExecutor(executor), "pool_functions:run", **options)


def test_any_executor_serves_as_a_pool(threads):
    pool = pool_of(threads, timeout=1.0)
    futures = [pool.submit(task("ok")), pool.submit(task("hold:60")), pool.submit(task("raise:this"))]
    assert pool.drain(60.0)
    ok, late, raised = (future.result(0) for future in futures)
    assert kinds(ok) == [Computed, Computed]
    assert kinds(late) == [Computed, TimedOut]
    assert kinds(raised) == [Computed, Failed]
    assert raised.states[1].result.reason == "ValueError: cannot this"
    assert pool.pending == 0


def test_the_result_is_that_of_the_local_pool(threads):
    """Also what a limit left: the finished states, scalars and pictures."""
    local = WorkerPool("pool_functions:run", preload=(), timeout=1.0)
    pool = pool_of(threads, timeout=1.0)
    for layer in ("ok", "hold:60", "raise:this"):
        here, there = (one.submit(task(layer)).result(60) for one in (local, pool))
        if layer == "ok":
            assert here.scalars.pop("pid") != there.scalars.pop("pid")
        assert there == here
    local.close()


def test_an_executor_of_processes_and_one_that_is_shut():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        pool = pool_of(executor)
        results = [pool.submit(task("ok")).result(60) for _ in range(2)]
        assert [kinds(result) for result in results] == [[Computed, Computed]] * 2
        assert results[0].scalars == results[1].scalars, "the worker process is kept"
    refused = pool.submit(task("ok")).result(0).states[0].result
    assert refused.code == "worker_died"
    assert "shutdown" in refused.reason


def test_an_executor_whose_processes_break_costs_what_it_had():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        pool = pool_of(executor)
        future = pool.submit(task("sleep:60"))
        assert wait_until(lambda: bool(executor._processes), 30)
        next(iter(executor._processes.values())).kill()
        failed = future.result(60).states[0].result
    assert failed.code == "worker_died"
    assert "BrokenProcessPool" in failed.reason


def test_an_executor_that_takes_too_long_is_not_waited_for():
    with ThreadPoolExecutor(1) as executor:
        pool = pool_of(executor)
        running, waiting = pool.submit(task("sleep:3")), pool.submit(task("ok"))
        assert not pool.drain(1.0)
        assert kinds(running.result(0)) == [TimedOut, TimedOut]
        assert waiting.result(0).states[0].result.code == "drain_timeout"
        pool.close()
        assert pool.submit(task("ok")).result(0).states[0].result.code == "pool_closed"


def test_a_task_whose_process_died_is_tried_once_more(threads, tmp_path):
    pool = pool_of(threads)
    assert kinds(pool.submit(task(f"exit_once:{tmp_path / 'was here'}")).result(60)) == [Computed, Computed]
    died = pool.submit(task("exit:7")).result(60)
    assert kinds(died) == [Computed, Failed]
    assert died.states[1].result.code == "worker_died"
    assert "exit status 7" in died.states[1].result.reason


class Recorded(Executor):
    """Keeps what it was given, and answers when it is told."""

    def __init__(self):
        self.calls = []

    def submit(self, function, *arguments):
        self.calls.append((function, arguments, Future()))
        return self.calls[-1][2]


def test_what_is_lost_is_handed_over_twice_in_all():
    executor = Recorded()
    pool = pool_of(executor)
    futures = [pool.submit(task("a")), pool.submit(task("b"))]
    for number in (1, 0):
        executor.calls[number][2].set_exception(ConnectionError("gone"))
    assert wait_until(lambda: len(executor.calls) == 4, 5)
    (_, again, answer), (_, lost, second) = executor.calls[2:]
    assert (again[1], lost[1]) == (packed(task("b")), packed(task("a")))
    answer.set_result(run_limited(*again))
    second.set_exception(ConnectionError("gone again"))
    assert kinds(futures[1].result(60)) == [Computed, Computed]
    assert futures[0].result(5).states[0].result.reason == "The executor did not compute it: ConnectionError: gone again"
    assert len(executor.calls) == 4


def test_workers_without_the_package_are_told_of_once():
    """All tasks end with one reason, and those that follow at once."""
    executor = Recorded()
    pool = pool_of(executor)
    futures = [pool.submit(task("ok", epoch=epoch)) for epoch in range(4)]
    for number in (0, 4):
        assert wait_until(lambda: len(executor.calls) > number, 5)  # noqa: B023
        executor.calls[number][2].set_exception(ModuleNotFoundError("No module named 'lightning_iit'", name="lightning_iit"))
    reasons = {future.result(5).states[0].result.reason for future in futures}
    assert len(reasons) == 1
    assert "pip install lightning-iit" in reasons.pop()
    assert pool.submit(task("ok")).result(0).states[0].result.code == "executor_unfit"
    assert len(executor.calls) == 5


def test_workers_of_another_version_compute_nothing():
    executor = Recorded()
    pool = pool_of(executor)
    future = pool.submit(task("ok"))
    function, arguments, answer = executor.calls[0]
    told = function(*arguments[:3], "0.0.1")
    assert unpacked(told).result is None
    answer.set_result(told)
    failed = future.result(5).states[0].result
    assert failed.code == "executor_unfit"
    assert "Use one version" in failed.reason


def test_an_answer_that_is_none_costs_its_task_only():
    executor = Recorded()
    pool = pool_of(executor)
    futures = [pool.submit(task("ok")), pool.submit(task("ok", epoch=1))]
    executor.calls[0][2].set_result(b"\xc1")
    executor.calls[1][2].set_result(run_limited(*executor.calls[1][1]))
    assert "could not be read" in futures[0].result(5).states[0].result.reason
    assert kinds(futures[1].result(5)) == [Computed, Computed]


def test_skip_queue_and_wait_count_the_executors_workers(threads):
    skipping = pool_of(threads, when_busy="skip", workers=7)
    futures = [skipping.submit(task("sleep:1", epoch=epoch)) for epoch in range(3)]
    assert futures[2].result(0).states[0].result.code == "workers_busy"
    assert "All 2 worker(s)" in futures[2].result(0).states[0].result.reason
    assert skipping.drain(60)
    queueing = pool_of(threads, max_queued=1)
    futures = [queueing.submit(task("sleep:1", epoch=epoch)) for epoch in range(4)]
    assert isinstance(futures[3].result(0).states[0].result, Skipped)
    assert [one.running for one in queueing.progress()] == [True, True, False]
    assert queueing.drain(60)
    waiting = pool_of(threads, when_busy="wait")
    futures = [waiting.submit(task("sleep:0.5", epoch=epoch)) for epoch in range(3)]
    assert any(future.done() for future in futures[:2])
    assert kinds(futures[2].result(30)) == [Computed, Computed]


def test_an_interruption_ends_waiting_and_draining(threads):
    ends = threading.Event()
    pool = pool_of(threads, when_busy="wait", interrupted=ends.is_set, timeout=5.0)
    futures = [pool.submit(task("hold:60", epoch=epoch)) for epoch in range(2)]
    threading.Timer(0.5, ends.set).start()
    start = time.monotonic()
    futures.append(pool.submit(task("ok")))
    assert not pool.drain(600.0)
    assert time.monotonic() - start < 25
    assert {future.result(0).states[1].result.code for future in futures} == {"interrupted"}


def test_a_task_is_data(threads):
    """The same bytes each time, and a result of nothing but plain data."""
    assert packed(task("ok")) == packed(task("ok"))
    assert len(packed(task("ok"))) < 600
    answer = run_limited("pool_functions:run", packed(task("ok")), None, "0.0.1")
    assert isinstance(answer, bytes)
    assert unpacked(answer) == Answer(version=unpacked(answer).version)


def test_what_is_no_executor_is_refused(threads):
    assert open_executor("processes", 1) is None
    assert open_executor(threads, 1).name == "ThreadPoolExecutor"
    assert opened_executor(threads, 1).slots() == 2
    with pytest.raises(InvalidArgumentError, match=r"within 10 s.*dask scheduler"):
        open_executor("dask://127.0.0.1:1", 1)


def test_idle_workers_end(threads, monkeypatch):
    import psutil

    from lightning_iit.phi.pool import remote

    def servers():
        return {child.pid for child in psutil.Process().children() if "forkserver" in " ".join(child.cmdline())}

    monkeypatch.setattr(remote, "_IDLE", 0.5)
    before = servers()
    assert kinds(pool_of(threads).submit(task("ok")).result(60)) == [Computed, Computed]
    assert wait_until(lambda: not servers() - before, 10)
    assert kinds(pool_of(threads).submit(task("ok")).result(60)) == [Computed, Computed]


class OutOfReach(PlainExecutor):
    """An executor that cannot say how many workers it has, as that of a cluster whose network is down."""

    def slots(self):
        raise ConnectionError("no answer")


def test_a_cluster_that_does_not_say_its_size_is_taken_to_have_workers(threads):
    pool = ExecutorPool(OutOfReach(threads), "pool_functions:run", workers=1, when_busy="skip")
    futures = [pool.submit(task("sleep:0.5", epoch=epoch)) for epoch in range(2)]
    assert futures[1].result(0).states[0].result.code == "workers_busy"
    assert [one.running for one in pool.progress()] == [True]
    assert pool.drain(60)
    assert kinds(futures[0].result(0)) == [Computed, Computed]


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"timeout": 0}, {"when_busy": "now"}, {"max_queued": -1}])
def test_wrong_arguments(threads, wrong):
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        pool_of(threads, **wrong)
