"""Whose a run's folder is: the file ``iit/owner.json``, and whether the training that wrote it is still running."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

MARKER = "owner.json"
"""The name of the file in a run's folder ``iit`` that says whose the folder is."""
HEARTBEAT_LIMIT = 60.0
"""Seconds after which a training on another machine that gave no sign of life counts as dead."""

_ZOMBIE = "Z"


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Holds whose a run's folder is. The heartbeat is the time at which the file ``owner.json`` was last modified.

    Args:
        run: the run's id; the run's checkpoints hold the same id.
        host: the name of the machine.
        machine: tells machines of one name apart, and each start of a machine; empty where it is not known.
        process: the process id.
        process_started: when the process started, in clock ticks since the machine did; empty where it is not known.
        started: when the training took the folder, in seconds since 1970.
        ended: when the training ended, in seconds since 1970; None while it is running, and for ever if it was killed.
    """

    run: str
    host: str
    machine: str
    process: int
    process_started: str
    started: float
    ended: float | None = None


def read_owner(folder: Path) -> Owner | None:
    """Returns whose a folder is; None where the folder has no ``owner.json``, or one that cannot be read.

    Args:
        folder: the run's folder ``iit``.
    """
    try:
        return msgspec.json.decode((folder / MARKER).read_bytes(), type=Owner)
    except (OSError, msgspec.MsgspecError):
        return None


def is_alive(folder: Path, *, now: float | None = None) -> bool:
    """Returns whether the training that owns a folder is still running.

    On the machine of the training its process decides: the training lives as long as there is a process with the same id and the
    same start. No clock is asked. Elsewhere the heartbeat decides: it is at most 60 s old. This assumes that the clock that stamps
    files and the clock of ``now`` differ by less than 50 s; a heartbeat from the future counts as a sign of life.

    Args:
        folder: the run's folder ``iit``.
        now: the time by the clock that stamps the folder's files, in seconds since 1970; None takes the clock of this machine.

    Returns:
        False where the training has ended or died, and where the folder has no ``owner.json`` (runs of version 0.1.0).
    """
    marker = folder / MARKER
    try:
        with marker.open("rb"):  # a network file system looks up the attributes of a file anew when the file is opened
            beat = marker.stat().st_mtime
    except OSError:
        return False
    owner = read_owner(folder)
    if owner is not None:
        if owner.ended is not None:
            return False
        if owner.machine and owner.machine == this_machine() and not _is_hidden(owner.process):
            return process_start(owner.process) == owner.process_started
    return (time.time() if now is None else now) - beat < HEARTBEAT_LIMIT


def this_machine() -> str:
    """Returns a text that no other machine has, nor a container, nor this machine after its next start; empty but on Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def process_start(process: int) -> str:
    """Returns when a process started, in clock ticks since the machine did; empty where that cannot be seen, and but on Linux."""
    try:
        state, *fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state == _ZOMBIE else fields[18]


def _is_hidden(process: int) -> bool:
    """Returns whether a process exists but shows its start to its own user only, as some clusters have it."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return not process_start(process)
    except OSError:
        pass
    return False
