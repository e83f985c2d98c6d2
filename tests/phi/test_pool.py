"""Worker processes: limits, crashes, queues and what is left behind."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from pathlib import Path

import psutil
import pytest
from places import PROJECT, SUPPORT
from pool_tasks import started, task, wait_until
from processes import start_interruptible

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.pool import pool as pool_module
from lightning_iit.phi.pool import process_context, worker
from lightning_iit.phi.pool.pool import PhiPool, WorkerPool
from lightning_iit.records import Computed, Failed, Skipped, TimedOut

OTHERS: set[int] = set()
"""The processes that earlier tests of this process have left, such as workers that are kept for later tasks."""


@pytest.fixture
def new_pool():
    pools = []
    OTHERS.clear()
    OTHERS.update(child.pid for child in psutil.Process().children(recursive=True))

    def make(function="pool_functions:run", **options):
        pools.append(WorkerPool(function, preload=(), **options))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def kinds(result):
    return [type(state.result) for state in result.states]


def workers_of(pid):
    """The processes that the fork servers of a process have forked, without those of earlier tests."""
    return [
        process for process in psutil.Process(pid).children(recursive=True) if process.ppid() != pid and process.pid not in OTHERS
    ]


# --- results -------------------------------------------------------------------------------------------------------------


def test_each_task_has_its_result(new_pool):
    pool: PhiPool = new_pool(workers=2)
    futures = [pool.submit(task("ok", epoch=epoch)) for epoch in range(6)]
    results = [future.result(30) for future in futures]
    assert all(kinds(result) == [Computed, Computed] for result in results)
    assert {state.state for state in results[0].states} == {(0, 0), (1, 0)}
    assert pool.pending == 0


def test_what_the_function_raises_is_the_result(new_pool):
    result = new_pool().submit(task("raise:this")).result(30)
    assert kinds(result) == [Computed, Failed]
    failed = result.states[1].result
    assert failed.code == "engine_error"
    assert failed.reason == "ValueError: cannot this"
    assert "pool_functions.py" in failed.details


@pytest.mark.parametrize("function", ["pool_functions:unpicklable", "pool_functions:nowhere", "no_such_module:run"])
def test_a_function_that_cannot_answer_fails_with_a_reason(new_pool, function):
    result = new_pool(function).submit(task("ok")).result(30)
    assert kinds(result) == [Failed, Failed]
    assert result.states[0].result.reason


# --- limits and crashes --------------------------------------------------------------------------------------------------


def test_a_time_limit_ends_compiled_code_and_keeps_what_was_finished(new_pool):
    pool = new_pool(timeout=1.0)
    start = time.monotonic()
    result = pool.submit(task("hold:60")).result(30)
    assert time.monotonic() - start < 25
    assert kinds(result) == [Computed, TimedOut]
    assert result.states[1].result.timeout == 1.0
    assert result.states[1].visits == 2
    of_phi = {"phi": 1.0, "phi_mean": 1.0, "phi_max": 1.0, "states": 1.0, "seconds": 0.25, "concepts": 0.0, "sum_small_phi": 0.0}
    assert result.scalars == {"coverage": 0.5, **of_phi}
    assert result.images == {"tpm": b"\x89PNG \xff"}
    assert kinds(pool.submit(task("ok")).result(30)) == [Computed, Computed]


def test_the_limit_of_a_task_goes_before_that_of_the_pool(new_pool):
    result = new_pool(timeout=0.1).submit(task("sleep:1", timeout=20.0)).result(30)
    assert kinds(result) == [Computed, Computed]


def test_a_busy_worker_that_is_killed_costs_its_task_only(new_pool):
    pool = new_pool()
    futures = [pool.submit(task("sleep:60")), pool.submit(task("ok"))]
    started(pool)
    (worker,) = workers_of(os.getpid())
    worker.kill()
    killed, other = (future.result(30) for future in futures)
    assert kinds(killed) == [Computed, Failed]
    assert killed.states[1].result.code == "worker_died"
    assert "SIGKILL" in killed.states[1].result.reason
    assert kinds(other) == [Computed, Computed]


def test_a_worker_that_exits_costs_its_task_only(new_pool):
    pool = new_pool()
    result = pool.submit(task("exit:7")).result(30)
    assert result.states[1].result.code == "worker_died"
    assert "exit status 7" in result.states[1].result.reason
    assert kinds(pool.submit(task("ok")).result(30)) == [Computed, Computed]


def test_an_idle_worker_that_is_killed_costs_nothing(new_pool):
    pool = new_pool()
    before = pool.submit(task("ok")).result(30)
    for delay in (0.0, 0.5):  # before and after anybody can have noticed
        (worker,) = workers_of(os.getpid())
        worker.kill()
        time.sleep(delay)
        after = pool.submit(task("ok")).result(30)
        assert kinds(after) == [Computed, Computed]
        assert after.scalars["pid"] != before.scalars["pid"]


def test_a_fork_server_that_is_killed_costs_its_workers_tasks_only(new_pool):
    pool = new_pool()
    future = pool.submit(task("sleep:60"))
    started(pool)
    psutil.Process(workers_of(os.getpid())[0].ppid()).kill()
    assert future.result(30).states[1].result.code == "worker_died"
    assert kinds(pool.submit(task("ok")).result(30)) == [Computed, Computed]


def test_a_worker_that_never_begins_is_given_up(new_pool):
    result = new_pool("pool_functions:stillborn").submit(task("ok")).result(60)
    assert kinds(result) == [Failed, Failed]
    assert result.states[0].result.code == "worker_died"
    assert "4 times" in result.states[0].result.reason


class FirstWorker:
    """Sends a signal to the first worker process that is started, or to the first few, just after its start."""

    def __init__(self, monkeypatch, signal_number, number=1):
        self.pids = []
        start = process_context.WorkerContext.start

        def start_and_hurt(context, made):
            process = start(context, made)
            self.pids.append(process.pid)
            if len(self.pids) <= number:
                os.kill(process.pid, signal_number)
                time.sleep(0.3 / number)
            return process

        monkeypatch.setattr(process_context.WorkerContext, "start", start_and_hurt)


def test_a_worker_that_is_killed_at_its_start_costs_nothing(new_pool, monkeypatch):
    first = FirstWorker(monkeypatch, signal.SIGKILL)
    result = new_pool().submit(task("ok")).result(60)
    assert kinds(result) == [Computed, Computed]
    assert result.scalars["pid"] == first.pids[1]


def test_twenty_workers_that_are_killed_at_their_start_leave_no_task_without_an_end(new_pool, monkeypatch):
    first = FirstWorker(monkeypatch, signal.SIGKILL, number=20)
    pool = new_pool(workers=2)
    futures = [pool.submit(task("ok", epoch=epoch)) for epoch in range(12)]
    ends = [kinds(future.result(60)) for future in futures]
    assert set(map(tuple, ends)) == {(Computed, Computed), (Failed, Failed)}
    assert ends[-1] == [Computed, Computed]
    assert len(first.pids) > 20


def test_a_worker_that_is_stopped_at_its_start_obeys_the_limit(new_pool, monkeypatch):
    FirstWorker(monkeypatch, signal.SIGSTOP)
    monkeypatch.setattr(worker, "_QUIET", 2.0)
    pool = new_pool(timeout=1.0)
    stopped, after = pool.submit(task("ok")), pool.submit(task("ok", epoch=1, timeout=60.0))
    results = [state.result for state in stopped.result(60).states]
    assert [(type(result), result.timeout) for result in results] == [(TimedOut, 1.0)] * 2
    assert "stood still" in results[0].reason
    assert kinds(after.result(60)) == [Computed, Computed]


def test_a_preparation_that_stands_still_obeys_the_limit_and_one_at_work_does_not(new_pool, monkeypatch):
    monkeypatch.setattr(worker, "_QUIET", 3.0)
    assert kinds(new_pool("pool_functions:stuck", timeout=1.0).submit(task("ok")).result(60)) == [TimedOut, TimedOut]
    assert kinds(new_pool("pool_functions:slow", timeout=1.0).submit(task("ok")).result(60)) == [Computed, Computed]


def test_a_warm_up_that_stands_still_costs_no_task(new_pool, monkeypatch):
    monkeypatch.setattr(worker, "_QUIET", 2.0)
    pool = new_pool(timeout=1.0)
    pool.warm_up("stuck")
    assert kinds(pool.submit(task("ok", timeout=60.0)).result(60)) == [Computed, Computed]


def test_a_worker_that_ends_as_if_all_were_well_has_died(new_pool):
    pool = new_pool()
    result = pool.submit(task("exit:0")).result(60)
    assert kinds(result) == [Computed, Failed]
    assert result.states[1].result.code == "worker_died"
    assert "exit status 0" in result.states[1].result.reason
    assert kinds(pool.submit(task("ok")).result(60)) == [Computed, Computed]


def fork_servers():
    return {child for child in psutil.Process().children() if "forkserver" in " ".join(child.cmdline())}


def test_a_fork_server_that_is_stopped_obeys_the_limit(new_pool, monkeypatch):
    monkeypatch.setattr(worker, "_SERVER_QUIET", 2.0)
    others = fork_servers()
    pool = new_pool(timeout=1.0)
    assert kinds(pool.submit(task("exit:7")).result(60)) == [Computed, Failed]
    (server,) = fork_servers() - others
    server.suspend()
    assert kinds(pool.submit(task("ok")).result(60)) == [TimedOut, TimedOut]
    monkeypatch.undo()
    assert kinds(pool.submit(task("ok")).result(60)) == [Computed, Computed]


def test_no_thread_for_a_worker_leaves_no_task_open(new_pool, monkeypatch):
    def no_thread(self):
        raise RuntimeError("can't start new thread")

    pool = new_pool(workers=2)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        failed = pool.submit(task("ok")).result(0).states[0].result
    assert failed.code == "worker_died"
    assert "no thread left" in failed.reason
    assert pool.drain(0.0)
    assert kinds(pool.submit(task("ok")).result(60)) == [Computed, Computed]


# --- the queue -----------------------------------------------------------------------------------------------------------


def test_a_full_queue_skips(new_pool):
    pool = new_pool(max_queued=1)
    futures = [pool.submit(task("sleep:0.5", epoch=epoch)) for epoch in range(3)]
    skipped = futures[2].result(0).states[0].result
    assert isinstance(skipped, Skipped)
    assert skipped.code == "queue_full"
    assert "max_queued=1" in skipped.reason
    assert [kinds(future.result(30)) for future in futures[:2]] == [[Computed, Computed]] * 2
    assert kinds(pool.submit(task("ok")).result(30)) == [Computed, Computed]


def test_skip_takes_what_a_worker_is_free_for(new_pool):
    pool = new_pool(when_busy="skip")
    first = pool.submit(task("sleep:0.5"))
    assert pool.submit(task("ok")).result(0).states[0].result.code == "workers_busy"
    assert kinds(first.result(30)) == [Computed, Computed]
    assert kinds(pool.submit(task("ok")).result(30)) == [Computed, Computed]


def test_wait_blocks_until_a_worker_is_free(new_pool):
    pool = new_pool(when_busy="wait")
    first = pool.submit(task("sleep:0.7"))
    second = pool.submit(task("ok"))
    assert first.done()
    assert kinds(second.result(30)) == [Computed, Computed]


def test_progress_and_drain(new_pool):
    pool = new_pool()
    futures = [pool.submit(task("sleep:0.6", epoch=epoch)) for epoch in range(2)]
    started(pool)
    assert [(open_.key, open_.running, open_.fraction) for open_ in pool.progress()] == [
        (("sleep:0.6", 0), True, 0.5),
        (("sleep:0.6", 1), False, 0.0),
    ]
    seen = []
    assert pool.drain(30.0, seen.append)
    assert all(future.done() for future in futures)
    assert seen[0] == 2
    assert seen[-1] <= 1
    assert pool.drain(0.0)


def test_a_drain_that_is_over_ends_what_is_open(new_pool):
    pool = new_pool()
    running, waiting = pool.submit(task("hold:60")), pool.submit(task("ok"))
    started(pool)
    start = time.monotonic()
    assert not pool.drain(0.5)
    assert time.monotonic() - start < 25
    assert kinds(running.result(0)) == [Computed, TimedOut]
    assert waiting.result(0).states[0].result.code == "drain_timeout"
    assert pool.pending == 0
    assert kinds(pool.submit(task("ok")).result(30)) == [Computed, Computed]


def test_a_drain_that_is_interrupted_ends_what_is_open(new_pool):
    ends = threading.Event()
    pool = new_pool(interrupted=ends.is_set)
    running, waiting = pool.submit(task("hold:60")), pool.submit(task("ok"))
    started(pool)
    ends.set()
    start = time.monotonic()
    assert not pool.drain(600.0)
    assert time.monotonic() - start < 15
    assert kinds(running.result(0)) == [Computed, Failed]
    assert kinds(waiting.result(0)) == [Failed, Failed]
    assert {future.result(0).states[1].result.code for future in (running, waiting)} == {"interrupted"}


def test_a_submission_that_waits_can_be_interrupted(new_pool):
    ends = threading.Event()
    pool = new_pool(when_busy="wait", interrupted=ends.is_set)
    pool.submit(task("hold:60"))
    threading.Timer(0.5, ends.set).start()
    second = pool.submit(task("ok"))
    assert not second.done()


def test_a_thread_that_hangs_leaves_no_task_open(new_pool, monkeypatch):
    monkeypatch.setattr(pool_module, "_PATIENCE", 0.5)
    held = threading.Event()
    monkeypatch.setattr(worker.Worker, "call", lambda *_, **__: held.wait(60))
    pool = new_pool()
    running = pool.submit(task("ok"))
    assert wait_until(lambda: any(open_.running for open_ in pool.progress()), 30)
    assert not pool.drain(0.0)
    assert kinds(running.result(0)) == [TimedOut, TimedOut]
    assert pool.pending == 0
    held.set()


def test_a_cancelled_task_frees_its_worker(new_pool):
    pool = new_pool()
    running, waiting, last = (pool.submit(task(layer)) for layer in ("hold:60", "hold:61", "ok"))
    started(pool)
    assert running.cancel()
    assert waiting.cancel()
    assert kinds(last.result(10)) == [Computed, Computed]
    assert pool.drain(5.0)


def test_a_drain_waits_for_callbacks_too(new_pool):
    pool = new_pool()
    told = []

    def slow(future):
        time.sleep(0.5)
        told.append(kinds(future.result()))
        if len(told) == 1:
            pool.submit(task("ok", epoch=1)).add_done_callback(slow)

    pool.submit(task("ok")).add_done_callback(slow)
    assert pool.drain(30.0)
    assert told == [[Computed, Computed]] * 2


def test_close_ends_everything(new_pool):
    pool = new_pool(workers=2)
    futures = [pool.submit(task("hold:60", epoch=epoch)) for epoch in range(3)]
    started(pool)
    processes = workers_of(os.getpid())
    assert processes
    processes.append(psutil.Process(processes[0].ppid()))
    start = time.monotonic()
    pool.close()
    pool.close()
    assert time.monotonic() - start < 25
    assert {future.result(0).states[-1].result.code for future in futures} == {"interrupted"}
    assert wait_until(lambda: not any(process.is_running() for process in processes), 2)
    assert pool.submit(task("ok")).result(0).states[0].result.code == "pool_closed"


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"workers": True}, {"timeout": 0}, {"when_busy": "now"}, {"max_queued": -1}])
def test_wrong_arguments(wrong):
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        WorkerPool(**wrong)


# --- the host ------------------------------------------------------------------------------------------------------------


def test_workers_are_modest_and_load_no_torch(new_pool):
    result = new_pool("pool_functions:describe").submit(task("ok", states=())).result(30)
    assert result.scalars["nice"] >= min(os.nice(0) + 10, 19)
    assert "torch=False" in result.notes
    assert {"OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"} <= set(result.notes)
    assert f"cwd={Path.cwd()}" in result.notes


def test_the_host_stays_as_it_is(new_pool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = dict(os.environ), list(root.handlers), root.level, signal.getsignal(signal.SIGINT), os.nice(0)
    pool = new_pool()
    pool.submit(task("ok")).result(30)
    pool.submit(task("raise:this")).result(30)
    pool.close()
    assert (dict(os.environ), list(root.handlers), root.level, signal.getsignal(signal.SIGINT), os.nice(0)) == before
    assert Path.cwd() == tmp_path
    assert list(tmp_path.iterdir()) == []


class Script:
    """A user's script in a process of its own, without a main guard; its descendants are known by a mark in the environment."""

    def __init__(self, folder, body, **options):
        self.mark = uuid.uuid4().hex
        self.log = folder / "runs.txt"
        path = folder / "script.py"
        path.write_text(
            "import os, sys, time\n"
            f"sys.path.insert(0, {str(SUPPORT)!r})\n"
            f"open({str(self.log)!r}, 'a').write('run\\n')\n"
            "from lightning_iit.phi.pool.pool import WorkerPool\n"
            "from pool_tasks import started, task\n"
            "pool = WorkerPool('pool_functions:run', preload=(), workers=2)\n" + textwrap.dedent(body)
        )
        environment = {**os.environ, "LIGHTNING_IIT_TEST": self.mark, "PYTHONPATH": str(PROJECT)}
        self._output = folder / "output.txt"
        with self._output.open("w") as file:
            self.process = start_interruptible(
                [sys.executable, str(path)], env=environment, stdout=file, stderr=subprocess.STDOUT, cwd=folder, **options
            )

    def says(self, line):
        return wait_until(lambda: line in self._output.read_text(), 60)

    def output(self, timeout):
        self.process.wait(timeout)
        return self._output.read_text()

    def processes(self):
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("LIGHTNING_IIT_TEST") == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def end(self):
        for process in self.processes():
            process.kill()
        self.process.wait()


