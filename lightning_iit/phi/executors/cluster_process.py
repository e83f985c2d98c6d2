"""A cluster that was asked for by its name, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from queue import Empty, Queue
from typing import Any

from lightning_iit.errors import InvalidArgumentError

_START = 120.0
"""Seconds that a cluster is given to start; those of its workers that wait in a queue of jobs are not waited for."""
_END = 20.0
"""Seconds that a cluster is given to end, and to cancel its jobs."""


class ClusterProcess:
    """Starts a cluster and keeps its process.

    Args:
        kind: "dask" for workers on this machine, "slurm" for jobs of SLURM.
        workers: how many workers.

    Attributes:
        address: that of the scheduler.

    Raises:
        InvalidArgumentError: the cluster could not be started; the message has its reason.
    """

    def __init__(self, kind: str, workers: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603  this package's own code
            [sys.executable, "-m", "lightning_iit.phi.executors._cluster", kind, str(workers), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the training alone
        )
        said = self._first_line()
        if "address" not in said:
            self.close()
            msg = f"executor={kind!r}: the cluster could not be started: {said.get('error', 'its process ended without a word')}."
            if kind == "slurm":
                msg += (
                    " Its settings are those of Dask (jobqueue.slurm in ~/.config/dask/jobqueue.yaml); give what is missing there."
                )
            raise InvalidArgumentError(msg)
        self.address: str = said["address"]

    def close(self) -> None:
        """Ends the cluster with its workers, and its process."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):
            if self._process.stdout is not None:
                self._process.stdout.close()

    def _first_line(self) -> dict[str, Any]:
        """Returns what the process says of its cluster."""
        lines: Queue[bytes] = Queue()
        stream = self._process.stdout
        if stream is not None:
            threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True, name="lightning-iit-cluster").start()
        try:
            line = lines.get(timeout=_START)
        except Empty:
            return {"error": f"it was not ready within {_START:g} s"}
        return dict(json.loads(line)) if line.strip() else {}
