"""Where a run's files are, told by the process that trains to the one that started it (``ddp_spawn``, ``ddp_notebook``)."""

from __future__ import annotations

import os
from ctypes import c_char
from multiprocessing.context import get_spawning_popen
from multiprocessing.sharedctypes import RawArray
from typing import TYPE_CHECKING, Any

from lightning_iit.records import Open, Records
from lightning_iit.records.store import load_run

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 4096


class SharedRun:
    """Holds a run's directory in memory that processes share which ``multiprocessing`` starts with this object, forked or spawned.

    A copy and a pickle share nothing: each is a new object without a directory.
    """

    def __init__(self) -> None:
        self._path = RawArray(c_char, _LONGEST)

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns how the object is made again; only a process that is being started gets the same memory."""
        return SharedRun, (), None if get_spawning_popen() is None else {"_path": self._path}

    def tell(self, run_dir: Path | None) -> None:
        """Tells the other processes the run's directory, None where the run writes no files."""
        self._path.value = b"" if run_dir is None else os.fsencode(run_dir.absolute())

    def records(self) -> Records | None:
        """Reads the records whose analyses have ended from the run's files; returns None where no run was told.

        Raises:
            RecordError: the files are there no more.
        """
        if not self._path.value:
            return None
        return Records(record for record in load_run(os.fsdecode(self._path.value)) if not isinstance(record.result, Open))
