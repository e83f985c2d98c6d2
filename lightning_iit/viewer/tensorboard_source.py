"""Reads records through TensorBoard's data provider, with its fast data loader or its slow one."""

from __future__ import annotations

import hashlib
import math
import time
import zlib
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from tensorboard import context as tb_context
from tensorboard.backend import experiment_id as tb_experiment
from tensorboard.data.provider import RunTagFilter
from tensorboard.plugins.scalar.metadata import PLUGIN_NAME as SCALARS

from lightning_iit.errors import RecordError
from lightning_iit.records import decode_network
from lightning_iit.records.disk.payload import NETWORK_TAG, PLUGIN
from lightning_iit.viewer.event_files import EventFiles
from lightning_iit.viewer.protocol import IndexRow, NetworkRow, RunIndex, RunInfo, ScalarList
from lightning_iit.viewer.scalars import MAX_POINTS, MAX_SERIES, is_shown, series
from lightning_iit.viewer.summary import MAX_BYTES, corrupt, index_of, summarise, too_large

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_RUNS = 2_000
"""The largest number of runs that are listed."""
_ALL = 1_000_000


_AGAIN_SECONDS = 4.0
"""A tag without news is read again after so many seconds: a record that was replaced has the step and time of the one before it."""
_AGAIN_SHARE = 20.0
"""A tag without news is read again after so many times what its last reading took, if that is longer."""


class _Entry(NamedTuple):
    """Holds one packed record, or network snapshot, its global step and its row."""

    step: int
    packed: bytes
    row: IndexRow


