"""Processes of trainings: started apart from the studio, found again, and ended with all that they have started."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

import psutil

from lightning_iit.records.disk.owner import is_alive
from lightning_iit.records.names import FOLDER
from lightning_iit.studio.records import OUTPUT, STARTED, YAML, read_outcome, read_process, studio_folder

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_iit.studio.records import Ending

Stage: TypeAlias = "Ending | Literal['waiting', 'running', 'lost']"
"""What a training is at; "lost" is one whose process has gone without a word."""
_TO_END = 30.0
"""The most seconds in which a training that was asked to end may tell its loggers so: else a run in MLflow goes on for ever."""
_TO_GO = 5.0
"""The most seconds until what was killed is gone."""
_BEGIN_SECONDS = 120.0
"""A process that has not said which one it is after so many seconds did not begin."""


def start(run: Path) -> subprocess.Popen[bytes]:
    """Starts the training of a run in a process and a session of its own, which outlives this process.

    Raises:
        OSError: it cannot be started.
    """
    folder = studio_folder(run)
    (folder / STARTED).touch()
    arguments = ["--job", str(run), "fit", "--config", str(folder / YAML)]
    with (folder / OUTPUT).open("wb") as output:
        return subprocess.Popen(  # noqa: S603  this package, with the studio's own file
            [sys.executable, "-m", "lightning_iit.studio.train", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def stage(run: Path) -> Stage:
    """Returns what the training of a run is at, as its files and the processes of this machine say."""
    if (outcome := read_outcome(run)) is not None:
        return outcome.state
    process = read_process(run)
    if process is not None:
        is_here = process.host == platform.node()
        return "running" if (process.find() is not None if is_here else is_alive(run / FOLDER)) else "lost"
    try:
        began = (studio_folder(run) / STARTED).stat().st_mtime
    except OSError:
        return "waiting"
    return "running" if time.time() - began < _BEGIN_SECONDS else "lost"


def end(process: psutil.Process) -> None:
    """Ends a training with all processes that it has started: asks it, waits for its last words, and then ends them all."""
    below = _below(process)
    with suppress(psutil.Error):
        process.terminate()
    psutil.wait_procs([process], timeout=_TO_END)
    rest = {*below, *_below(process), process}
    for one in rest:
        with suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(rest, timeout=_TO_GO)


def _below(process: psutil.Process) -> set[psutil.Process]:
    """Returns the processes that a process has started, and those of its session, which may have lost their parents."""
    found: set[psutil.Process] = set()
    with suppress(psutil.Error):
        found.update(process.children(recursive=True))
    if not hasattr(os, "getsid"):
        return found
    for one in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            if one.pid != process.pid and os.getsid(one.pid) == process.pid:
                found.add(one)
    return found


def ending_words(status: int) -> str:
    """Returns how a process ended, in a sentence, of its exit status as ``subprocess`` has it."""
    if status < 0:
        with suppress(ValueError):
            return f"Its process was ended by {signal.Signals(-status).name}; where memory was short, by the system."
    return f"Its process ended with status {status} and said no more."
