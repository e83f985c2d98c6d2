"""Logs a record's scalars through ``log_metrics``, for loggers that take numbers only (``CSVLogger`` and any other)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.records.logged import logged
from lightning_iit.trackers.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import Self

    from lightning_iit.records import EpochRecord


class ScalarsTracker(Tracker):
    """Logs the numbers of a record under the keys of :func:`lightning_iit.records.logged.logged`, at the step of its capture.

    Loggers are not made for two threads (a metric that arrives while ``CSVLogger`` saves breaks the save), so this tracker runs
    on the training thread.

    Args:
        logger: a logger of the trainer with a method ``log_metrics``.
    """

    in_order = True
    on_caller = True

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self.name: str = type(logger).__name__

    @classmethod
    def for_logger(cls, logger: Any, run_dir: Path | None) -> Self | None:
        """Serves every logger that has ``log_metrics``."""
        del run_dir
        return cls(logger) if callable(getattr(logger, "log_metrics", None)) else None

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Logs the record's numbers; pictures are ignored."""
        del images
        if metrics := logged(record, self.scope):
            self._logger.log_metrics(metrics, step=record.global_step)

    def finish(self, *, failed: bool) -> None:
        """Calls the logger's ``save``, if there is one, to write metrics that the logger still holds in memory."""
        del failed
        if callable(save := getattr(self._logger, "save", None)):
            save()
