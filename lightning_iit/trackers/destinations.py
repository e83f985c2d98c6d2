"""The note in a run's folder of the MLflow runs that track it: ``iit/mlflow.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.store import FOLDER, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "mlflow.json"


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """An MLflow run: where its server is (without credentials) and its id."""

    tracking_uri: str
    run_id: str


def note_destination(run_dir: Path, destination: Destination) -> None:
    """Adds a destination to the note, if it is not there.

    Raises:
        OSError: the note could not be written.
    """
    known = destinations(run_dir)
    if destination not in known:
        write_atomically(run_dir / FOLDER / NOTE, msgspec.json.encode([*known, destination]))


def destinations(run_dir: Path) -> tuple[Destination, ...]:
    """The MLflow runs that track the run of a directory; none where there is no note.

    Raises:
        RecordError: the note cannot be read.
    """
    note = run_dir / FOLDER / NOTE
    if not note.exists():
        return ()
    try:
        return msgspec.json.decode(note.read_bytes(), type=tuple[Destination, ...])
    except msgspec.MsgspecError as error:
        msg = f"{note} does not say where the run is tracked: {error}. Remove it, or give the tracking URI and run id yourself."
        raise RecordError(msg) from error
