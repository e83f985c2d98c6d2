"""Reads event files by TensorBoard's own readers."""

from __future__ import annotations

import importlib
import json
import warnings
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sample_records import numbers_of, pixels
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext

from lightning_iit.records import Records, decode_network
from lightning_iit.records.disk.payload import NETWORK_TAG, unpack
from lightning_iit.records.names import layer_slug

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_iit.records import EpochRecord


class Point(NamedTuple):
    step: int
    wall_time: float
    value: object


class Events(NamedTuple):
    """The points of each tag of this package, in the order of the file."""

    scalars: dict[str, list[Point]]
    images: dict[str, list[Point]]
    records: dict[str, list[Point]]
    networks: list[Point]

    def all_records(self) -> list[EpochRecord]:
        return [point.value for points in self.records.values() for point in points]


def read_layout(folder: Path) -> dict[str, list[str]]:
    """The charts of TensorBoard's own tab of custom scalars: the regular expressions of their lines, by title."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plugin = importlib.import_module("tensorboard.plugins.custom_scalar.custom_scalars_plugin").CustomScalarsPlugin
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    data = MultiplexerDataProvider(multiplexer, str(folder))
    found = plugin(TBContext(logdir=str(folder), multiplexer=multiplexer, data_provider=data)).layout_impl(RequestContext(), "")
    charts = [chart for category in (json.loads(found)["category"] if found else []) for chart in category["chart"]]
    return {chart["title"]: chart["multiline"]["tag"] for chart in charts}


def read_events(log_dir: Path) -> Events:
    """Everything of this package in a log directory, nothing sampled away."""
    everything = {"scalars": 0, "images": 0, "tensors": 0}
    accumulator = EventAccumulator(str(log_dir), size_guidance=everything, purge_orphaned_data=False)
    accumulator.Reload()
    tags = accumulator.Tags()
    events = Events(defaultdict(list), defaultdict(list), defaultdict(list), [])
    for tag in filter(_ours, tags["scalars"]):
        events.scalars[tag] += [Point(event.step, event.wall_time, event.value) for event in accumulator.Scalars(tag)]
    for tag in filter(_ours, tags["images"]):
        events.images[tag] += [Point(event.step, event.wall_time, event.encoded_image_string) for event in accumulator.Images(tag)]
    for tag in filter(_ours, accumulator.PluginTagToContent("iit") if "iit" in accumulator._plugin_to_tag_to_content else ()):
        for event in accumulator.Tensors(tag):
            payload = event.tensor_proto.string_val[0]
            if tag == NETWORK_TAG:
                snapshot = decode_network(zlib.decompress(payload))
                events.networks.append(Point(event.step, event.wall_time, snapshot))
            else:
                events.records[tag].append(Point(event.step, event.wall_time, unpack(payload)))
    return events


def _ours(tag: str) -> bool:
    return tag.startswith(("iit/", "iit_details/"))


def check_events(log_dir, records, images=None):
    """Every scalar, picture and record of the records is in the event file, at its step and time, and nothing else."""
    events = read_events(log_dir)
    records = Records.ordered(records)
    assert sum(map(len, events.records.values())) == len(records)
    assert Records.ordered(events.all_records()) == records
    assert sum(map(len, events.scalars.values())) == sum(len(numbers_of(record)) for record in records)
    assert sum(map(len, events.images.values())) == sum(map(len, (images or {}).values()))
    networks = [point.step for point in events.networks]
    assert networks == sorted(networks), "TensorBoard drops what comes before a step that goes back"
    for layer in {record.layer for record in records}:
        of_layer = [record for record in records if record.layer == layer]
        slug = layer_slug(layer)
        steps = [(record.global_step, record.wall_time) for record in of_layer]
        assert [point[:2] for point in events.records[f"iit/{slug}/record"]] == steps
        for tag in numbers_of(of_layer[0]):
            points = events.scalars[tag]
            assert [point[:2] for point in points] == steps
            assert [point.value for point in points] == [float(np.float32(numbers_of(record)[tag])) for record in of_layer]
    for record in records:
        for name, png in (images or {}).get(record.key, {}).items():
            (point,) = [p for p in events.images[f"iit_details/{layer_slug(record.layer)}/{name}"] if p.step == record.global_step]
            assert point.wall_time == record.wall_time
            np.testing.assert_array_equal(pixels(point.value), pixels(png))
