"""Writes records to TensorBoard's event file: scalars, images, and the record itself for the ``iit`` tab."""

from __future__ import annotations

import errno
import shutil
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from lightning_iit.records.disk.payload import NETWORK_TAG, PLUGIN, PayloadInfo, pack, record_tag
from lightning_iit.records.disk.pictures import cards
from lightning_iit.records.logged import logged
from lightning_iit.records.names import detail_key, layer_slug
from lightning_iit.report.report import REPORT
from lightning_iit.trackers.layout import charts_of, layout_of, layouts_in
from lightning_iit.trackers.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tensorboard.compat.proto.summary_pb2 import Summary
    from torch.utils.tensorboard.writer import FileWriter
    from typing_extensions import Self

    from lightning_iit.records import EpochRecord, NetworkSnapshot

_SPARE_BYTES = 1 << 18
_CONFIRM_EVERY = 16
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # PNG colour type -> channels


class _Event(NamedTuple):
    """Holds one event: a summary, its global step, and its wall time in seconds since 1970."""

    summary: Summary
    step: int
    wall_time: float


class TensorBoardTracker(Tracker):
    """Adds each record to the logger's event file as one event, with the global step and wall time of the record's capture.

    **Logged**: scalars ``iit/phi/<layer>``, ``iit_details/<layer>/<scalar>`` and so on (see ``records.logged``), images
    ``iit_details/<layer>/<picture>`` (drawn for cards of 350 pixels; the large ones are files of the run), and the packed record as
    the tensor ``iit/<layer>/record`` of the plugin ``iit``, which no page shows as a chart. A record is one event, so either all
    its parts are in the file or none. A callback with a name is a run of its own in TensorBoard, ``<run>/<name>``, with the same
    tags, so that one chart shows all. The report of the run stands in the text tab as ``iit/report``, and charts of Φ,
    of its intervals and of its nulls in the tab of custom scalars, unless the run has a layout of that tab already. A record within
    an epoch has keys of its own, with ``steps`` in them, and so has its tensor, ``iit/<layer>/steps/record``.

    Args:
        experiment: the logger's ``SummaryWriter`` (of ``torch.utils.tensorboard``).
    """

    in_order = True  # TensorBoard drops a tag's records when its steps go back

    def __init__(self, experiment: Any) -> None:
        self._experiment = experiment
        self._log_dir = str(experiment.log_dir)
        self._own: FileWriter | None = None
        self._unconfirmed: list[_Event] = []
        self._last_step = 0
        self._charts: dict[tuple[str, str], tuple[str, ...]] = {}
        self._layouts = 0
        self.name: str = f"TensorBoard ({self._log_dir})"

    @classmethod
    def for_logger(cls, logger: Any, run_dir: Path | None) -> Self | None:
        """Serves loggers whose ``experiment`` is torch's ``SummaryWriter``, or writes event files as it does."""
        del run_dir
        experiment = getattr(logger, "experiment", None)
        return cls(experiment) if hasattr(experiment, "_get_file_writer") and hasattr(experiment, "log_dir") else None

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Adds the record's event, and before it a layout of custom scalars where the record is the first one for a chart.

        Raises:
            OSError: the disk has no room, or no event file can be written.
        """
        self._lay_out(record)
        self._write(_Event(summary_of(record, images), record.global_step, record.wall_time))

    def _lay_out(self, record: EpochRecord) -> None:
        """Writes a layout of custom scalars with the charts of a record, if one of them is new."""
        charts = self._charts | charts_of(record)
        if charts.keys() == self._charts.keys():
            return
        if self._may_lay_out():
            self._write(_Event(layout_of(charts), record.global_step, record.wall_time))
            self._layouts += 1
        self._charts = charts

    def _may_lay_out(self) -> bool:
        """Says whether the run has no layout of custom scalars but this tracker's: a second one would hide the user's."""
        self._flush()
        found = layouts_in(self._folder)
        return found is not None and found <= self._layouts

    def log_network(self, snapshot: NetworkSnapshot) -> None:
        """Adds the network snapshot's event: the tensor ``iit/network/snapshot`` of the plugin ``iit``.

        Raises:
            OSError: the disk has no room, or no event file can be written.
        """
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary(value=[_payload_value(NETWORK_TAG, snapshot, "network")])
        self._write(_Event(summary, snapshot.global_step, snapshot.wall_time))

    def attach(self, name: str, data: bytes) -> None:
        """Adds the run's report to the text tab as ``iit/report``, at the last global step that was logged; leaves out other files.

        Raises:
            OSError: the disk has no room, or no event file can be written.
        """
        from torch.utils.tensorboard.summary import text

        if name == REPORT:
            self._write(_Event(text("iit/report", data.decode()), self._last_step, time.time()))  # type: ignore[no-untyped-call]

    def _write(self, event: _Event) -> None:
        """Writes an event, through an event writer of this tracker if the logger's own writer fails; flushes every 16 events."""
        self._last_step = max(self._last_step, event.step)
        _check_room(self._log_dir, event.summary.ByteSize())
        if len(self._unconfirmed) >= _CONFIRM_EVERY:
            self._flush()
        try:
            self._add(event)
        except OSError:
            self._replace_writer()
            self._add(event)

    def finish(self, *, failed: bool) -> None:
        """Flushes the events to the disk, and closes an event file of this tracker.

        Raises:
            OSError: no event file can be written.
        """
        del failed
        self._flush()
        if self._own is not None:
            self._own.close()
            self._own = None

    def _flush(self) -> None:
        try:
            self._writer.flush()
        except OSError:
            self._replace_writer()
            self._writer.flush()
        self._unconfirmed.clear()

    @property
    def _writer(self) -> FileWriter:
        """Returns this tracker's own event writer if there is one or the callback has a name, else the logger's event writer."""
        if self._own is None and self.scope:
            self._own = self._new_writer()
        return self._own or self._experiment._get_file_writer()

    def _new_writer(self) -> FileWriter:
        from torch.utils.tensorboard.writer import FileWriter

        return FileWriter(self._folder, filename_suffix=".iit")

    @property
    def _folder(self) -> str:
        """Returns the folder of the event files: the logger's, or that of the callback's name in it."""
        return "/".join(filter(None, (self._log_dir, self.scope)))

    def _add(self, event: _Event) -> None:
        """Hands an event to the current writer and remembers the event until the next flush."""
        self._writer.add_summary(*event)
        self._unconfirmed.append(event)

    def _replace_writer(self) -> None:
        """Opens an event file of this tracker and repeats there all events since the last flush, which may be lost.

        After an error the thread of the logger's event writer is dead for good, so the logger's writer cannot be used again.
        """
        _check_room(self._log_dir, sum(event.summary.ByteSize() for event in self._unconfirmed))
        self._own = self._new_writer()
        for event in self._unconfirmed:
            self._own.add_summary(*event)


