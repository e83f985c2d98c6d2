"""Measures what a cluster costs: see docs/cluster.md. ``cluster.txt`` is what it printed.

    nice python tests/benchmarks/measure_cluster.py [analyses, 200] [rounds, 10] > tests/benchmarks/cluster.txt

So many analyses of six units, one thread each, are computed by two bare processes that do nothing else, by the local pool with two
workers, and by two workers of Dask, in turns in one run. Shares are those of the throughput of the bare processes. Then one survey
with 200 resamples is computed in one piece and in parts, and an empty task by either pool.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context

import msgspec
import numpy as np
import psutil
from distributed import LocalCluster

from lightning_iit.job.job import run, warm_up
from lightning_iit.job.split import with_parts
from lightning_iit.phi.executors.opening import open_executor
from lightning_iit.phi.pool.cores import available_cores
from lightning_iit.phi.pool.executor_pool import ExecutorPool
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.phi.pool.remote import packed, run_limited
from lightning_iit.records import Counts, PhiTask, SurveyGroup, Units
from lightning_iit.tpm.estimate import estimate_tpm

WORKERS, UNITS = 2, 6


def tasks(number: int) -> list[PhiTask]:
    """Analyses of six units each, of watched states with some order in them."""
    made = []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        weights, state, states = rng.normal(0, 1, (UNITS, UNITS)), np.zeros(UNITS, int), []
        for _ in range(3000):
            state = (rng.random(UNITS) < 1 / (1 + np.exp(-weights @ (2 * state - 1)))).astype(int)
            states.append(state)
        last = tuple(int(bit) for bit in state)
        about = {"layer": "trial", "epoch": seed, "global_step": seed, "kind": "observational", "axis": "time", "pictures": False}
        made.append(PhiTask(counts=estimate_tpm(np.array(states)).counts, prior=0.5, states=(last,), **about))
    return made


def bare(inbox, outbox) -> None:
    """Computes tasks until there is none; nothing is between the tasks and the engine."""
    warm_up()
    outbox.put(None)
    while (task := inbox.get()) is not None:
        outbox.put(run(task).states[0].result.phi)


class BareProcesses:
    """Two processes that compute, and nothing else."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.inbox, self.outbox = context.Queue(), context.Queue()
        self.processes = [context.Process(target=bare, args=(self.inbox, self.outbox)) for _ in range(WORKERS)]
        for process in self.processes:
            process.start()
        for _ in self.processes:
            self.outbox.get()

    def compute(self, given: list[PhiTask]) -> list[float]:
        """Returns the Φ, in any order."""
        for task in given:
            self.inbox.put(task)
        return [self.outbox.get() for _ in given]

    def end(self) -> None:
        for _ in self.processes:
            self.inbox.put(None)
        for process in self.processes:
            process.join()


def by(pool, given: list[PhiTask]) -> list[float]:
    """Returns the Φ that a pool computes."""
    futures = [pool.submit(task) for task in given]
    return [future.result().states[0].result.phi for future in futures]


