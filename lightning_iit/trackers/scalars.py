"""Loggers that take numbers only (CSVLogger and any other): a record's scalars through ``log_metrics``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.records.store import layer_slug

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_iit.records import EpochRecord, NetworkSnapshot


class ScalarsTracker:
    """Logs ``iit/<layer>/<scalar>`` at the step of capture.

    Loggers are not made for two threads (a metric that comes while ``CSVLogger`` saves breaks its save), so this runs on
    the training thread.
    """

    in_order = True
    on_caller = True

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self.name = type(logger).__name__
        self.remedy = "The records are in the run's folder 'iit' and in callback.records."

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Logs the record's scalars."""
        del images
        slug = layer_slug(record.layer)
        metrics = {f"iit/{slug}/{name}": value for name, value in record.scalars.items()}
        if metrics:
            self._logger.log_metrics(metrics, step=record.global_step)

    def log_network(self, snapshot: NetworkSnapshot) -> None:
        """Nothing: such loggers take numbers only."""

    def log_options(self, options: Mapping[str, object]) -> None:
        """Nothing: each record carries its options."""

    def attach(self, name: str, data: bytes) -> None:
        """Nothing: such loggers keep no files."""

    def finish(self, *, failed: bool) -> None:
        """Saves what the logger still holds."""
        del failed
        if callable(save := getattr(self._logger, "save", None)):
            save()
