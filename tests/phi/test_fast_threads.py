"""Threads inside an analysis, chosen by its size and by what else the machine does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lightning_iit.job import job
from lightning_iit.phi.pool.cores import available_cores, with_threads
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.records import Computed, Counts, PhiOptions, PhiTask, SystemPhi


def task(n: int, **options: Any) -> PhiTask:
    """Of n units whose next states were drawn from a dense random TPM, 20 times for each state."""
    rng = np.random.default_rng(n)
    on = rng.random((2**n, n)) < rng.random((20, 2**n, n))
    following = (on @ 2 ** np.arange(n)).T
    pairs = [(state, *pair) for state in range(2**n) for pair in zip(*np.unique(following[state], return_counts=True), strict=True)]
    return PhiTask(
        layer="rnn", epoch=0, global_step=1, prior=0.5, states=((0,) * n,), kind="causal", axis="time",
        counts=Counts(
            visits=(20,) * 2**n, on=tuple(map(tuple, on.sum(axis=0).tolist())), joint=tuple(tuple(map(int, pair)) for pair in pairs)
        ),
        labels=tuple(map(str, range(n))), pictures=False, options=PhiOptions(**options),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("n", "asked", "busy", "training", "cores", "threads"),
    [
        (5, 1, 1, False, 8, 1),  # too small
        (5, 3, 1, False, 8, 3),  # but asked for
        (6, 1, 1, True, 8, 7),  # one core is left to training
        (6, 1, 2, True, 8, 3),
        (6, 1, 2, False, 8, 4),
        (7, 1, 1, True, 1, 1),
        (7, 1, 8, False, 2, 1),
        (7, 4, 2, True, 2, 4),
    ],
)
def test_threads_follow_the_size_and_the_idle_cores(n, asked, busy, training, cores, threads):
    given = with_threads(task(n, threads=asked), busy=busy, training=training, cores=cores)
    assert given.options.threads == threads


def test_a_task_without_states_stays_as_it_is():
    empty = PhiTask(layer="rnn", epoch=0, global_step=1, prior=0.5, states=(), kind="causal", axis="time", counts=task(6).counts)
    assert with_threads(empty, busy=1, training=False, cores=8) is empty


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        (task(6), ("phi", "cut", "concepts", "partitioned_concepts")),
        (task(10, formalism="iit4-2023"), ("phi", "signed_phi", "partition", "margin", "ties", "partitions")),
    ],
)
def test_a_worker_takes_the_cores_that_are_idle_and_finds_the_same(asked, parts):
    """A task that is begun in a drain has as many threads as there are cores, one during training one fewer."""
    cores = available_cores()
    pool = WorkerPool("fast_thread_functions:run", timeout=300)
    try:
        meanwhile = pool.submit(asked).result(300)
        first, waiting = pool.submit(task(2)), None
        waiting = pool.submit(asked)
        assert pool.drain(300)
        drained = waiting.result()
        assert first.result().scalars["threads_asked_for"] == 1
    finally:
        pool.close()
    alone = job.run(asked)
    assert meanwhile.scalars["threads_asked_for"] == max(1, cores - 1)
    for result, threads in ((meanwhile, max(1, cores - 1)), (drained, cores)):
        assert result.scalars["threads_seen"] == (threads if threads > 1 else 0)
        assert isinstance(result.states[0].result, (Computed, SystemPhi))
        for name in parts:
            assert getattr(result.states[0].result, name) == getattr(alone.states[0].result, name)
