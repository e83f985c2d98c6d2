"""The files of a training that the studio started, in its run's folder.

::

    <root>/<name>/studio/job.json         what was asked for; written by the studio, once
    <root>/<name>/studio/training.yaml    the same for LightningCLI
    <root>/<name>/studio/started          the studio has started its process; nothing of it is waiting any more
    <root>/<name>/studio/process.json     which process it is; written by that process, first of all
    <root>/<name>/studio/progress.json    what it logged in its last epoch; written by that process
    <root>/<name>/studio/outcome.json     how it ended; written by that process, or by the studio
    <root>/<name>/studio/output.txt       what it printed
"""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import msgspec
import psutil

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.store import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

STUDIO = "studio"
"""The name of the folder in a run's folder."""
YAML, STARTED, OUTPUT = "training.yaml", "started", "output.txt"
_JOB, _PROCESS, _PROGRESS, _OUTCOME = "job.json", "process.json", "progress.json", "outcome.json"
_MOST_BYTES = 1_000_000
_SAME_START = 2.0
"""Starts of a process that differ by less, in seconds, are the same: clocks are set now and then."""

Ending: TypeAlias = Literal["done", "failed", "stopped", "killed"]
"""How a training ended: by itself, by an exception, by the studio, or otherwise from outside."""
Value: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Chosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds a class that was chosen, and the arguments that were given.

    Attributes:
        name: the name of a class of the catalogue, or ``module:Class``.
        values: the arguments that are not at their defaults, by name.
    """

    name: str
    values: dict[str, Value] = {}


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds what is to be trained.

    Attributes:
        network: the network.
        task: the task.
        epochs: how many epochs the training has.
        seeds: the seed of each training.
        iit: the options of ``IITCallback`` that are not at their defaults.
        mlflow: the MLflow store that it logs to, too: a path below the root or the address of a server; empty for none.
    """

    network: Chosen
    task: Chosen
    epochs: int
    seeds: tuple[int, ...]
    iit: dict[str, Value] = {}
    mlflow: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Holds a training as it was asked for.

    Attributes:
        name: the name of its run, which is that of its folder.
        seed: its seed.
        asked: what was asked for, of it and of the trainings with other seeds.
        created: when it was asked for, in seconds since 1970.
    """

    name: str
    seed: int
    asked: Asked
    created: float


class ProcessId(msgspec.Struct, frozen=True, kw_only=True):
    """Says which process a training is.

    Attributes:
        host: the name of the machine.
        process: the process id.
        started: when the process started, in seconds since 1970.
    """

    host: str
    process: int
    started: float

    @classmethod
    def of_this(cls) -> ProcessId:
        """Returns that of this process."""
        own = psutil.Process()
        return cls(host=platform.node(), process=own.pid, started=own.create_time())

    def find(self) -> psutil.Process | None:
        """Returns the process; None where it has ended, or another one has its id."""
        if self.host != platform.node():
            return None
        try:
            found = psutil.Process(self.process)
            is_same = abs(found.create_time() - self.started) < _SAME_START
            return found if is_same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Holds what a training logged in its last epoch.

    Attributes:
        epoch: the epoch.
        metrics: the numbers it logged, by name.
    """

    epoch: int
    metrics: dict[str, float]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Says how a training ended.

    Attributes:
        state: how.
        reason: why, in a sentence; empty for one that ended by itself.
    """

    state: Ending
    reason: str = ""


def studio_folder(run: Path) -> Path:
    """Returns the studio's folder in a run's folder."""
    return run / STUDIO


def write_job(run: Path, job: Job, yaml: str) -> None:
    """Writes a training as it was asked for; its folder is there already.

    Raises:
        OSError: the files cannot be written.
    """
    write_atomically(studio_folder(run) / YAML, yaml.encode())
    write_atomically(studio_folder(run) / _JOB, msgspec.json.encode(job))


def read_job(run: Path) -> Job | None:
    """Returns a training as it was asked for; None where the studio did not start this run."""
    return _read(run, _JOB, Job)


def write_process(run: Path, process: ProcessId) -> None:
    """Writes which process a training is."""
    write_atomically(studio_folder(run) / _PROCESS, msgspec.json.encode(process))


def read_process(run: Path) -> ProcessId | None:
    """Returns which process a training is; None where it has not said so."""
    return _read(run, _PROCESS, ProcessId)


def write_progress(run: Path, progress: Progress) -> None:
    """Writes what a training logged in its last epoch."""
    write_atomically(studio_folder(run) / _PROGRESS, msgspec.json.encode(progress))


def read_progress(run: Path) -> Progress | None:
    """Returns what a training logged in its last epoch; None where it has not ended one."""
    return _read(run, _PROGRESS, Progress)


def write_outcome(run: Path, outcome: Outcome) -> None:
    """Writes how a training ended, unless that is known already: the first one who says it knows it best."""
    if not (studio_folder(run) / _OUTCOME).exists():
        write_atomically(studio_folder(run) / _OUTCOME, msgspec.json.encode(outcome))


def read_outcome(run: Path) -> Outcome | None:
    """Returns how a training ended; None where it has not ended, or nobody could say so."""
    return _read(run, _OUTCOME, Outcome)


def last_output(run: Path, most: int = 4_000) -> str:
    """Returns the end of what a training printed, of at most so many bytes."""
    try:
        with (studio_folder(run) / OUTPUT).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read().decode(errors="replace")
            return (text if size <= most else text.partition("\n")[2]).strip()
    except OSError:
        return ""


def _read(run: Path, name: str, kind: type[_Struct]) -> _Struct | None:
    """Reads a file of a training; None where there is none that can be read."""
    try:
        return msgspec.json.decode(read_regular(studio_folder(run) / name, _MOST_BYTES), type=kind)
    except (OSError, RecordError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
