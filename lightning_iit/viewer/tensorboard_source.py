"""Reads records through TensorBoard's data provider, with its fast data loader or its slow one."""

from __future__ import annotations

import zlib
from pathlib import Path
from threading import Lock
from typing import Any

from tensorboard import context as tb_context
from tensorboard.backend import experiment_id as tb_experiment
from tensorboard.data.provider import RunTagFilter
from tensorboard.plugins.scalar.metadata import PLUGIN_NAME as SCALARS

from lightning_iit.errors import RecordError
from lightning_iit.records import decode_network
from lightning_iit.records.payload import NETWORK_TAG, PLUGIN
from lightning_iit.viewer.protocol import IndexRow, NetworkRow, RunIndex, RunInfo, ScalarList
from lightning_iit.viewer.scalars import MAX_POINTS, MAX_SERIES, series
from lightning_iit.viewer.summary import MAX_BYTES, corrupt, summarise, too_large

MAX_RUNS = 2_000
"""The largest number of runs that are listed."""
_ALL = 1_000_000


class _Tag:
    """Holds the data of one tag of one run: step and time of its newest entry; packed records and rows by (layer, epoch)."""

    def __init__(self, newest: tuple[int, float]) -> None:
        self.newest = newest
        self.packed: dict[tuple[str, int], bytes] = {}
        self.rows: dict[tuple[str, int], IndexRow] = {}


class TensorBoardSource:
    """Reads runs and records through TensorBoard's data provider; a tag without new entries is not read again.

    Args:
        provider: TensorBoard's data provider.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tags: dict[tuple[str, str, str], _Tag] = {}
        self._lock = Lock()

    def bound(self, environ: dict[str, Any]) -> BoundSource:
        """Returns the source for one request, with the access rights and the experiment of this request.

        Args:
            environ: the request's WSGI environment.
        """
        return BoundSource(self, tb_context.from_environ(environ), environ.get(tb_experiment.WSGI_ENVIRON_KEY, ""))

    def has_records(self) -> bool:
        """Returns whether any run has records; may be called outside of a request."""
        return bool(self.listed(tb_context.RequestContext(), ""))

    def listed(self, context: Any, experiment: str) -> Any:
        """Returns this plugin's tags: for each run, TensorBoard's description of each tag."""
        return self._provider.list_tensors(context, experiment_id=experiment, plugin_name=PLUGIN)

    def place(self, context: Any, experiment: str) -> str:
        """Returns the log directory, as an absolute path if it is on this machine, for commands that the page shows."""
        place = str(self._provider.experiment_metadata(context, experiment_id=experiment).data_location or "")
        return str(Path(place).resolve()) if place and Path(place).is_dir() else place

    def tags(self, context: Any, experiment: str, run: str) -> dict[str, _Tag]:
        """Returns a run's tags with all their records; reads only tags with new entries.

        Raises:
            LookupError: there is no such run.
        """
        listed = self.listed(context, experiment).get(run)
        if listed is None:
            raise LookupError(run)
        with self._lock:
            for tag, series_info in listed.items():
                newest = (series_info.max_step, series_info.max_wall_time)
                known = self._tags.get((experiment, run, tag))
                if known is None or known.newest != newest:
                    self._tags[experiment, run, tag] = self._read(context, experiment, run, tag, newest)
            return {tag: self._tags[experiment, run, tag] for tag in listed}

    def _read(self, context: Any, experiment: str, run: str, tag: str, newest: tuple[int, float]) -> _Tag:
        """Reads all entries of one tag."""
        chosen = RunTagFilter(runs=[run], tags=[tag])
        read = self._provider.read_tensors(
            context, experiment_id=experiment, plugin_name=PLUGIN, downsample=_ALL, run_tag_filter=chosen
        )
        found = _Tag(newest)
        for datum in read.get(run, {}).get(tag, ()):
            version = f"{datum.step}-{datum.wall_time}"
            packed = _payload(datum.numpy)
            row = _network_row(packed, version) if tag == NETWORK_TAG else _row(packed, tag, datum.step, version)
            found.rows[row.layer, row.epoch] = row
            found.packed[row.layer, row.epoch] = packed
        return found

    def scalars(self, context: Any, experiment: str, run: str) -> ScalarList:
        """Returns the metrics of a run (loss, accuracy) without this package's own metrics."""
        listed = self._provider.list_scalars(context, experiment_id=experiment, plugin_name=SCALARS).get(run, {})
        tags = sorted(tag for tag in listed if not tag.startswith("iit/"))[: 2 * MAX_SERIES]
        read = self._provider.read_scalars(
            context,
            experiment_id=experiment,
            plugin_name=SCALARS,
            downsample=MAX_POINTS,
            run_tag_filter=RunTagFilter(runs=[run], tags=tags),
        )
        return series({tag: [(datum.step, float(datum.value)) for datum in data] for tag, data in read.get(run, {}).items()})


