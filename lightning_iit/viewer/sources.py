"""The interface of a source of records, and the choice of the source for a path or URI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lightning_iit.viewer.protocol import RunIndex, RunInfo, ScalarList


class RecordSource(Protocol):
    """Lists runs and reads their records; a log directory, TensorBoard and MLflow are sources.

    A method that is given a run, layer or epoch raises ``LookupError`` if the source has no such run, layer or epoch, and
    ``RecordError`` if the data cannot be read (too large, gone). A source may be used from several threads.
    """

    title: str

    def runs(self) -> tuple[list[RunInfo], int]:
        """Returns the runs, the latest first, and the number of further runs that are not listed."""

    def index(self, run: str) -> RunIndex:
        """Returns the list of records and network snapshots that the run has at this moment."""

    def record(self, run: str, layer: str, epoch: int) -> bytes:
        """Returns one record as JSON bytes."""

    def network(self, run: str, epoch: int) -> bytes:
        """Returns one network snapshot as JSON bytes."""

    def scalars(self, run: str) -> ScalarList:
        """Returns the run's other metrics (loss, accuracy)."""


def open_source(target: str) -> RecordSource:
    """Opens the source for a path or an MLflow tracking URI.

    Args:
        target: a folder of runs, one run's directory, or an MLflow URI (``sqlite:///...``, ``http://...``, ``mlflow:<uri>``);
            ``<uri>#<run_id>`` for one MLflow run only.

    Raises:
        InvalidArgumentError: there is no such directory, or nothing answers at the URI.
        MissingDependencyError: the target is an MLflow URI and mlflow is not installed.
    """
    for prefix in ("mlflow:", "sqlite:", "http:", "https:", "postgresql", "mysql"):
        if target.startswith(prefix):
            from lightning_iit.viewer.mlflow_source import MLflowSource

            uri, _, run = target.removeprefix("mlflow:").partition("#")
            return MLflowSource(uri, run=run or None)
    path = Path(target)
    if not path.is_dir():
        hint = "a database? Write sqlite:///" + target if path.is_file() else "a run's directory, a folder of runs or an MLflow URI"
        msg = f"{target!r}: there is no such directory; give {hint}."
        raise InvalidArgumentError(msg)
    from lightning_iit.viewer.logdir import LogDirSource

    return LogDirSource(path)
