"""The charts of TensorBoard's tab of custom scalars: Φ of each layer with its interval, and of its shown group with its null."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_iit.records.logged import logged
from lightning_iit.records.names import detail_key, phi_key
from lightning_iit.records.schema import metric_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tensorboard.compat.proto.summary_pb2 import Summary

    from lightning_iit.records import EpochRecord

LAYOUT_TAG = "custom_scalars__config__"
"""The tag that TensorBoard reads a layout from; of several in one run the last one counts."""
_TITLE = "Integrated information"
_INTERVAL = ("", "_low", "_high")
_NULL = ("_null_mean", "_null_95")


def charts_of(record: EpochRecord) -> dict[str, tuple[str, ...]]:
    """Returns the charts of a record's layer: the tags of their lines, by title; none for a record within an epoch.

    The first chart has Φ of the layer with its interval, the second one Φ of the shown group of units with its null, where it has
    one: a null belongs to a group. Of IIT 4.0 the names begin with φ_s.
    """
    found: dict[str, tuple[str, ...]] = {}
    numbers = logged(record) if record.step is None else {}
    for called in metric_names(record.formalisms).values():
        symbol = called.replace("phi", "φ" if called != "phi" else "Φ")
        of_layer = tuple(phi_key(record.layer, called + ending) for ending in _INTERVAL)
        of_group = tuple(detail_key(record.layer, called + ending) for ending in _INTERVAL + _NULL)
        if of_layer[0] in numbers:
            found[f"{symbol} of {record.layer}"] = of_layer
        if of_group[-1] in numbers:
            found[f"{symbol} of the shown group of {record.layer}, with its null"] = of_group
    return found


def layout_of(charts: Mapping[str, tuple[str, ...]]) -> Summary:
    """Returns the layout of these charts, the tags of their lines by title, as a summary for the event file."""
    from torch.utils.tensorboard.summary import custom_scalars

    lines = {title: ["Multiline", [f"{re.escape(tag)}$" for tag in tags]] for title, tags in charts.items()}
    return custom_scalars({_TITLE: lines})  # type: ignore[no-untyped-call]


def layouts_in(folder: str) -> int | None:
    """Returns how many layouts the event files of a run hold; None where the folder cannot be read, such as a storage bucket."""
    if not Path(folder).is_dir():
        return None
    return sum(file.read_bytes().count(LAYOUT_TAG.encode()) for file in Path(folder).glob("*tfevents*"))
