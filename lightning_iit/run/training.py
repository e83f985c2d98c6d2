"""The run of one callback: its folder and its computation, through all fits of the callback.

The process that trains tells the one that started it (``ddp_spawn``, ``ddp_notebook``) where the run's files are.
"""

from __future__ import annotations

import os
from ctypes import c_char
from dataclasses import replace
from multiprocessing.context import get_spawning_popen
from multiprocessing.sharedctypes import RawArray
from typing import TYPE_CHECKING, Any

from lightning.pytorch.utilities import rank_zero_warn

from lightning_iit.errors import RecordError
from lightning_iit.records import Open, Records
from lightning_iit.records.steering.folder import answers_in
from lightning_iit.records.store import load_run
from lightning_iit.run.folder import RunFolder, take_folder
from lightning_iit.run.resume import earlier_part
from lightning_iit.run.trainer import is_last
from lightning_iit.watch.guard import training_goes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from lightning.pytorch import Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.phi.pool.open_task import TaskProgress
    from lightning_iit.run.computation import Computation
    from lightning_iit.run.options import RunOptions
    from lightning_iit.run.run import Asked
    from lightning_iit.run.trainer import LatestFit
    from lightning_iit.watch.watch import Watch

_LONGEST = 4096
"""The most bytes of a directory's path."""


