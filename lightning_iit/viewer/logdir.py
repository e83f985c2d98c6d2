"""Reads records from a directory of runs."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records import decode, encode
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.disk.open_records import interrupted
from lightning_iit.records.disk.owner import is_alive
from lightning_iit.records.names import FOLDER
from lightning_iit.records.store import holds_run, may_be_run, numbered_runs
from lightning_iit.viewer.in_order import InOrder
from lightning_iit.viewer.protocol import IndexRow, NetworkRow, RunIndex, RunInfo, ScalarList
from lightning_iit.viewer.summary import MAX_BYTES, corrupt, interrupted_row, summarise, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_RUNS = 2_000
"""The largest number of runs that are listed."""
_DEPTH = 6
_RESCAN_SECONDS = 1.0
_STAT_SECONDS = 4.0
"""Files are looked at one by one after so many seconds; between, a file with its old inode is the old one: records are renamed."""
_STAT_SHARE = 20.0
"""... and after so many times what the last such look took, if that is longer."""
_TICK_NS = 100_000_000
"""A folder's time of change says whether its names are those of before once it is so old, in nanoseconds."""
_RECORD = re.compile(r"epoch=(-?\d{1,9})(?:-step=(\d{1,12}))?\.json")
_NETWORK = re.compile(r"snapshot=(-?\d{1,9})\.json")
_NETWORK_FOLDER = "network"
_OPEN = b'"status":"open"'


class _File(NamedTuple):
    """Holds what is known of the file of a record or network snapshot; ``version`` is a text that changes with the file."""

    inode: int
    version: str
    row: IndexRow | NetworkRow


class _Folder:
    """Holds the files of one folder of a run by path, and a stamp that changes with the names in the folder."""

    def __init__(self) -> None:
        self.files: dict[str, _File] = {}
        self._stamp: tuple[int, int] | None = None

    def is_changed(self, path: str) -> bool:
        """Returns whether names may have changed since the last call: a file came, went, or was replaced by a rename."""
        try:
            stat = Path(path).stat()
        except OSError:  # it has just gone
            return True
        before, now = self._stamp, (stat.st_ino, stat.st_mtime_ns)
        # What follows within a tick of the file system's clock leaves the time as it is, so a time is trusted once it is old.
        self._stamp = now if time.time_ns() - stat.st_mtime_ns > _TICK_NS else None
        return before != now


class _Run:
    """Holds the files of a run by folder, and what is made of them: the index, and each record's path by (layer, epoch, step)."""

    def __init__(self, name: str) -> None:
        self.folders: dict[str, _Folder] = {}
        self.index = RunIndex(run=name, rows=())
        self.paths: dict[tuple[str, int, int | None], str] = {}
        self.due = 0.0
        self._running = False
        self._layers: dict[str, str] = {}
        self._start_anew()

    def _start_anew(self) -> None:
        """Forgets what was made of the files."""
        self._rows: InOrder[IndexRow] = InOrder(order=lambda row: (row.epoch, row.layer))
        self._steps: InOrder[IndexRow] = InOrder(order=lambda row: (row.epoch, row.step, row.layer))
        self._networks: InOrder[NetworkRow] = InOrder(order=lambda row: row.epoch)
        self._taken: dict[str, Any] = {}
        self.paths = {}

    def take(self, changed: dict[str, _File], *, gone: bool, running: bool) -> None:
        """Takes in the files that are new or changed; what is open is interrupted where the run is not running.

        All files are taken in again where one is ``gone``, the run began or ended, or a folder's layer was not known before.
        """
        if not changed and not gone and running == self._running:
            return
        rows = {path: file.row for path, file in changed.items()}
        layers = {
            _folder_of(path): row.layer for path, row in rows.items() if isinstance(row, IndexRow) and row.status != "corrupt"
        }
        if gone or running != self._running or not layers.items() <= self._layers.items():
            self._running = running
            self._layers.update(layers)
            self._start_anew()
            rows = {path: file.row for folder in self.folders.values() for path, file in folder.files.items()}
        for path in sorted(rows):
            self._put(path, rows[path])
        self.index = RunIndex(run=self.index.run, rows=self._rows.all(), steps=self._steps.all(), networks=self._networks.all())

    def _put(self, path: str, row: IndexRow | NetworkRow) -> None:
        """Puts the row of a file among the others; a corrupt record does not say its layer, so one in its folder does."""
        old = self._taken.get(path)
        if isinstance(row, NetworkRow):
            self._networks.put(row, instead_of=old)
        else:
            if row.status == "corrupt":
                row = msgspec.structs.replace(row, layer=self._layers.get(_folder_of(path), row.layer))
            row = row if self._running else interrupted_row(row)
            (self._rows if row.step is None else self._steps).put(row, instead_of=old)
            self.paths[row.layer, row.epoch, row.step] = path
        self._taken[path] = row


