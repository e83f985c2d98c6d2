"""Which tracker serves which logger, by what the logger can do, whichever package it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_iit.trackers.files import FilesTracker
from lightning_iit.trackers.mlflow import MLflowTracker
from lightning_iit.trackers.scalars import ScalarsTracker
from lightning_iit.trackers.tensorboard import TensorBoardTracker

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from lightning_iit.trackers.journal import Tracker


def trackers_for(loggers: Iterable[Any], run_dir: str | os.PathLike[str] | None) -> tuple[Tracker, ...]:
    """The trackers of a run; called on the training thread, on rank 0, once the loggers are set up.

    Args:
        loggers: of the trainer; those that only pretend (``fast_dev_run``, ranks other than 0) get nothing.
        run_dir: where the files go; None for no files.
    """
    folder = None if run_dir is None else Path(run_dir)
    files: tuple[Tracker, ...] = () if folder is None else (FilesTracker(folder),)
    served = (_tracker_for(logger, folder) for logger in loggers)
    return (*files, *(tracker for tracker in served if tracker is not None))


def _tracker_for(logger: Any, run_dir: Path | None) -> Tracker | None:
    experiment = getattr(logger, "experiment", None)
    if _pretends(logger) or _pretends(experiment):
        return None
    if hasattr(experiment, "log_batch") and hasattr(experiment, "log_image") and hasattr(logger, "run_id"):
        return MLflowTracker(experiment, logger.run_id, run_dir)
    if hasattr(experiment, "_get_file_writer") and hasattr(experiment, "log_dir"):
        return TensorBoardTracker(experiment)
    if callable(getattr(logger, "log_metrics", None)):
        return ScalarsTracker(logger)
    return None


def _pretends(thing: Any) -> bool:
    """Dummies answer to every name."""
    return hasattr(thing, "a_name_that_no_logger_has")
