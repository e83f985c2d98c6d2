"""Trains on Ray and submitit and compares with a training on this machine; run by ``run.py``, which prints what this writes."""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import psutil
import ray
import submitit
from executor_training import fit
from pool_tasks import task, wait_until
from training import comparable

from lightning_iit.phi.executors.opening import executor_words, open_executor
from lightning_iit.phi.pool.executor_pool import ExecutorPool
from lightning_iit.records import Computed, TimedOut

TRAINING = {"tpm": "observe", "surrogates": 5, "extra_budget": 0.0}


def check(name: str, given: object, local: list[dict], folder: Path) -> bool:
    """Compares one executor with this machine; writes a line for each finding."""
    began = time.monotonic()
    records = fit(folder / executor_words(given), executor=given, **TRAINING)[0].records
    took = time.monotonic() - began
    findings = {
        f"all {len(records)} records of a training are Computed ({took:.0f} s)": all(
            isinstance(record.result, Computed) for record in records
        ),
        "they are equal to those of the local pool": [comparable(record) for record in records] == local,
    }
    pool = ExecutorPool(open_executor(given, 1), "pool_functions:run", timeout=1.0)
    late = pool.submit(task("hold:60")).result(120).states
    findings["a task that runs too long is ended at its limit"] = [type(one.result) for one in late] == [Computed, TimedOut]
    file = folder / f"{executor_words(given)}-{type(given).__name__}-killed"
    future = pool.submit(task(f"begun:{file}", timeout=300.0))
    wait_until(lambda: file.exists() and bool(file.read_text().split()), 120)
    # The process that computes has the fork server for a parent, and that one the worker of the executor.
    psutil.Process(int(file.read_text().split()[0])).parent().parent().kill()
    again = future.result(300).states
    findings["a worker that is killed in mid-task costs nothing"] = [type(one.result) for one in again] == [Computed, Computed]
    pool.submit(task("ok")).result(120)
    seconds = []
    for _ in range(5):
        before = time.monotonic()
        pool.submit(task("ok")).result(120)
        seconds.append(time.monotonic() - before)
    pool.close()
    with (folder / "found.txt").open("a") as file:
        file.write(f"{name} {version(name)}, executor={executor_words(given)}\n")
        file.writelines(f"  {'yes' if holds else 'NO '}  {words}\n" for words, holds in findings.items())
        file.write(f"  {1000 * sorted(seconds)[2]:.0f} ms for a task and back (median of 5)\n\n")
    return all(findings.values())


def main(folder: Path) -> int:
    local = [comparable(record) for record in fit(folder / "local", **TRAINING)[0].records]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    right = check("ray", ray, local, folder)
    right &= check("ray", "ray", local, folder)
    ray.shutdown()
    jobs = submitit.AutoExecutor(folder=folder / "jobs", cluster="local")
    jobs.update_parameters(timeout_min=10)
    right &= check("submitit", jobs, local, folder)
    return 0 if right else 1


if __name__ == "__main__":
    print(f"lightning-iit {version('lightning-iit')}, process {os.getpid()}", file=sys.stderr)
    sys.exit(main(Path(sys.argv[1])))
