"""How far a training is, written into the folder of commands while somebody looks.

::

    <run_dir>/iit/control/looked-at      renamed anew every two seconds by a page's server while a page is open
    <run_dir>/iit/control/status.json    written by the training, at most twice a second, while the file above is young; and once
                                         more at its end, if it was written before

Both are renamed into their places, so that the folder's time of change tells the training of them; nobody's clock is asked.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

STATUS, LOOKED_AT = "status.json", "looked-at"
"""The names of the two files."""
LOOK_SECONDS = 2.0
"""Whoever looks says so again after so many seconds."""
FORGET_SECONDS = 7.0
"""After so many seconds without a sign nobody looks any more."""
_MOST_BYTES = 65_536

Pace: TypeAlias = Literal["running", "paused", "ending"]
"""What a training does: it makes steps, waits for a command, or has made its last step and waits for its last analyses."""


class TrainingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Holds how far a training is.

    Args:
        run: the run's id, as its ``owner.json`` has it.
        pace: what the training does.
        epoch: the trainer's current epoch; of one that is ending, how many epochs it has made.
        epochs: how many epochs the training is to have; None without a limit.
        ends: whether it ends after this epoch, on a command or since something else has asked for it.
        broken: whether an error or an interrupt ended it; of one that ends by itself, or on a command, false.
        batch: how many batches of the epoch were trained on.
        batches: how many the epoch has; None where that is not known.
        step: the trainer's global step.
        steps: how many steps the training has at most; None without a limit.
        loss: what the last training step returned; None where it returned none, or is not known yet.
        seconds_left: about how long the training goes on; None where that is not known.
        waiting: how many analyses have no result yet.
        layers: the layers that are watched.
        written: when this was written, in seconds since 1970 by the training's clock.
    """

    run: str
    pace: Pace
    epoch: int
    step: int
    written: float
    epochs: int | None = None
    ends: bool = False
    broken: bool = False
    batch: int = 0
    batches: int | None = None
    steps: int | None = None
    loss: float | None = None
    seconds_left: float | None = None
    waiting: int = 0
    layers: tuple[str, ...] = ()


def say_looking(folder: Path) -> None:
    """Says in a folder of commands that somebody looks; a folder that is not there is not made.

    Raises:
        OSError: the folder is not there, or nothing can be written in it.
    """
    write_passing(folder / LOOKED_AT, b"")


def write_status(folder: Path, status: TrainingStatus) -> None:
    """Writes how far a training is.

    Raises:
        OSError: the file cannot be written.
    """
    write_passing(folder / STATUS, msgspec.json.encode(status))


def read_status(folder: Path) -> TrainingStatus | None:
    """Returns how far the training of a folder of commands was when it last said so; None where nothing can be read."""
    try:
        return msgspec.json.decode(read_regular(folder / STATUS, _MOST_BYTES), type=TrainingStatus)
    except (OSError, RecordError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_passing(path: Path, data: bytes) -> None:
    """Writes a file under another name and renames it, so that it is read whole; it may be lost where the machine stops.

    Raises:
        OSError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
