"""Where records go: files, TensorBoard, MLflow, and the scalars to any other logger.

``tracker`` says what a tracker is, ``registry`` which of them serves which logger. The ``journal`` hands records to each through a
``write_queue``, in the ``order`` of capture where a tracker wants that. ``files``, ``tensorboard``, ``mlflow`` and ``scalars`` are
trackers; ``destinations`` notes where a run is tracked, and ``deliver`` brings there later what is missing.
"""

from __future__ import annotations

from lightning_iit.trackers.journal import Journal, Undelivered
from lightning_iit.trackers.registry import trackers_for
from lightning_iit.trackers.tracker import Tracker

__all__ = ["Journal", "Tracker", "Undelivered", "trackers_for"]