@pytest.fixture
def script(tmp_path):
    scripts = []

    def make(body, **options):
        scripts.append(Script(tmp_path, body, **options))
        return scripts[-1]

    yield make
    for made in scripts:
        made.end()


BUSY = "futures = [pool.submit(task('hold:60', epoch=epoch)) for epoch in range(3)]\nstarted(pool)\nprint('busy', flush=True)\n"


def test_a_script_without_a_main_guard(script):
    made = script("print(pool.submit(task('ok')).result(30).states[0].result.phi, flush=True)\n")
    output = made.output(60)
    assert (output, made.process.returncode) == ("1.0\n", 0)
    assert made.log.read_text() == "run\n"
    assert wait_until(lambda: not made.processes(), 3)


@pytest.mark.parametrize("how", ["exception", "end", "interrupt", "terminal", "kill"])
def test_nothing_is_left_behind(script, how):
    body = {"exception": "raise RuntimeError('broken')\n", "end": ""}.get(how, "time.sleep(60)\n")
    made = script(BUSY + body, start_new_session=True)
    assert made.says("busy")
    count = len(made.processes())
    assert count >= 4 or how in {"exception", "end"}  # the script, its fork server, and a worker for each of two tasks
    if how == "interrupt":
        made.process.send_signal(signal.SIGINT)
    elif how == "terminal":  # Ctrl-C reaches every process of the terminal's group
        os.killpg(made.process.pid, signal.SIGINT)
    elif how == "kill":
        made.process.kill()
    output = made.output(15)
    assert made.process.returncode == {"exception": 1, "end": 0, "kill": -9}.get(how, -2)
    assert ("KeyboardInterrupt" in output) == (how in {"interrupt", "terminal"})
    assert output.count("Traceback") == (0 if how in {"end", "kill"} else 1), output
    assert wait_until(lambda: not made.processes(), 5)