class LogDirSource:
    """Reads the records of all runs below a directory; each folder that holds a folder ``iit`` with records is a run.

    Only files whose real path (links resolved) lies below the directory are opened. A record is parsed once, and again only when
    its file changes, so repeated calls of :meth:`index` are cheap: they list names. A file that is written in its place, instead
    of by a rename as this package does it, is seen a few seconds later. May be used from several threads.

    Args:
        root: the directory of runs, one run's directory, or a run's folder ``iit``.
    """

    def __init__(self, root: Path) -> None:
        root = root.resolve()
        self._root = root.parent if root.name == "iit" and not (root / "iit").is_dir() else root
        self.title: str = str(root)
        self._lock = Lock()
        self._scanned = 0.0
        self._runs: dict[str, RunInfo] = {}
        self._left_out = 0
        self._known: dict[str, _Run] = {}

    def runs(self) -> tuple[list[RunInfo], int]:
        """Returns the runs, last modified first, and the number of further runs that are not listed."""
        with self._lock:
            self._scan()
            return sorted(self._runs.values(), key=lambda run: (-run.modified, run.name)), self._left_out

    def index(self, run: str) -> RunIndex:
        """Returns the list of records and network snapshots that the run has at this moment.

        Raises:
            LookupError: there is no such run.
        """
        with self._lock:
            folder = self._folder(run)
            running = is_alive(folder / FOLDER)  # looked at first, as in load_run
            known = self._known.setdefault(run, _Run(run))
            began = time.monotonic()
            thorough = began >= known.due
            before = known.folders
            places = [entry.path for entry in _entries(str(folder / FOLDER)) if entry.is_dir(follow_symlinks=False)]
            known.folders = {path: before.get(path) or _Folder() for path in places}
            gone = not before.keys() <= known.folders.keys()
            changed: dict[str, _File] = {}
            for path, place in known.folders.items():
                if place.is_changed(path) or thorough:
                    gone |= self._look(place, path, changed, thorough=thorough)
            known.take(changed, gone=gone, running=running)
            if thorough:
                now = time.monotonic()
                known.due = now + max(_STAT_SECONDS, _STAT_SHARE * (now - began))
            return known.index

    def directory(self, run: str) -> Path:
        """Returns the directory of a run, which lies below the directory that is served.

        Raises:
            LookupError: there is no such run.
        """
        with self._lock:
            return self._folder(run)

    def _look(self, place: _Folder, path: str, changed: dict[str, _File], *, thorough: bool) -> bool:
        """Looks through a folder: adds its new and changed files to ``changed``; returns whether any file is gone.

        Each file is looked at if ``thorough``; else only one whose inode is new.
        """
        before, place.files = place.files, {}
        network = Path(path).name == _NETWORK_FOLDER
        for entry in _entries(path):
            old = before.get(entry.path)
            if old is not None and not thorough and entry.inode() == old.inode:
                place.files[entry.path] = old
            elif entry.name.endswith(".json") and (_RECORD.fullmatch(entry.name) or (network and _NETWORK.fullmatch(entry.name))):
                with contextlib.suppress(OSError):  # a file that has just gone
                    file = place.files[entry.path] = self._file(entry, old)
                    if file is not old:
                        changed[entry.path] = file
        return not before.keys() <= place.files.keys()

    def _file(self, entry: os.DirEntry[str], old: _File | None) -> _File:
        """Returns what is known of a file; looks at its time and size, and reads it if they changed."""
        stat = entry.stat()
        version = f"{stat.st_mtime_ns:x}-{stat.st_size:x}"
        if old is not None and old.version == version:
            return old if old.inode == entry.inode() else old._replace(inode=entry.inode())
        if found := _NETWORK.fullmatch(entry.name):
            return _File(entry.inode(), version, NetworkRow(epoch=int(found[1]), version=version))
        return _File(entry.inode(), version, self._summary(Path(entry.path), stat.st_size, version))

    def record(self, run: str, layer: str, epoch: int, step: int | None = None) -> bytes:
        """Returns the bytes of one record's JSON file; of an open record whose run is gone, as it is now: interrupted.

        Raises:
            LookupError: there is no such run, layer, epoch or step.
            RecordError: the file is too large, no regular file, cannot be opened, or is a link out of the directory.
        """
        path = self._path(run, layer, epoch, step)
        if path is None:
            self.index(run)
            path = self._path(run, layer, epoch, step)
        if path is None:
            raise LookupError(layer, epoch, step)
        running = is_alive(path.parent.parent)
        data = self._read(path)
        return data if running or _OPEN not in data else encode(interrupted(decode(data)))

    def _path(self, run: str, layer: str, epoch: int, step: int | None) -> Path | None:
        """Returns the path of a record's file; None where none is known."""
        with self._lock:  # the paths may just be made anew
            known = self._known.get(run)
            path = None if known is None else known.paths.get((layer, epoch, step))
        return None if path is None else Path(path)

    def network(self, run: str, epoch: int) -> bytes:
        """Returns the bytes of one network snapshot's JSON file.

        Raises:
            LookupError: there is no such run, or no snapshot of this epoch.
            RecordError: the file is too large, no regular file, cannot be opened, or is a link out of the directory.
        """
        with self._lock:
            folder = self._folder(run)
        path = folder / "iit" / _NETWORK_FOLDER / f"snapshot={epoch:04d}.json"
        if not path.exists():
            raise LookupError(epoch)
        return self._read(path)

    def scalars(self, run: str) -> ScalarList:
        """Returns the run's other metrics (loss, accuracy) from its ``metrics.csv`` or its event files.

        Raises:
            LookupError: there is no such run.
        """
        from lightning_iit.viewer.scalars import read_scalars

        with self._lock:
            folder = self._folder(run)
        found = read_scalars(folder)
        # What the loggers wrote lies above the folder of a callback with a name.
        return found if found.series or folder == self._root else read_scalars(folder.parent)

    def _folder(self, run: str) -> Path:
        """Returns the directory of a run; raises ``LookupError`` if there is no such run."""
        if run not in self._runs:
            self._scan()
        if run not in self._runs:
            raise LookupError(run)
        return self._root / run

    def _scan(self) -> None:
        """Looks for runs below the directory, at most once a second."""
        if time.monotonic() - self._scanned < _RESCAN_SECONDS and self._scanned:
            return
        folders = list(_run_folders(self._root))
        # MLflow's artifact folders hold copies of records, so they are listed only if there are no other runs.
        folders = [folder for folder in folders if not _is_artifacts(folder)] or folders
        found = sorted(((folder.stat().st_mtime, folder) for folder in folders), reverse=True)
        self._left_out = max(0, len(found) - MAX_RUNS)
        self._runs = {}
        for modified, folder in found[:MAX_RUNS]:
            name = folder.parent.relative_to(self._root).as_posix()
            self._runs[name] = RunInfo(
                id=name, name=self._root.name if name == "." else name, modified=modified, path=str(folder.parent)
            )
        self._scanned = time.monotonic()

    def _summary(self, path: Path, size: int, version: str) -> IndexRow:
        """Returns the index row of a record's file; a file that cannot be read gets the status "corrupt" and the reason."""
        found = _RECORD.fullmatch(path.name)
        epoch, layer = int(found[1]) if found else 0, path.parent.name
        step = int(found[2]) if found and found[2] else None
        file = f"iit/{layer}/{path.name}"
        if size > MAX_BYTES:
            return corrupt(too_large(size), layer=layer, epoch=epoch, version=version, file=file, step=step)
        try:
            row = summarise(self._read(path), layer=layer, epoch=epoch, version=version, step=step)
        except RecordError as error:
            return corrupt(str(error), layer=layer, epoch=epoch, version=version, file=file, step=step)
        return msgspec.structs.replace(row, file=row.file or file)

    def _read(self, path: Path) -> bytes:
        """Returns a file's bytes; raises ``RecordError`` if the file is too large, unreadable, or outside of the directory."""
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._root):
                msg = f"{path.name} leads out of the directory that is served; it is not read."
                raise RecordError(msg)
            data = read_regular(real, MAX_BYTES + 1)
        except OSError as error:
            msg = f"{path.name} cannot be read: {error.strerror}."
            raise RecordError(msg) from error
        if len(data) > MAX_BYTES:
            raise RecordError(too_large(real.stat().st_size))
        return data


def _run_folders(root: Path) -> Iterator[Path]:
    """Yields the runs' folders named ``iit`` in a directory and in its subfolders down to six levels; links are not followed."""
    for place, folders, _ in os.walk(root):
        here = Path(place)
        depth = len(here.relative_to(root).parts)
        if FOLDER in folders and may_be_run(here / FOLDER):
            yield here / FOLDER
        if here.name == FOLDER and holds_run(here):  # its other folders are layers
            folders[:] = [run.name for run in numbered_runs(here)]
        folders[:] = [name for name in folders if not name.startswith(".") and depth < _DEPTH]


def _is_artifacts(folder: Path) -> bool:
    """Returns whether an ``iit`` folder lies among an MLflow run's artifacts: ``<run id>/artifacts/iit`` or ``.../<name>/iit``."""
    return re.search("/[0-9a-f]{32}/artifacts(/[^/]+)?/iit$", folder.as_posix()) is not None


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Returns the entries of a folder; none if there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _folder_of(path: str) -> str:
    """Returns the folder of a file."""
    return path.rpartition(os.sep)[0]