def overhead(pool, task: PhiTask, number: int = 1000) -> tuple[float, float, float, float]:
    """Returns milliseconds for an empty task and back; for each of many at once; of processor time, and that of this process."""
    empty = msgspec.structs.replace(task, timeout=60.0)
    pool.submit(empty).result()
    alone = []
    for _ in range(number // 4):
        began = time.monotonic()
        pool.submit(empty).result()
        alone.append(time.monotonic() - began)
    began, busy, here = time.monotonic(), used(), time.process_time()
    for future in [pool.submit(empty) for _ in range(number)]:
        future.result()
    each = (time.monotonic() - began, used() - busy, time.process_time() - here)
    return 1000 * statistics.median(alone), *(1000 * seconds / number for seconds in each)


def survey(groups: int = 20, units: int = 4, resamples: int = 200) -> PhiTask:
    """One task with the survey of a layer, as the untrained network and the last epoch of a perturbed layer have it."""
    every, made = list(product((0, 1), repeat=units)), []
    rng = np.random.default_rng(0)
    for group in range(groups):
        visits = rng.integers(1, 100, 2**units)
        on = rng.binomial(visits[:, None], rng.random((2**units, units)))
        counts = Counts(visits=tuple(visits.tolist()), on=tuple(map(tuple, on.tolist())), joint=())
        order = sorted(range(2**units), key=lambda index: -visits[index])
        made.append(
            SurveyGroup(
                units=Units(indices=tuple(range(group, group + units)), width=64, selection="given"),
                counts=counts,
                states=tuple(tuple(reversed(every[index])) for index in order),
                visits=tuple(int(visits[index]) for index in order),
            )
        )
    about = {"layer": "survey", "epoch": 0, "global_step": 0, "kind": "causal", "axis": "time", "pictures": False, "prior": 0.5}
    drawn = tuple(rng.random((resamples, 2**units, units)).tobytes() for _ in made)
    return PhiTask(counts=made[0].counts, states=made[0].states[:1], survey=tuple(made), resampled=drawn, **about)


def print_survey(pools: dict[str, WorkerPool | ExecutorPool], rounds: int = 3) -> None:
    """Prints how long one survey with 200 resamples takes in one piece and in parts, in turns."""
    whole = survey()
    began = time.monotonic()
    wanted = run(whole).survey
    analyses = sum(len(group.states) + 2 * 200 for group in whole.survey)
    parts = with_parts(whole, (time.monotonic() - began) / analyses)
    for name, pool in pools.items():
        took: dict[str, list[float]] = {"one piece": [], "parts": []}
        for _ in range(rounds):
            for way, task in (("one piece", whole), ("parts", parts)):
                began = time.monotonic()
                assert pool.submit(task).result().survey == wanted
                took[way].append(time.monotonic() - began)
        one, several = (statistics.median(each) for each in took.values())
        print(
            f"{name}, one survey of {len(whole.survey)} groups with 200 resamples: {one:.2f} s in one piece, {several:.2f} s in "
            f"{len(parts.split)} parts by {WORKERS} workers, ratio {several / one:.2f} (medians of {rounds})"
        )


def used() -> float:
    """Returns the seconds of processor time that this process and those below it have used, the ended ones too."""
    seconds = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def main(number: int, rounds: int) -> None:
    now, versions = (
        f"{datetime.now(timezone.utc):%Y-%m-%d}",
        ", ".join(f"{name} {version(name)}" for name in ("numpy", "distributed")),
    )
    print(f"{now}, Python {platform.python_version()}, {versions}, {available_cores()} cores")
    given = tasks(number)
    size = number // rounds
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster, cluster.get_client() as client:
        local = WorkerPool(workers=WORKERS, max_queued=10 * number)
        dask = ExecutorPool(open_executor(client, 1), max_queued=10 * number)
        processes = BareProcesses()
        ways = {"bare processes": processes.compute, "local pool": partial(by, local), "Dask": partial(by, dask)}
        for compute in ways.values():  # starts the processes
            compute(given[: 2 * WORKERS])
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for turn in range(rounds):
            part, found = given[turn * size : (turn + 1) * size], []
            for name, compute in ways.items():
                began, busy = time.monotonic(), used()
                found.append(sorted(compute(part)))
                took[name].append((time.monotonic() - began, used() - busy))
            assert found[0] == found[1] == found[2]
            shares = ", ".join(f"{name} {took[name][-1][0]:.2f} s" for name in ways)
            print(f"round {turn + 1}, {size} analyses of {UNITS} units: {shares}", flush=True)
        processes.end()
        for name in ("local pool", "Dask"):
            pairs = list(zip(took["bare processes"], took[name], strict=True))
            share = statistics.median(bare[0] / other[0] for bare, other in pairs)
            total = sum(bare[0] for bare, _ in pairs) / sum(other[0] for _, other in pairs)
            processor = sum(other[1] for _, other in pairs) / sum(bare[1] for bare, _ in pairs)
            print(
                f"{name}: throughput {share:.3f} of that of bare processes (median of {rounds} rounds; {total:.3f} over all); "
                f"processor time {processor:.3f} of theirs"
            )
        print_survey({"local pool": local, "Dask": dask})
        print(f"processor time of one analysis: {sum(one[1] for one in took['bare processes']) / number:.3f} s")
        local.close()
    print_overheads()


def print_overheads() -> None:
    """Prints what an empty task takes, of a cluster that has done nothing else."""
    empty, task = "lightning_iit.phi.pool.trial:answer", tasks(1)[0]
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster, cluster.get_client() as client:
        for name, pool in (
            ("local pool", WorkerPool(empty, workers=WORKERS, max_queued=10**4)),
            ("Dask", ExecutorPool(open_executor(client, 1), empty, max_queued=10**4)),
        ):
            alone, many, busy, here = overhead(pool, task)
            print(f"{name}, empty tasks: {alone:.1f} ms there and back; of many {many:.1f} ms each,", end=" ")
            print(f"{busy:.1f} ms of processor time, {here:.1f} ms of them in the process of client and scheduler")
            pool.close()
    answer = run_limited("lightning_iit.job.job:run", packed(task), 60.0, version("lightning-iit"))
    print(f"{len(packed(task))} bytes out, {len(answer)} bytes back, for {UNITS} units in one state")


if __name__ == "__main__":
    main(*(int(text) for text in (sys.argv[1:] or ("200", "10"))))
