"""Logs a record's scalars through ``log_metrics``, for loggers that take numbers only (``CSVLogger`` and any other)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.records.store import layer_slug

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_iit.records import EpochRecord, NetworkSnapshot


class ScalarsTracker:
    """Logs a record's scalars as ``iit/<layer>/<scalar>`` at the global step of the record's capture.

    Loggers are not made for two threads (a metric that arrives while ``CSVLogger`` saves breaks the save), so this tracker runs
    on the training thread.

    Args:
        logger: a logger of the trainer with a method ``log_metrics``.
    """

    in_order = True
    on_caller = True

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self.name = type(logger).__name__
        self.remedy = "The records are in the run's folder 'iit' and in callback.records."

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Logs the record's scalars; pictures are ignored."""
        del images
        slug = layer_slug(record.layer)
        metrics = {f"iit/{slug}/{name}": value for name, value in record.scalars.items()}
        if metrics:
            self._logger.log_metrics(metrics, step=record.global_step)

    def log_network(self, snapshot: NetworkSnapshot) -> None:
        """Does nothing: such loggers take numbers only."""

    def log_options(self, options: Mapping[str, object]) -> None:
        """Does nothing: each record holds the options."""

    def attach(self, name: str, data: bytes) -> None:
        """Does nothing: such loggers keep no files."""

    def finish(self, *, failed: bool) -> None:
        """Calls the logger's ``save``, if there is one, to write metrics that the logger still holds in memory."""
        del failed
        if callable(save := getattr(self._logger, "save", None)):
            save()
