"""The interface of a source of records, and the choice of the source for a path or URI."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.records.store import records_folder

if TYPE_CHECKING:
    from lightning_iit.viewer.protocol import RunIndex, RunInfo, ScalarList


URIS = ("mlflow:", "sqlite:", "http:", "https:", "postgresql", "mysql")
"""What the URI of an MLflow tracking server or store begins with."""


class RecordSource(Protocol):
    """Lists runs and reads their records; a log directory, TensorBoard and MLflow are sources.

    A method that is given a run, layer, epoch or step raises ``LookupError`` if the source has none such, and
    ``RecordError`` if the data cannot be read (too large, gone). A source may be used from several threads.
    """

    title: str

    def runs(self) -> tuple[list[RunInfo], int]:
        """Returns the runs, the latest first, and the number of further runs that are not listed."""

    def index(self, run: str) -> RunIndex:
        """Returns the list of records and network snapshots that the run has at this moment."""

    def record(self, run: str, layer: str, epoch: int, step: int | None = None) -> bytes:
        """Returns one record as JSON bytes: that of a whole epoch, or that of a step within it."""

    def network(self, run: str, epoch: int) -> bytes:
        """Returns one network snapshot as JSON bytes."""

    def scalars(self, run: str) -> ScalarList:
        """Returns the run's other metrics (loss, accuracy)."""


def open_source(target: str) -> RecordSource:
    """Opens the source for a path or an MLflow tracking URI.

    Args:
        target: a folder of runs, one run's directory, its folder ``iit``, a record's file, or an MLflow URI (``sqlite:///...``,
            ``http://...``, ``mlflow:<uri>``); ``<uri>#<run_id>`` for one MLflow run only, ``<uri>#<name>``
            for the runs of one experiment.

    Raises:
        InvalidArgumentError: there is no such directory or record, or nothing answers at the URI.
        RecordError: the file is not a record.
        MissingDependencyError: the target is an MLflow URI and mlflow is not installed.
    """
    if target.startswith(URIS):
        from lightning_iit.viewer.mlflow_source import MLflowSource

        uri, _, run = target.removeprefix("mlflow:").partition("#")
        return MLflowSource(uri, run=run or None)
    path = Path(target)
    if path.is_file() and path.suffix == ".json":
        from lightning_iit.viewer.record_file import RecordFileSource

        return RecordFileSource(path)
    if not path.is_dir():
        msg = f"{target!r}: {_what_else(path)}"
        raise InvalidArgumentError(msg)
    from lightning_iit.viewer.logdir import LogDirSource

    return LogDirSource(path)


def open_runs(target: str) -> tuple[RecordSource, list[RunInfo]]:
    """Opens the source for a path or URI and lists its runs, of which there is at least one.

    Args:
        target: as for :func:`open_source`.

    Raises:
        InvalidArgumentError: there is no such directory or record, or nothing answers at the URI.
        RecordError: there is no run; the message says what is there.
    """
    source = open_source(target)
    runs, _ = source.runs()
    if runs:
        return source, runs
    if Path(target).is_dir():
        records_folder(Path(target))  # raises, and says what is there
    msg = f"{target!r}: no run with records is there."
    raise RecordError(msg)


def _what_else(path: Path) -> str:
    """Says what can be given instead of a path that is neither a directory nor a record."""
    kinds = "a run's directory, a folder of runs, a record's file (.json) or an MLflow URI"
    if path.is_file():
        return f"this file is no record. Give {kinds}; for a database of MLflow write sqlite:///{path}."
    above = next((folder for folder in path.absolute().parents if folder.is_dir()), None)
    near = (
        difflib.get_close_matches(path.name, [child.name for child in above.iterdir()], n=3)
        if above == path.absolute().parent
        else []
    )
    hint = f" Beside it: {', '.join(near)}." if near else ""
    return f"there is no such directory or file; give {kinds}.{hint}"
