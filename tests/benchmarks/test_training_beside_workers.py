"""What busy workers cost a training step: they run at low priority, so training keeps its core.

One run, in which blocks of steps beside computing workers take turns with blocks beside the same workers stopped (SIGSTOP), so that
whatever else the machine does hits both alike. Only ratios are asserted.
"""

from __future__ import annotations

import os
import signal
import statistics
import time
from contextlib import contextmanager

import numpy as np
import psutil
import pytest
from lightning.pytorch import Callback, Trainer
from models import Mlp, flat_data

from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.records import Counts, PhiTask

STEPS, BATCH, PAIRS, UNITS = 200, 64, 50, 8


def long_task(seed: int) -> PhiTask:
    """A dense system of eight units: minutes of work, no pause in it."""
    visits = np.full(2**UNITS, 1000)
    on = np.random.default_rng(seed).integers(100, 900, (2**UNITS, UNITS))
    counts = Counts(visits=tuple(visits.tolist()), on=tuple(map(tuple, on.tolist())), joint=())
    options = {"layer": "dense", "epoch": seed, "global_step": 0, "prior": 0.5, "kind": "causal", "axis": "time"}
    return PhiTask(counts=counts, states=((0,) * UNITS,), engine="fast", pictures=False, timeout=None, **options)


@contextmanager
def computing(workers: int):
    """The worker processes of a pool, each at a long task of its own."""
    pool = WorkerPool(workers=workers, timeout=None)
    try:
        for seed in range(workers):
            pool.submit(long_task(seed))
        deadline = time.monotonic() + 300.0
        while sum(task.fraction > 0 for task in pool.progress()) < workers:
            assert time.monotonic() < deadline, "the workers did not begin"
            time.sleep(0.2)
        yield [worker for server in psutil.Process().children() for worker in server.children()], pool
    finally:
        pool.close()


class TakeTurns(Callback):
    """Lets the workers go on in every other epoch, and times the steps of each."""

    def __init__(self, processes: list[psutil.Process]) -> None:
        self.processes = processes
        self.blocks: list[tuple[bool, float]] = []

    def on_train_epoch_start(self, trainer, pl_module):
        self.busy = trainer.current_epoch % 2 == 1
        for process in self.processes:
            process.send_signal(signal.SIGCONT if self.busy else signal.SIGSTOP)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if batch_idx == 1:
            self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer, pl_module):
        self.blocks.append((self.busy, (time.perf_counter() - self.began) / (STEPS - 1)))


pytestmark = pytest.mark.usefixtures("one_thread")


def quickest(blocks: list[float]) -> float:
    """The lower quartile: what else the machine does slows some blocks, and never quickens one."""
    return statistics.quantiles(blocks, n=4)[0]


@pytest.mark.slow
@pytest.mark.benchmark
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="with one core all share it")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_step_beside_busy_workers(tmp_path, workers, capsys):
    with computing(workers) as (processes, pool):
        before = [process.cpu_times().user for process in processes]
        turns = TakeTurns(processes)
        options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = Trainer(max_epochs=2 * PAIRS + 1, accelerator="cpu", default_root_dir=tmp_path, callbacks=[turns], **options)
        trainer.fit(Mlp(), flat_data(STEPS * BATCH, batch=BATCH))
        worked = sum(process.cpu_times().user - used for process, used in zip(processes, before, strict=True))
        assert pool.pending == workers, "they were busy to the end"
    busy, idle = ([seconds for was, seconds in turns.blocks if was is which] for which in (True, False))
    ratio = quickest(busy) / quickest(idle)
    share = worked / (STEPS * sum(busy))
    with capsys.disabled():
        cores = os.cpu_count()
        print(
            f"\n{workers} worker(s) on {cores} cores: {quickest(idle) * 1e6:.0f} µs a step, {ratio:.3f} times that beside "
            f"them; they had {share:.2f} of a core"
        )
    assert worked > 1.0
    assert ratio <= (1.25 if workers < (os.cpu_count() or 1) else 1.5)
