"""Logs a record's scalars through ``log_metrics``, for loggers that take numbers only (``CSVLogger`` and any other)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.records.names import metric_key
from lightning_iit.trackers.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import Self

    from lightning_iit.records import EpochRecord


class ScalarsTracker(Tracker):
    """Logs a record's scalars as ``iit/<layer>/<scalar>`` (``iit/<name>/<layer>/<scalar>``) at the global step of its capture.

    Those of a record within an epoch are ``iit/<layer>/steps/<scalar>``.

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
        """Logs the record's scalars; pictures are ignored."""
        del images
        keys = {name: metric_key(record.layer, name, self.scope, step=record.step) for name in record.scalars}
        metrics = {keys[name]: value for name, value in record.scalars.items()}
        if metrics:
            self._logger.log_metrics(metrics, step=record.global_step)

    def finish(self, *, failed: bool) -> None:
        """Calls the logger's ``save``, if there is one, to write metrics that the logger still holds in memory."""
        del failed
        if callable(save := getattr(self._logger, "save", None)):
            save()
