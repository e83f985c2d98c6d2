"""Trackers write records to their destinations: files, TensorBoard, MLflow, or (scalars only) any other logger."""

from __future__ import annotations

from lightning_iit.trackers.dispatch import trackers_for
from lightning_iit.trackers.journal import Journal, Tracker, Undelivered

__all__ = ["Journal", "Tracker", "Undelivered", "trackers_for"]