def summary_of(record: EpochRecord, images: Mapping[str, bytes]) -> Summary:
    """Returns a record as one TensorBoard summary: its numbers, its pictures and the packed record.

    Args:
        record: the record of one layer and epoch.
        images: the record's pictures, PNG bytes by picture name; of each the small one is taken, if there is one.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary

    pictures = {detail_key(record.layer, name, step=record.step): png for name, png in cards(images).items()}
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in logged(record).items()]
    values += [Summary.Value(tag=tag, image=_image(png)) for tag, png in pictures.items()]
    values.append(_payload_value(record_tag(layer_slug(record.layer), record.step), record, record.layer))
    return Summary(value=values)


def _payload_value(tag: str, record: EpochRecord | NetworkSnapshot, title: str) -> Summary.Value:
    """Returns a packed record or network snapshot as a tensor of the plugin ``iit``, with ``title`` as its display name."""
    from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR, Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    info = msgspec.json.encode(PayloadInfo(schema_version=record.schema_version))
    plugin = SummaryMetadata.PluginData(plugin_name=PLUGIN, content=info)
    metadata = SummaryMetadata(plugin_data=plugin, data_class=DATA_CLASS_TENSOR, display_name=title)
    tensor = TensorProto(dtype=DT_STRING, string_val=[pack(record)])
    return Summary.Value(tag=tag, metadata=metadata, tensor=tensor)


def _image(png: bytes) -> Summary.Image:
    """Returns a PNG as an image value; reads width, height and colour type from the PNG's header."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    width, height, _, colour = struct.unpack(">IIBB", png[16:26])
    return Summary.Image(width=width, height=height, colorspace=_CHANNELS[colour], encoded_image_string=png)


def _check_room(folder: str, size: int) -> None:
    """Raises ``OSError`` if the disk of ``folder`` has less than ``size`` bytes and a reserve of 256 KiB left.

    A full disk ends the event writer's thread for good, and the training's own logging with it, so writes stop before that.
    """
    if not Path(folder).is_dir():  # such as a storage bucket, whose free space is unknown
        return
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE_BYTES:
        msg = f"only {free} bytes are left"
        raise OSError(errno.ENOSPC, msg, folder)
