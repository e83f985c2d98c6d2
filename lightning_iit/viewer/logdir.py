"""Reads records from a directory of runs."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records import decode, encode
from lightning_iit.records.files import read_regular
from lightning_iit.records.names import FOLDER
from lightning_iit.records.open_records import interrupted
from lightning_iit.records.owner import is_alive
from lightning_iit.records.store import holds_run, may_be_run, numbered_runs
from lightning_iit.viewer.protocol import IndexRow, NetworkRow, RunIndex, RunInfo, ScalarList
from lightning_iit.viewer.summary import MAX_BYTES, corrupt, index_of, interrupted_row, summarise, too_large

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
_RECORD = re.compile(r"epoch=(-?\d{1,9})(?:-step=(\d{1,12}))?\.json")
_NETWORK = re.compile(r"snapshot=(-?\d{1,9})\.json")
_NETWORK_FOLDER = "network"
_OPEN = b'"status":"open"'


class _File(NamedTuple):
    """Holds what is known of the file of a record or network snapshot; ``version`` is a text that changes with the file."""

    inode: int
    version: str
    row: IndexRow | NetworkRow


class _Run:
    """Holds the files of a run by path, and what is made of them: the index, and each record's path by (layer, epoch, step)."""

    def __init__(self, name: str) -> None:
        self.files: dict[str, _File] = {}
        self.index = RunIndex(run=name, rows=())
        self.paths: dict[tuple[str, int, int | None], str] = {}
        self.due = 0.0
        self._running = False

    def take(self, files: dict[str, _File], *, running: bool) -> None:
        """Takes in the files that are there now, if any changed; what is open is interrupted where the run is not running."""
        if files == self.files and running == self._running:
            return
        self.files, self._running = files, running
        rows, self.paths = _named(files)
        if not running:
            rows = list(map(interrupted_row, rows))
        self.index = index_of(self.index.run, rows, (file.row for file in files.values() if isinstance(file.row, NetworkRow)))


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
            files = {}
            for entry in _files(folder):
                with contextlib.suppress(OSError):  # a file that has just gone
                    files[entry.path] = self._file(entry, known.files.get(entry.path), thorough=thorough)
            known.take(files, running=running)
            if thorough:
                now = time.monotonic()
                known.due = now + max(_STAT_SECONDS, _STAT_SHARE * (now - began))
            return known.index

    def _file(self, entry: os.DirEntry[str], old: _File | None, *, thorough: bool) -> _File:
        """Returns what is known of a file; looks at time and size if ``thorough`` or the inode is new, reads it if they changed."""
        if old is not None and not thorough and entry.inode() == old.inode:
            return old
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
        if run not in self._known or (layer, epoch, step) not in self._known[run].paths:
            self.index(run)
        path = Path(self._known[run].paths[layer, epoch, step])
        running = is_alive(path.parent.parent)
        data = self._read(path)
        return data if running or _OPEN not in data else encode(interrupted(decode(data)))

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


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yields the directory entry of each record and snapshot file of a run."""
    for layer in _entries(str(folder / "iit")):
        if not layer.is_dir(follow_symlinks=False):
            continue
        network = layer.name == _NETWORK_FOLDER
        for entry in _entries(layer.path):
            if entry.name.endswith(".json") and (_RECORD.fullmatch(entry.name) or (network and _NETWORK.fullmatch(entry.name))):
                yield entry


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Returns the entries of a folder; none if there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _named(files: dict[str, _File]) -> tuple[list[IndexRow], dict[tuple[str, int, int | None], str]]:
    """Returns the rows, and each record's path by (layer, epoch, step)."""
    named = [(row, path) for path, row in sorted(_with_layers(files).items())]
    return [row for row, _ in named], {(row.layer, row.epoch, row.step): path for row, path in named}


def _with_layers(files: dict[str, _File]) -> dict[str, IndexRow]:
    """Returns the records' rows by path.

    A corrupt record does not say its layer's name, so the name comes from a readable record in the same folder.
    """
    rows = {path: file.row for path, file in files.items() if isinstance(file.row, IndexRow)}
    corrupt_paths = [path for path, row in rows.items() if row.status == "corrupt"]
    if corrupt_paths:
        layers = {Path(path).parent: row.layer for path, row in rows.items() if row.status != "corrupt"}
        for path in corrupt_paths:
            rows[path] = msgspec.structs.replace(rows[path], layer=layers.get(Path(path).parent, rows[path].layer))
    return rows
