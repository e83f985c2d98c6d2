"""Dask's scheduler and workers as processes of their own, which tests can kill."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
from places import PROJECT, SUPPORT

if TYPE_CHECKING:
    from pathlib import Path


class DaskProcesses:
    """Starts a scheduler, and workers with their nannies, by the commands that a user types.

    Args:
        folder: for the files of Dask.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.nannies: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--no-show")
        deadline = time.monotonic() + 60
        while not self._file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    @property
    def address(self) -> str:
        import json

        return json.loads(self._file.read_text())["address"]

    @property
    def name(self) -> str:
        """What the option executor is given."""
        return self.address.replace("tcp://", "dask://")

    def add_worker(self, *first_on_path: Path) -> subprocess.Popen[bytes]:
        """Starts a nanny with one worker of one thread."""
        self.nannies.append(
            self._start(
                "dask_worker", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self._folder), path=first_on_path
            )
        )
        return self.nannies[-1]

    def end(self) -> None:
        for one in (*self.nannies, self.scheduler):
            children = psutil.Process(one.pid).children(recursive=True) if one.poll() is None else []
            one.kill()
            one.wait()
            for child in children:
                if child.is_running():
                    child.kill()

    def _start(self, module: str, *arguments: str, path: tuple[Path, ...] = ()) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*path, PROJECT, SUPPORT))), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(self._file), *arguments]
        return subprocess.Popen(command, env=environment, cwd=self._folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def without_this_package(folder: Path) -> Path:
    """A folder that, first on Python's path, makes a process one in which this package is not installed."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'lightning_iit':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    return folder
