"""Where the viewer's records come from: one Protocol, and the source that a target means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lightning_iit.viewer.protocol import RunIndex, RunInfo, ScalarList


class RecordSource(Protocol):
    """Runs, their index, and single records as the bytes that were stored.

    Asking for a run, layer or epoch that is not there raises LookupError; bytes that cannot be read (too large, gone) raise
    RecordError. Sources may be asked from several threads.
    """

    title: str

    def runs(self) -> tuple[list[RunInfo], int]:
        """The runs, the latest first, and how many more there are than are listed."""

    def index(self, run: str) -> RunIndex:
        """What the run has by now."""

    def record(self, run: str, layer: str, epoch: int) -> bytes:
        """One record as JSON."""

    def network(self, run: str, epoch: int) -> bytes:
        """One network snapshot as JSON."""

    def scalars(self, run: str) -> ScalarList:
        """The other metrics of the run (loss, accuracy)."""


def open_source(target: str) -> RecordSource:
    """The source that a path or an MLflow tracking URI means.

    Args:
        target: a log directory (or one run's), or an MLflow URI: ``sqlite:///...``, ``http://...``, ``mlflow:<uri>``;
            ``<uri>#<run_id>`` for one run only.

    Raises:
        InvalidArgumentError: nothing is there.
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
