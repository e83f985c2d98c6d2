"""Reads loss, accuracy and other metrics of a run from the files of Lightning's loggers."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from lightning_iit.records.disk.files import open_regular
from lightning_iit.records.names import is_own_key
from lightning_iit.viewer.protocol import ScalarList, ScalarSeries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_SERIES = 24
"""The largest number of metrics that are shown."""
MAX_POINTS = 2_000
"""The largest number of points of one metric."""
_NOT_SHOWN = ("epoch", "step", "hp_metric")
_MAX_CSV_BYTES = 50_000_000


def read_scalars(folder: Path) -> ScalarList:
    """Reads the metrics from the run's ``metrics.csv``, or from its TensorBoard event files.

    The event files are read if ``metrics.csv`` is missing or larger than 50 MB. Without either the list is empty.
    """
    table = folder / "metrics.csv"
    if table.is_file() and table.stat().st_size <= _MAX_CSV_BYTES:
        return series(_from_csv(table))
    events = list(folder.glob("events.out.tfevents.*"))
    if events and all(file.is_file() for file in events):  # TensorBoard's reader opens whatever has such a name
        return series(_from_events(folder))
    return ScalarList(series=())


def series(found: dict[str, list[tuple[int, float]]]) -> ScalarList:
    """Prepares metrics for the front end: finite values only, thinned, sorted by name, at most MAX_SERIES metrics.

    This package's own metrics and Lightning's ``epoch``, ``step`` and ``hp_metric`` are left out.

    Args:
        found: for each metric its points (step, value).
    """
    shown = {tag: points for tag, points in found.items() if is_shown(tag)}
    kept = [ScalarSeries(tag=tag, points=tuple(thin(points))) for tag, points in sorted(shown.items())[:MAX_SERIES]]
    return ScalarList(series=tuple(line for line in kept if line.points))


def is_shown(tag: str) -> bool:
    """Returns whether a metric is one of the run's own: not of this package, and no counter of Lightning's.

    Example:
        >>> is_shown("epoch"), is_shown("epoch_loss"), is_shown("step_size"), is_shown("iit/phi/fc1")
        (False, True, True, False)
    """
    return tag not in _NOT_SHOWN and not is_own_key(tag)


def thin(points: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """Returns at most MAX_POINTS of the finite points, at even distances.

    Example:
        >>> thin([(0, 1.0), (1, float("nan")), (2, 0.5)])
        [(0, 1.0), (2, 0.5)]
    """
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    stride = math.ceil(len(finite) / MAX_POINTS) if finite else 1
    return finite[::stride]


def _from_csv(table: Path) -> dict[str, list[tuple[int, float]]]:
    """Reads all columns of a ``metrics.csv`` as metrics; cells that are not numbers are passed over."""
    found: dict[str, list[tuple[int, float]]] = {}
    with io.TextIOWrapper(open_regular(table), newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            try:
                step = int(float(row.get("step") or 0))
            except ValueError:
                continue
            for tag, text in row.items():
                if not tag or not text or not isinstance(text, str):
                    continue
                try:
                    found.setdefault(tag, []).append((step, float(text)))
                except ValueError:
                    continue
    return found


def _from_events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Reads the scalars of a run's event files, whether written as simple values or as tensors."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, TENSORS, EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(folder), size_guidance={SCALARS: MAX_POINTS, TENSORS: MAX_POINTS})
    events.Reload()
    found = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    for tag in events.Tags()["tensors"]:
        if not is_shown(tag) or events.SummaryMetadata(tag).plugin_data.plugin_name != "scalars":
            continue
        found[tag] = [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)]
    return found
