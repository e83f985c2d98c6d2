"""The queue of trainings: so many run at once, the others wait. All of it lies in files, so the next studio goes on with it."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil
from filelock import FileLock, Timeout

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.studio.processes import end, ending_words, stage, start
from lightning_iit.studio.records import Job, Outcome, read_job, read_outcome, read_process, studio_folder, write_job, write_outcome
from lightning_iit.studio.request import as_yaml, checked, name_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from lightning_iit.studio.records import Asked

_LOCK = ".studio.lock"
_TURN = 0.3
"""Seconds between two looks at the queue."""
_MOST_WAITING = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_GONE = "Its process is gone without a word: ended from outside, or with the machine."


class NotNow(Exception):  # noqa: N818  no fault: it is the answer
    """Says why something cannot be done now, in a sentence."""


class TrainingQueue:
    """Starts trainings in a folder, at most so many at once, and ends them.

    Args:
        root: the folder of the runs; made where it is not there.
        at_once: how many trainings run at once.
        allowed: the modules of the user's own whose classes may be trained.
        servers: the addresses of the MLflow servers that trainings may log to.

    Raises:
        InvalidArgumentError: another studio has this folder.
        OSError: the folder cannot be written.
    """

    def __init__(self, root: Path, *, at_once: int = 1, allowed: Sequence[str] = (), servers: Sequence[str] = ()) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root: Path = root.resolve()
        self.at_once: int = at_once
        self.allowed: tuple[str, ...] = tuple(allowed)
        self.servers: tuple[str, ...] = tuple(servers)
        self._taken = FileLock(self.root / _LOCK)
        try:
            self._taken.acquire(timeout=0)
        except Timeout:
            msg = f"{root}: another studio has this folder. Use its page, end it, or give another --root."
            raise InvalidArgumentError(msg) from None
        self._own: dict[str, subprocess.Popen[bytes]] = {}
        self._jobs: dict[str, Job] = {}
        self._over: set[str] = set()
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="studio-queue", daemon=True)

    def begin(self) -> None:
        """Begins to start what waits."""
        self._thread.start()

    def close(self) -> None:
        """Starts nothing any more, and gives the folder free; what runs goes on."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._taken.release()

    def ask(self, asked: Asked) -> tuple[str, ...]:
        """Puts trainings into the queue, one of each seed; returns the names of their runs.

        Raises:
            InvalidArgumentError: it cannot be trained.
            NotNow: too many are waiting.
            OSError: the folder cannot be written.
        """
        plan = checked(asked, self.root, self.allowed, self.servers)
        with self._lock:
            waiting = sum(stage(self.root / name) == "waiting" for name in self.names() if name not in self._over)
            if waiting + len(asked.seeds) > _MOST_WAITING:
                msg = f"{waiting} trainings are waiting already; at most {_MOST_WAITING} can."
                raise NotNow(msg)
            return tuple(self._put(asked, plan, seed) for seed in asked.seeds)

    def stop(self, name: str) -> None:
        """Ends a training with all its processes, or takes it out of the queue.

        Raises:
            LookupError: there is no such training.
            NotNow: it has ended already, or cannot be ended from here.
        """
        run = self.run(name)
        with self._lock:
            at = stage(run)
            if at == "waiting":
                write_outcome(run, Outcome(state="stopped", reason="It was taken out of the queue before it began."))
                return
            process = self._process(name)
            if at != "running" or process is None:
                msg = (
                    "It does not run any more."
                    if at != "running"
                    else "Its process cannot be seen from here; try again in a moment."
                )
                raise NotNow(msg)
            write_outcome(run, Outcome(state="stopped", reason="It was ended from the studio."))
        end(process)

    def names(self) -> list[str]:
        """Returns the names of the runs that a studio has started in this folder, in the order in which they were asked for."""
        found = [job for path in self.root.iterdir() if _NAME.fullmatch(path.name) and (job := self._job(path)) is not None]
        return [job.name for job in sorted(found, key=lambda job: (job.created, job.name))]

    def run(self, name: str) -> Path:
        """Returns the folder of a run.

        Raises:
            LookupError: there is no such run of a studio.
        """
        path = self.root / name if _NAME.fullmatch(name) else None
        if path is None or self._job(path) is None:
            raise LookupError(name)
        return path

    def _job(self, path: Path) -> Job | None:
        """Returns what was asked for in a folder; None for a link, or where no studio has asked for it."""
        if path.is_symlink() or studio_folder(path).is_symlink():
            return None
        job = self._jobs.get(path.name) or read_job(path)
        if job is None or job.name != path.name or not path.is_dir():
            return None
        self._jobs[path.name] = job  # it is written once
        return job

    def _process(self, name: str) -> psutil.Process | None:
        """Returns the process of a training; None where it cannot be seen."""
        known = read_process(self.root / name)
        if known is not None:
            return known.find()
        if (own := self._own.get(name)) is None or own.poll() is not None:
            return None
        return psutil.Process(own.pid)

    def _put(self, asked: Asked, plan: dict[str, Any], seed: int) -> str:
        """Makes the folder of a training; returns its name."""
        base, number = name_of(asked), 1
        while True:
            run = self.root / f"{base}-{number}"
            try:
                run.mkdir()
                break
            except FileExistsError:
                number += 1
        job = Job(name=run.name, seed=seed, asked=asked, created=time.time())
        write_job(run, job, as_yaml(plan, seed=seed, run=run))
        return run.name

    def _run(self) -> None:
        """Looks after the queue until it is closed."""
        while not self._ended.wait(_TURN):
            try:
                with self._lock:
                    self._turn()
            except OSError:
                continue  # the folder cannot be read at this moment

    def _turn(self) -> None:
        """Notes which trainings have ended, and starts those that may begin."""
        for name, own in list(self._own.items()):
            if (status := own.poll()) is not None:
                del self._own[name]
                write_outcome(self.root / name, Outcome(state="killed", reason=ending_words(status)))
        stages = {name: stage(self.root / name) for name in self.names() if name not in self._over}
        for name, at in stages.items():
            if at == "lost" and name not in self._own and read_outcome(self.root / name) is None:
                write_outcome(self.root / name, Outcome(state="killed", reason=_GONE))
        self._over.update(name for name, at in stages.items() if at not in {"waiting", "running", "lost"} and name not in self._own)
        free = self.at_once - sum(at == "running" for at in stages.values())
        for name in [name for name, at in stages.items() if at == "waiting"][: max(0, free)]:
            try:
                self._own[name] = start(self.root / name)
            except OSError as error:
                write_outcome(self.root / name, Outcome(state="failed", reason=f"It cannot be started: {error}."))