class _Tag:
    """Holds the entries of one tag of one run by (layer, epoch, step); decodes only what it did not hold before.

    Entries come one by one from event files, or all at once from TensorBoard. TensorBoard returns all that it keeps of a tag,
    which may be a sample, or less than before where steps went back. So each such reading is the whole truth, and an entry is
    known by its step and its bytes, not by its place.

    Args:
        name: the tag.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: dict[tuple[str, int, int | None], _Entry] = {}
        self.changes = 0
        self._step = -math.inf
        self._decoded: dict[tuple[int, bytes], IndexRow] = {}
        self._newest: tuple[int, float] | None = None
        self._due = 0.0

    def add(self, step: int, packed: bytes) -> None:
        """Adds one entry of an event file; where its step goes back, TensorBoard drops the later ones, and so does this."""
        if step < self._step:
            self.entries = {key: entry for key, entry in self.entries.items() if entry.step < step}
        self._step = step
        self.changes += 1
        self._put(step, packed, self._row(step, packed))

    def is_due(self, newest: tuple[int, float]) -> bool:
        """Returns whether TensorBoard is to be asked: it has a newer entry (step, wall time), or was asked long ago.

        Args:
            newest: the largest step and wall time of the entries that TensorBoard has.
        """
        if self._step >= newest[0]:
            return False  # the event files gave it
        return newest != self._newest or time.monotonic() >= self._due

    def take(self, data: Iterable[Any], newest: tuple[int, float], began: float) -> None:
        """Takes in all entries of the tag; ``began`` is when their reading began, on the clock ``time.monotonic()``."""
        before = self._decoded | {(entry.step, entry.packed): entry.row for entry in self.entries.values()}
        self._decoded, self.entries = {}, {}
        for datum in data:
            key = datum.step, _payload(datum.numpy)
            row = self._decoded[key] = before.get(key) or self._row(*key)
            self._put(*key, row)
        self.changes += 1
        self._newest = newest
        now = time.monotonic()
        self._due = now + max(_AGAIN_SECONDS, _AGAIN_SHARE * (now - began))

    def _put(self, step: int, packed: bytes, row: IndexRow) -> None:
        """Puts an entry among the others; of two at one epoch, or at one step within it, the later one replaces the first."""
        self.entries[row.layer, row.epoch, row.step] = _Entry(step, packed, row)

    def _row(self, step: int, packed: bytes) -> IndexRow:
        """Returns the row of a packed record or network snapshot."""
        version = hashlib.blake2s(packed, digest_size=12).hexdigest()
        return _network_row(packed, version) if self.name == NETWORK_TAG else _row(packed, self.name, step, version)


class _Run:
    """Holds the tags of one run, its event files where they lie on this machine, and the index made of the tags.

    Args:
        folder: the folder of the event files; None where they are not on this machine.
    """

    def __init__(self, folder: Path | None) -> None:
        self.tags: dict[str, _Tag] = {}
        self.index: tuple[Any, RunIndex] | None = None
        self._files = None if folder is None else EventFiles(folder)

    def tag(self, name: str) -> _Tag:
        """Returns the tag of a name."""
        return self.tags.setdefault(name, _Tag(name))

    def read_files(self) -> None:
        """Adds what is new in the event files; reads all anew where a file was replaced."""
        if self._files is None:
            return
        if self._files.is_replaced():
            self.tags, self.index, self._files = {}, None, EventFiles(self._files.folder)
        for found in self._files.new():
            self.tag(found.tag).add(found.step, found.packed)


class TensorBoardSource:
    """Reads runs and records through TensorBoard's data provider, and decodes each entry once.

    TensorBoard says which runs and tags there are; their event files are read here, each part once, where they are on this
    machine. What the files do not give is asked of TensorBoard: a tag is read when it has new entries, and now and then without
    news, since a record that was judged later replaces the one before it at the same step and time.

    Args:
        provider: TensorBoard's data provider.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._runs: dict[tuple[str, str], _Run] = {}
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

    def index(self, context: Any, experiment: str, run: str) -> RunIndex:
        """Returns the list of records and network snapshots that a run has at this moment.

        Raises:
            LookupError: there is no such run.
        """
        tags = self.tags(context, experiment, run)
        with self._lock:
            known, state = self._runs[experiment, run], [(name, tag.changes) for name, tag in tags.items()]
            if known.index is None or known.index[0] != state:
                known.index = state, _index(run, tags)
            return known.index[1]

    def tags(self, context: Any, experiment: str, run: str) -> dict[str, _Tag]:
        """Returns a run's tags with all their records; reads only what is new or due.

        Raises:
            LookupError: there is no such run.
        """
        listed = self.listed(context, experiment).get(run)
        if listed is None:
            raise LookupError(run)
        with self._lock:
            if (experiment, run) not in self._runs:
                self._runs[experiment, run] = _Run(self._folder(context, experiment, run))
            known = self._runs[experiment, run]
            known.read_files()
            tags = {tag: known.tag(tag) for tag in listed}
            newest = {tag: (info.max_step, info.max_wall_time) for tag, info in listed.items()}
            for tag in tags.values():
                if tag.is_due(newest[tag.name]):
                    began = time.monotonic()
                    tag.take(self._read(context, experiment, run, tag.name), newest[tag.name], began)
            return tags

    def _folder(self, context: Any, experiment: str, run: str) -> Path | None:
        """Returns the folder of a run's event files; None where it is not on this machine."""
        place = self.place(context, experiment)
        folder = Path(place) / run
        return folder if place and folder.is_dir() else None

    def _read(self, context: Any, experiment: str, run: str, tag: str) -> Iterable[Any]:
        """Returns all entries of one tag that TensorBoard keeps."""
        chosen = RunTagFilter(runs=[run], tags=[tag])
        read = self._provider.read_tensors(
            context, experiment_id=experiment, plugin_name=PLUGIN, downsample=_ALL, run_tag_filter=chosen
        )
        found: Iterable[Any] = read.get(run, {}).get(tag, ())
        return found

    def scalars(self, context: Any, experiment: str, run: str) -> ScalarList:
        """Returns the metrics of a run (loss, accuracy) without this package's own metrics."""
        listed = self._provider.list_scalars(context, experiment_id=experiment, plugin_name=SCALARS).get(run, {})
        tags = sorted(filter(is_shown, listed))[:MAX_SERIES]
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
        return self._source.index(self._context, self._experiment, run)

    def record(self, run: str, layer: str, epoch: int, step: int | None = None) -> bytes:
        """Returns one record as JSON bytes.

        Raises:
            LookupError: there is no such run, layer, epoch or step.
            RecordError: the data cannot be decompressed, or are too large.
        """
        for tag, found in self._source.tags(self._context, self._experiment, run).items():
            if tag != NETWORK_TAG and (layer, epoch, step) in found.entries:
                return _unpacked(found.entries[layer, epoch, step].packed)
        raise LookupError(layer)

    def network(self, run: str, epoch: int) -> bytes:
        """Returns one network snapshot as JSON bytes.

        Raises:
            LookupError: there is no such run, or no snapshot of this epoch.
            RecordError: the data cannot be decompressed, or are too large.
        """
        found = self._source.tags(self._context, self._experiment, run)[NETWORK_TAG]
        return _unpacked(found.entries["network", epoch, None].packed)

    def scalars(self, run: str) -> ScalarList:
        """Returns the run's other metrics (loss, accuracy)."""
        found = self._source.scalars(self._context, self._experiment, run)
        if found.series or run == ".":
            return found
        # What the loggers wrote belongs to the run above that of a callback with a name.
        return self._source.scalars(self._context, self._experiment, run.rpartition("/")[0] or ".")


def _index(run: str, tags: dict[str, _Tag]) -> RunIndex:
    """Returns the index of all records and network snapshots of a run."""
    rows = [entry.row for name, tag in tags.items() if name != NETWORK_TAG for entry in tag.entries.values()]
    networks = [entry.row for entry in tags[NETWORK_TAG].entries.values()] if NETWORK_TAG in tags else []
    shown = (NetworkRow(epoch=row.epoch, version=row.version) for row in networks if row.status != "corrupt")
    return index_of(run, rows, shown)


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
    layer, _, within = tag.removeprefix("iit/").removesuffix("/record").partition("/")
    epoch, at = (0, step) if within else (step, None)
    try:
        return summarise(_unpacked(packed), layer=layer, epoch=epoch, version=version, step=at)
    except RecordError as error:
        return corrupt(str(error), layer=layer, epoch=epoch, version=version, step=at)


def _network_row(packed: bytes, version: str) -> IndexRow:
    """Returns the row of a packed network snapshot; the row's status is "corrupt" if the snapshot cannot be read."""
    try:
        epoch = decode_network(_unpacked(packed)).epoch
    except RecordError as error:
        return corrupt(str(error), layer="network", epoch=-1_000_000, version=version)
    return IndexRow(layer="network", epoch=epoch, status="computed", version=version)