def test_no_file_left_for_a_worker_leaves_no_task_open(script):
    body = """
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    files = []
    for free in (0, 2, 4, 6, 9):
        try:
            while True:
                files.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        for _ in range(free):
            os.close(files.pop())
        result = pool.submit(task('ok', epoch=free)).result(60).states[0].result
        print('>', type(result).__name__, getattr(result, 'code', ''), flush=True)
    for file in files:
        os.close(file)
    print('>', pool.drain(0.0), pool.submit(task('ok')).result(60).states[0].result)
    """
    output = script(body).output(120)
    lines = [line for line in output.splitlines() if line.startswith(">")]
    assert len(lines) == 6, output
    assert lines[0] == "> Failed worker_died", output
    assert set(lines[:-1]) <= {"> Failed worker_died", "> Computed "}, output
    assert lines[-1].startswith("> True Computed"), output


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server on Windows")
def test_a_fork_server_that_breaks_at_a_request_is_replaced(script):
    body = """
    import contextlib, signal, socket, threading
    server = pool._server._server
    for number in range(4):
        print('>', pool.submit(task('ok', epoch=number)).result(60).states[0].result, flush=True)
        pool.submit(task('exit:0', epoch=number)).result(60)  # so that a new worker is needed
        server.ensure_running()  # where the last round's request came to no worker, its server ended unseen
        os.kill(server._forkserver_pid, signal.SIGSTOP)  # its answers come later
        with contextlib.suppress(ConnectionRefusedError), socket.socket(socket.AF_UNIX) as empty:
            empty.connect(server._forkserver_address)  # a request without its files, which ends the server
        threading.Timer(0.2, os.kill, (server._forkserver_pid, signal.SIGCONT)).start()
    """
    output = script(body).output(120)
    lines = [line for line in output.splitlines() if line.startswith(">")]
    assert [line.split("(")[0] for line in lines] == ["> Computed"] * 4, output
