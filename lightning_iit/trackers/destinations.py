"""The note ``iit/mlflow.json`` in a run's directory, which names the MLflow runs that track the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.names import FOLDER
from lightning_iit.records.store import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "mlflow.json"
"""The note's file name, inside the folder ``iit``."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the address of one MLflow run.

    Args:
        tracking_uri: the server's tracking URI, without user name and password.
        run_id: the run's id.
        scope: the name of the callback whose records these are, empty for one without a name.
    """

    tracking_uri: str
    run_id: str
    scope: str = ""


def note_destination(run_dir: Path, destination: Destination) -> None:
    """Adds an MLflow run to the note of a run directory, unless the note already names this MLflow run.

    Args:
        run_dir: the run's directory, which holds the folder ``iit``.
        destination: the MLflow run to add.

    Raises:
        RecordError: the existing note cannot be read.
        OSError: the note could not be written.
    """
    known = destinations(run_dir)
    if destination not in known:
        write_atomically(run_dir / FOLDER / NOTE, msgspec.json.encode([*known, destination]))


def destinations(run_dir: Path) -> tuple[Destination, ...]:
    """Returns the MLflow runs that track the run in a directory; empty if the directory has no note.

    Raises:
        RecordError: the note cannot be read.
    """
    note = run_dir / FOLDER / NOTE
    if not note.exists():
        return ()
    try:
        return msgspec.json.decode(read_regular(note), type=tuple[Destination, ...])
    except msgspec.MsgspecError as error:
        msg = f"{note} does not say where the run is tracked: {error}. Remove it, or give the tracking URI and run id yourself."
        raise RecordError(msg) from error
