"""The charts of TensorBoard's tab of custom scalars: Φ of each layer and of its shown group, and apart from them what bounds it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_iit.records.logged import logged
from lightning_iit.records.names import detail_key, phi_key
from lightning_iit.records.schema import FORMALISM_WORDS, metric_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tensorboard.compat.proto.summary_pb2 import Summary

    from lightning_iit.records import EpochRecord

LAYOUT_TAG = "custom_scalars__config__"
"""The tag that TensorBoard reads a layout from; of several in one run the last one counts."""
_NUMBERS = "Integrated information"
_BOUNDS = "Intervals and nulls, only at the epochs where they were computed: the lines between these are not data"
_INTERVAL, _NULL = ("_low", "_high"), ("_null_mean", "_null_95")


def charts_of(record: EpochRecord) -> dict[tuple[str, str], tuple[str, ...]]:
    """Returns the charts of a record's layer: the tags of their lines, by category and title; none for a record within an epoch.

    There is Φ of the layer, and of its shown group where that has a null, which belongs to a group. Intervals and nulls have charts
    of their own: they are not computed at each epoch, and TensorBoard joins the points that there are by straight lines, so a curve
    in the same chart would lie outside of its own interval. Each title says of which kind and formalism its numbers are; of IIT 4.0
    it begins with φ_s.
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    numbers = logged(record) if record.step is None else {}
    for formalism, called in metric_names(record.formalisms).items():
        symbol = called.replace("phi", "φ" if called != "phi" else "Φ")
        said = f"{record.layer}, {record.kind}, {FORMALISM_WORDS.get(formalism, formalism)}"
        of_layer, of_group = f"{symbol} of {said}", f"{symbol} of the shown group of {said}"
        null = tuple(detail_key(record.layer, called + ending) for ending in _NULL)
        wanted = {
            (_NUMBERS, of_layer): (phi_key(record.layer, called),),
            (_BOUNDS, f"Interval of {of_layer}"): tuple(phi_key(record.layer, called + ending) for ending in _INTERVAL),
        }
        if null[-1] in numbers:
            wanted |= {
                (_NUMBERS, of_group): (detail_key(record.layer, called),),
                (_BOUNDS, f"Null of {of_group}"): null,
                (_BOUNDS, f"Interval of {of_group}"): tuple(detail_key(record.layer, called + ending) for ending in _INTERVAL),
            }
        found |= {place: tags for place, tags in wanted.items() if tags[0] in numbers}
    return found


def layout_of(charts: Mapping[tuple[str, str], tuple[str, ...]]) -> Summary:
    """Returns the layout of these charts, the tags of their lines by category and title, as a summary for the event file."""
    from torch.utils.tensorboard.summary import custom_scalars

    lines: dict[str, dict[str, list[object]]] = {_NUMBERS: {}, _BOUNDS: {}}
    for (category, title), tags in charts.items():
        lines[category][title] = ["Multiline", [f"{re.escape(tag)}$" for tag in tags]]
    return custom_scalars({category: found for category, found in lines.items() if found})  # type: ignore[no-untyped-call]


def layouts_in(folder: str) -> int | None:
    """Returns how many layouts the event files of a run hold; None where the folder cannot be read, such as a storage bucket."""
    if not Path(folder).is_dir():
        return None
    return sum(file.read_bytes().count(LAYOUT_TAG.encode()) for file in Path(folder).glob("*tfevents*"))
