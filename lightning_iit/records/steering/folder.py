"""The folder ``iit/control`` of a run: files of commands to its training, and of the training's answers.

::

    <run_dir>/iit/control/<id>.command.json    written by whoever commands
    <run_dir>/iit/control/<id>.answer.json     written by the training
    <run_dir>/iit/control/<id>.lesion.json     what the network lost without some units, written by the training

and, while somebody looks, ``looked-at``, ``status.json`` and ``activity.ring`` (see ``status`` and ``activity``).

Each file is written under another name and renamed, so it is read whole. Answers stay: they are the log of what a training was
told.
"""

from __future__ import annotations

import getpass
import os
import platform
import time
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.disk.owner import read_owner
from lightning_iit.records.lesions.record import LesionRecord
from lightning_iit.records.names import FOLDER
from lightning_iit.records.steering.activity import RING
from lightning_iit.records.steering.commands import STEERING_SCHEMA, Answer, Command
from lightning_iit.records.steering.status import LOOKED_AT, STATUS
from lightning_iit.records.store import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_iit.records.steering.commands import Verb

CONTROL = "control"
"""The name of the folder of commands and answers in a run's folder ``iit``."""
COMMAND, ANSWER, LESION = ".command.json", ".answer.json", ".lesion.json"
"""How the names of these files end."""
MOST_BYTES = 65_536
"""A longer command is refused unread."""
_POLL = 0.1
"""Seconds between two looks for an answer."""


def control_folder(run_dir: Path) -> Path:
    """Returns the folder of commands and answers of a run."""
    return run_dir / FOLDER / CONTROL


def is_own_file(name: str) -> bool:
    """Returns whether a file of this name in the folder of commands is one of this package."""
    return name.startswith(".") or name.endswith((COMMAND, ANSWER, LESION)) or name in {STATUS, LOOKED_AT, RING}


def send(run_dir: Path, verb: Verb, **given: Any) -> Command:
    """Sends a command to the training of a run.

    Args:
        run_dir: the run's directory.
        verb: what is to be done.
        given: further fields of :class:`Command`.

    Returns:
        The command, as it was written.

    Raises:
        OSError: the file cannot be written.
    """
    owner = read_owner(run_dir / FOLDER)
    command = Command(
        id=f"{time.time_ns():020d}-{uuid.uuid4().hex[:6]}",
        verb=verb,
        run="" if owner is None else owner.run,
        sender=given.pop("sender", None) or _who(),
        **given,
    )
    write_atomically(control_folder(run_dir) / f"{command.id}{COMMAND}", msgspec.json.encode(command))
    return command


def answer_to(run_dir: Path, command: Command, timeout: float = 0.0) -> Answer | None:
    """Waits for the answer to a command.

    Args:
        run_dir: the run's directory.
        command: the command.
        timeout: how long to wait, in seconds.

    Returns:
        The answer; None where there is none by then.
    """
    deadline = time.monotonic() + timeout
    path = control_folder(run_dir) / f"{command.id}{ANSWER}"
    while (found := read_answer(path)) is None and time.monotonic() < deadline:
        time.sleep(_POLL)
    return found


def answers_in(run_dir: Path) -> tuple[Answer, ...]:
    """Returns the answers of a run's trainings, in the order in which they were given; those that cannot be read are left out."""
    try:
        files = sorted(control_folder(run_dir).glob(f"*{ANSWER}"))
    except OSError:
        return ()
    found = [answer for file in files if (answer := read_answer(file)) is not None]
    return tuple(sorted(found, key=lambda answer: answer.answered))


def read_command(path: Path) -> Command:
    """Reads a command.

    Raises:
        RecordError: the file holds no command that this version knows.
        OSError: the file cannot be read.
    """
    data = read_regular(path, MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        msg = f"it has more than {MOST_BYTES:,} bytes"
        raise RecordError(msg)
    try:
        command = msgspec.json.decode(data, type=Command)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"it cannot be read as a command: {error}"
        raise RecordError(msg) from error
    if command.schema > STEERING_SCHEMA:
        msg = f"it has schema {command.schema}; this version of lightning-iit reads up to {STEERING_SCHEMA}"
        raise RecordError(msg)
    return command


def write_answer(folder: Path, answer: Answer) -> None:
    """Writes an answer into the folder of commands.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomically(folder / f"{answer.id}{ANSWER}", msgspec.json.encode(answer))


def write_lesion(run_dir: Path, command: Command, lesion: LesionRecord) -> str:
    """Writes what came of a command "lesion"; returns the name of the file, below the run's directory.

    Raises:
        OSError: the file cannot be written.
    """
    path = control_folder(run_dir) / f"{command.id}{LESION}"
    write_atomically(path, msgspec.json.encode(lesion))
    return path.relative_to(run_dir).as_posix()


def read_lesion(path: Path) -> LesionRecord | None:
    """Reads what came of a command "lesion"; None where there is none that can be read."""
    try:
        return msgspec.json.decode(read_regular(path), type=LesionRecord)
    except (OSError, RecordError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def read_answer(path: Path) -> Answer | None:
    """Reads an answer; None where there is none that can be read."""
    try:
        return msgspec.json.decode(read_regular(path, 4 * MOST_BYTES), type=Answer)
    except (OSError, RecordError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def user_name() -> str:
    """Returns the name of the user of this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for the user's number
        return "somebody"


def _who() -> str:
    """Returns the user, the machine and the process in words."""
    return f"{user_name()} on {platform.node()} (process {os.getpid()})"
