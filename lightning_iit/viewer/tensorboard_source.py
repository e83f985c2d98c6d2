"""Records from TensorBoard's data provider (the fast loader and the slow one)."""

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
_ALL = 1_000_000


class _Tag:
    """What is known of one tag of one run: its newest record, and the packed records and rows by key."""

    def __init__(self, newest: tuple[int, float]) -> None:
        self.newest = newest
        self.packed: dict[tuple[str, int], bytes] = {}
        self.rows: dict[tuple[str, int], IndexRow] = {}


class TensorBoardSource:
    """Reads through the provider; tags that have nothing new are not read again."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tags: dict[tuple[str, str, str], _Tag] = {}
        self._lock = Lock()

    def bound(self, environ: dict[str, Any]) -> BoundSource:
        """The source as one request sees it."""
        return BoundSource(self, tb_context.from_environ(environ), environ.get(tb_experiment.WSGI_ENVIRON_KEY, ""))

    def has_records(self) -> bool:
        """Whether any run has records, outside of a request."""
        return bool(self.listed(tb_context.RequestContext(), ""))

    def listed(self, context: Any, experiment: str) -> Any:
        """Run to tag to time series of this plugin."""
        return self._provider.list_tensors(context, experiment_id=experiment, plugin_name=PLUGIN)

    def place(self, context: Any, experiment: str) -> str:
        """The log directory; in full where it is on this machine, so that commands that name it work from anywhere."""
        place = str(self._provider.experiment_metadata(context, experiment_id=experiment).data_location or "")
        return str(Path(place).resolve()) if place and Path(place).is_dir() else place

    def tags(self, context: Any, experiment: str, run: str) -> dict[str, _Tag]:
        """The tags of a run with everything they hold."""
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
        """Loss, accuracy and whatever else the run logged."""
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
    """The records that one request may see."""

    title = "TensorBoard"

    def __init__(self, source: TensorBoardSource, context: Any, experiment: str) -> None:
        self._source, self._context, self._experiment = source, context, experiment

    def runs(self) -> tuple[list[RunInfo], int]:
        """The runs, the latest first, and how many more there are than are listed."""
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
        """What the run has by now."""
        tags = self._source.tags(self._context, self._experiment, run)
        rows = [row for tag, found in tags.items() if tag != NETWORK_TAG for row in found.rows.values()]
        networks = tags[NETWORK_TAG].rows.values() if NETWORK_TAG in tags else ()
        return RunIndex(
            run=run,
            rows=tuple(sorted(rows, key=lambda row: (row.epoch, row.layer))),
            networks=tuple(NetworkRow(epoch=row.epoch, version=row.version) for row in networks if row.status != "corrupt"),
        )

    def record(self, run: str, layer: str, epoch: int) -> bytes:
        """One record as JSON."""
        for tag, found in self._source.tags(self._context, self._experiment, run).items():
            if tag != NETWORK_TAG and (layer, epoch) in found.packed:
                return _unpacked(found.packed[layer, epoch])
        raise LookupError(layer)

    def network(self, run: str, epoch: int) -> bytes:
        """One network snapshot as JSON."""
        found = self._source.tags(self._context, self._experiment, run)[NETWORK_TAG]
        return _unpacked(found.packed["network", epoch])

    def scalars(self, run: str) -> ScalarList:
        """The other metrics of the run (loss, accuracy)."""
        return self._source.scalars(self._context, self._experiment, run)


def _payload(value: Any) -> bytes:
    item = value.item() if getattr(value, "size", 0) == 1 else (value.flat[0] if getattr(value, "size", 0) else b"")
    return item if isinstance(item, bytes) else b""


def _unpacked(packed: bytes) -> bytes:
    """The JSON of a packed record, never more than the most that is read (a small payload may claim to be huge)."""
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
    layer = tag.removeprefix("iit/").removesuffix("/record")
    try:
        return summarise(_unpacked(packed), layer=layer, epoch=step, version=version)
    except RecordError as error:
        return corrupt(str(error), layer=layer, epoch=step, version=version)


def _network_row(packed: bytes, version: str) -> IndexRow:
    try:
        epoch = decode_network(_unpacked(packed)).epoch
    except RecordError as error:
        return corrupt(str(error), layer="network", epoch=-1_000_000, version=version)
    return IndexRow(layer="network", epoch=epoch, status="computed", version=version)