class TrainingRun:
    """Holds the run of a callback on the first rank; on other ranks it is never begun, and all methods do nothing.

    A copy and a pickle have the records, and are not begun.
    """

    def __init__(self) -> None:
        self._work: Computation | None = None
        self._folder: RunFolder | None = None
        self._shared = SharedRun()
        self._kept = Records()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_work": None, "_folder": None, "_kept": self.records}

    @property
    def begun(self) -> bool:
        """Returns whether a run was begun in this process."""
        return self._work is not None

    @property
    def run_dir(self) -> Path | None:
        """Returns the directory of the run's files; None where it writes none."""
        return None if self._folder is None else self._folder.run_dir

    @property
    def run(self) -> str:
        """Returns the run's id; empty where it writes no files."""
        return "" if self._folder is None else self._folder.run

    @property
    def records(self) -> Records:
        """Returns the records whose analyses have ended; those of another process where that one has trained."""
        if self._work is not None:
            return self._work.records
        try:
            return self._shared.records() or self._kept  # where processes that Lightning started have trained
        except RecordError as error:
            rank_zero_warn(f"IITCallback.records: {error}")
            return self._kept

    @property
    def newest(self) -> Records:
        """Returns of each layer the newest record of an epoch with a Φ and the newest without one."""
        return Records() if self._work is None else self._work.run.analyses.newest

    def progress(self) -> tuple[TaskProgress, ...]:
        """Returns how far each open analysis is."""
        return () if self._work is None else self._work.pool.progress()

    # --- one fit after the other --------------------------------------------------------------------------------------

    def begin(
        self,
        wanted: Path | None,
        compute: Callable[[Path | None], Computation],
        *,
        numbered: bool,
        restored: Mapping[str, Any],
        before: LatestFit | None,
    ) -> None:
        """Begins a run, or continues that of a checkpoint or of the fit before.

        Args:
            wanted: the directory of the run's files, see :func:`~lightning_iit.run.folder.take_folder`; None for no files.
            compute: makes what computes, given the directory that was taken.
            numbered: whether the runs below ``wanted`` are numbered.
            restored: the callback's state in the checkpoint; empty where none is resumed.
            before: the fit of this object that is continued; None for none.
        """
        resumed = restored.get("run_id", "") if restored else None
        if self._folder is not None:
            self._folder.end()
            resumed = self._folder.run if before is not None else resumed
        self._folder = None if wanted is None else take_folder(wanted, numbered=numbered, resumed=resumed)
        self._shared.tell(self.run_dir)
        if before is not None and self._work is not None:
            earlier = replace(self._work.part(), folder=before.run_dir, here=before.run_dir == self.run_dir)
        else:
            earlier = earlier_part(restored, self.run_dir)
        self._work = compute(self.run_dir)
        self._work.run.take_up(earlier)

    def submit(
        self,
        trainer: Trainer,
        watch: Watch,
        captured: Sequence[LayerEpoch],
        *,
        epoch: int,
        step: int | None,
        analysed: bool,
        wait: bool,
        limit: float | None,
        asked: Asked | None = None,
    ) -> None:
        """Submits the captured layers of an epoch, or of a part of it, for analysis.

        Args:
            trainer: the trainer, at the step of capture.
            watch: captured the layers.
            captured: the captured epoch of each layer.
            epoch: the epoch, -1 for the untrained network.
            step: of a capture within an epoch the global step; None for a whole epoch.
            analysed: False only adds the counts to the windows.
            wait: whether to wait for the analyses.
            limit: the longest wait in seconds; None waits as long as an analysis takes.
            asked: what somebody asked of this analysis; None for one of the run's own.
        """
        if self._work is None:
            return
        futures = self._work.submit(
            watch,
            captured,
            epoch=epoch,
            global_step=trainer.global_step if epoch >= 0 else 0,
            last=epoch >= 0 and step is None and is_last(trainer, epoch),
            analysed=analysed,
            step=step,
            asked=asked,
            waits=wait,
        )
        if wait:
            self._work.wait(futures, limit)

    def change(self, options: RunOptions, described: Mapping[str, str], *, anew: Collection[str], epoch: int) -> None:
        """Takes other options for all epochs from one on; see :meth:`Computation.change`."""
        if self._work is not None:
            self._work.change(options, described, anew=anew, epoch=epoch)

    def end_epoch(self, epoch: int) -> None:
        """Takes the number of the epoch that has ended; the model now has the weights of its end."""
        if self._work is not None:
            self._work.epoch_ended(epoch)

    def pump(self) -> None:
        """Lets the trackers that write in the training's own thread write what waits for them."""
        if self._work is not None:
            self._work.journal.pump()

    def finish(self, timeout: float) -> None:
        """Waits for the open analyses, and then for the judgement of each layer's last Φ, ``timeout`` seconds each at most."""
        if self._work is not None:
            self._work.finish(timeout)
            self._work.judge_last()
            self._work.finish(timeout)

    def end(self, timeout: float, *, table: bool, error: BaseException | None = None) -> None:
        """Ends the fit: every record is kept, the workers and trackers end, and the folder is left. Never raises an Exception.

        Args:
            timeout: the seconds that open analyses are given.
            table: whether a table of the last epoch is printed.
            error: the error that ended the training; None where it ended by itself. After Ctrl-C no open analysis is waited for.
        """
        with training_goes_on("closing" if error is None else "keeping what was computed"):
            if self._work is not None and isinstance(error, (KeyboardInterrupt, SystemExit)):
                self._work.abandon(f"Training was interrupted ({type(error).__name__}) before this analysis ended.")
            self._close(timeout, table=table, failed=error is not None)
        with training_goes_on("leaving the run's folder"):
            if self._folder is not None:
                self._folder.end()

    def _close(self, timeout: float, *, table: bool, failed: bool) -> None:
        """Ends the computation and has the report written; does nothing where it is closed."""
        work = self._work
        if work is None or work.closed:
            return
        work.finish(timeout)
        with training_goes_on("writing the report"):
            told = () if self.run_dir is None else answers_in(self.run_dir)
            work.report(work.records, table=table, told=told)
        work.close(failed=failed)

    def state_dict(self) -> dict[str, Any]:
        """Returns the run's id and its open analyses as plain values, for a checkpoint."""
        state: dict[str, Any] = {}
        if self._folder is not None:
            state["run_id"] = self._folder.run
        if self._work is not None:
            state["run"] = self._work.part(waits=False).state_dict()
        return state


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