class BoundSource:
    """Reads the records that one request may see; a :class:`RecordSource`.

    Args:
        source: the source that all requests share.
        context: TensorBoard's context of the request.
        experiment: TensorBoard's experiment id of the request; may be empty.
    """

    title = "TensorBoard"

    def __init__(self, source: TensorBoardSource, context: Any, experiment: str) -> None:
        self._source, self._context, self._experiment = source, context, experiment

    def runs(self) -> tuple[list[RunInfo], int]:
        """Returns the runs, last written first, and the number of further runs that are not listed."""
        listed = self._source.listed(self._context, self._experiment)
        place = self._source.place(self._context, self._experiment)
        infos = [
            RunInfo(
                id=run,
                name=run,
                path=f"{place}/{run}" if place else "",
                modified=max((tag.max_wall_time for tag in tags.values()), default=0.0),
            )
            for run, tags in listed.items()
        ]
        infos.sort(key=lambda run: (-run.modified, run.name))
        return infos[:MAX_RUNS], max(0, len(infos) - MAX_RUNS)

    def index(self, run: str) -> RunIndex:
        """Returns the list of records and network snapshots that the run has at this moment.

        Raises:
            LookupError: there is no such run.
        """
        tags = self._source.tags(self._context, self._experiment, run)
        rows = [row for tag, found in tags.items() if tag != NETWORK_TAG for row in found.rows.values()]
        networks = tags[NETWORK_TAG].rows.values() if NETWORK_TAG in tags else ()
        return RunIndex(
            run=run,
            rows=tuple(sorted(rows, key=lambda row: (row.epoch, row.layer))),
            networks=tuple(NetworkRow(epoch=row.epoch, version=row.version) for row in networks if row.status != "corrupt"),
        )

    def record(self, run: str, layer: str, epoch: int) -> bytes:
        """Returns one record as JSON bytes.

        Raises:
            LookupError: there is no such run, layer or epoch.
            RecordError: the data cannot be decompressed, or are too large.
        """
        for tag, found in self._source.tags(self._context, self._experiment, run).items():
            if tag != NETWORK_TAG and (layer, epoch) in found.packed:
                return _unpacked(found.packed[layer, epoch])
        raise LookupError(layer)

    def network(self, run: str, epoch: int) -> bytes:
        """Returns one network snapshot as JSON bytes.

        Raises:
            LookupError: there is no such run, or no snapshot of this epoch.
            RecordError: the data cannot be decompressed, or are too large.
        """
        found = self._source.tags(self._context, self._experiment, run)[NETWORK_TAG]
        return _unpacked(found.packed["network", epoch])

    def scalars(self, run: str) -> ScalarList:
        """Returns the run's other metrics (loss, accuracy)."""
        found = self._source.scalars(self._context, self._experiment, run)
        if found.series or run == ".":
            return found
        # What the loggers wrote belongs to the run above that of a callback with a name.
        return self._source.scalars(self._context, self._experiment, run.rpartition("/")[0] or ".")


def _payload(value: Any) -> bytes:
    """Returns the packed bytes in a tensor of TensorBoard; empty bytes if the tensor holds something else."""
    item = value.item() if getattr(value, "size", 0) == 1 else (value.flat[0] if getattr(value, "size", 0) else b"")
    return item if isinstance(item, bytes) else b""


def _unpacked(packed: bytes) -> bytes:
    """Returns the JSON of a packed record; raises ``RecordError`` above MAX_BYTES, since small data can unpack to huge data."""
    engine = zlib.decompressobj()
    try:
        data = engine.decompress(packed, MAX_BYTES)
    except zlib.error as error:
        msg = f"This is not a packed record of lightning-iit: {error}."
        raise RecordError(msg) from error
    if engine.unconsumed_tail:
        raise RecordError(too_large(MAX_BYTES + 1))
    return data


def _row(packed: bytes, tag: str, step: int, version: str) -> IndexRow:
    """Returns the index row of a packed record."""
    layer = tag.removeprefix("iit/").removesuffix("/record")
    try:
        return summarise(_unpacked(packed), layer=layer, epoch=step, version=version)
    except RecordError as error:
        return corrupt(str(error), layer=layer, epoch=step, version=version)


def _network_row(packed: bytes, version: str) -> IndexRow:
    """Returns the row of a packed network snapshot; the row's status is "corrupt" if the snapshot cannot be read."""
    try:
        epoch = decode_network(_unpacked(packed)).epoch
    except RecordError as error:
        return corrupt(str(error), layer="network", epoch=-1_000_000, version=version)
    return IndexRow(layer="network", epoch=epoch, status="computed", version=version)
