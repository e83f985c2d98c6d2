"""The code of a process that holds a cluster: ``python -m lightning_iit.phi.executors._cluster {dask,slurm} WORKERS``.

The cluster is not in the process that trains: workers of Dask import the main module of the process that starts them, which would
run a user's script again, and a scheduler draws from Python's random numbers, which belong to the training.

The process writes one line of JSON, with the address of the scheduler or why there is no cluster. It ends, with the cluster and its
jobs, once its input ends or the process that started it has died.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

_EVERY = 1.0
"""Seconds between two looks at whether the process that started this one is still there."""


def main(kind: str, workers: int, parent: int) -> None:
    """Makes a cluster, says its address, and keeps the cluster until nobody needs it.

    Args:
        kind: "dask" or "slurm".
        workers: how many workers, of one thread each with "dask", and as Dask's configuration says with "slurm".
        parent: the process that started this one.
    """
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what else is printed must not come between
    try:
        cluster = make_cluster(kind, workers)
    except Exception as error:  # noqa: BLE001  told to the process that started this one
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=told, flush=True)
        return
    with cluster:
        print(json.dumps({"address": cluster.scheduler_address}), file=told, flush=True)
        wait_for_end(parent)


def make_cluster(kind: str, workers: int) -> Any:
    """Makes a cluster of workers on this machine, or of jobs of SLURM."""
    if kind == "slurm":
        from dask_jobqueue import SLURMCluster

        cluster = SLURMCluster()
        cluster.scale(workers)
        return cluster
    from distributed import LocalCluster

    return LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)


def wait_for_end(parent: int) -> None:
    """Waits until the input ends, or the parent has died: another process may hold the other end of the input."""
    while os.getppid() == parent:
        if sys.platform == "win32":
            sys.stdin.read()
            return
        if select.select([0], [], [], _EVERY)[0] and not os.read(0, 1024):
            return


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
